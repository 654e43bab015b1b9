"""What is missing, damaged, still to come or truly black: four things, told apart."""

from pathlib import Path

import numpy as np
import pytest
from peer_rig import SIZE, Line, plane, save

from planecast_agent.adapters.ndviewer_light import LightweightViewer
from planecast_protocol.errors import AcquisitionError

MISSING, DAMAGED, TO_COME, BLACK, FINE = range(5)


def register_one_of_each(line: Line, folder: Path) -> None:
    """Register five z planes; the acquisition has ended, but for what is still to come."""
    run = line.start(num_z=5)
    run.register_image(0, 0, BLACK, "BF", save(folder / "black.tif", np.zeros((SIZE, SIZE), "u2")))
    damaged = save(folder / "damaged.tif", plane(0))
    data = bytearray(damaged.read_bytes())
    data[:4] = b"junk"
    damaged.write_bytes(data)
    run.register_image(0, 0, DAMAGED, "BF", damaged)
    gone = save(folder / "gone.tif", plane(0))
    stat = gone.stat()
    gone.unlink()
    run.register_image(
        0, 0, MISSING, "BF", gone, size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns
    )
    run.register_image(0, 0, FINE, "BF", save(folder / "fine.tif", plane(0, z=FINE)))
    line.wait_shown((0, 0, FINE, 0))


def test_missing_damaged_to_come_and_black_are_told_apart(line: Line, tmp_path: Path) -> None:
    register_one_of_each(line, tmp_path)
    said = {}
    for z, part in ((MISSING, "gone.tif"), (DAMAGED, "damaged.tif"), (TO_COME, "not acquired")):
        line.go(z=z)
        line.wait_message(part)
        said[z] = line.canvas.message
    assert len(set(said.values())) == 3, said
    assert said[MISSING].startswith("failed")
    assert said[DAMAGED].startswith("failed")
    line.go(z=FINE)
    line.wait_shown((0, 0, FINE, 0))
    line.end_all()
    line.go(z=BLACK)
    line.wait(lambda: line.color(4, 4) == (0, 0, 0) and not line.canvas.message, "black, as it is")
    line.go(z=TO_COME)
    line.wait_message("never acquired")


def test_what_failed_is_in_the_event_log_with_its_place(line: Line, tmp_path: Path) -> None:
    register_one_of_each(line, tmp_path)
    line.go(z=DAMAGED)
    line.wait_message("damaged.tif")
    log = line.window.docks["log"].widget().text
    assert "t 0, A1:0, z 1, BF: " in log.toPlainText()


@pytest.mark.parametrize(
    ("place", "said"),
    [((0, 0, 0, "GFP"), "GFP"), ((0, 0, 7, "BF"), "z"), ((0, 3, 0, "BF"), "fov")],
    ids=["channel", "z", "fov"],
)
def test_plane_that_was_not_announced_is_refused(
    line: Line, tmp_path: Path, place: tuple[int, int, int, str], said: str
) -> None:
    run = line.start(num_z=2)
    with pytest.raises(AcquisitionError, match=said):
        run.register_image(*place, tmp_path / "x.tif")
    run.register_image(0, 0, 0, "BF", save(tmp_path / "0.tif", plane(0)))
    line.wait_shown((0, 0, 0, 0))
    assert line.session.planes.n_planes == 1


def test_controller_of_ndviewer_light_is_told_of_what_it_did_not_announce(
    line: Line, tmp_path: Path
) -> None:
    """Its calls never raise in the middle of an acquisition: they say so."""
    adapter = LightweightViewer(agent=line.agent, spool_dir=line.folder / "spool")
    try:
        adapter.start_acquisition(["BF"], 1, SIZE, SIZE, ["A1:0"])
        path = save(tmp_path / "0.tif", plane(0))
        adapter.register_image(0, 0, 0, "unknown", str(path))
        assert "unknown" in adapter.alarm
        adapter.register_image(0, 0, 0, "BF", str(path))
        line.wait(lambda: line.shows(adapter.acquisition_id), "its acquisition")
        line.wait_shown((0, 0, 0, 0))
        adapter.end_acquisition()
    finally:
        adapter.close()
