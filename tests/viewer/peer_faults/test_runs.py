"""One run after another, folders, names, and the newest."""

import itertools
import sys
from pathlib import Path

import pytest
from peer_rig import SIZE, Line, plane, save

from planecast_agent.adapters.ndviewer_light import LightweightViewer

sys.path.append(str(Path(__file__).parents[2] / "processes"))
from squid_files import create_store

CHANNELS = ["BF", "Fluorescence_488_nm_Ex"]
FOVS = [("A1", 0), ("B_2", 0), ("B_2", 11)]


def test_newest_image_is_followed(line: Line, tmp_path: Path) -> None:
    run = line.start(num_z=2, fov_labels=["A1:0", "A1:1"])
    for t, fov, z in itertools.product(range(2), range(2), range(2)):
        run.register_image(t, fov, z, "BF", save(tmp_path / f"{t}{fov}{z}.tif", plane(t, fov, z)))
        line.wait_shown((t, fov, z, 0))
        rows = line.window.axes.rows
        assert [rows[axis].slider.value() for axis in ("t", "fov", "z")] == [t, fov, z]


def test_tiff_run_after_a_zarr_run_shows_its_own_images(line: Line, tmp_path: Path) -> None:
    adapter = LightweightViewer(agent=line.agent, spool_dir=line.folder / "spool")
    store = tmp_path / "zarr" / "A1" / "fov_0.ome.zarr"
    try:
        adapter.start_zarr_acquisition([str(store)], ["BF"], 1, ["A1:0"], SIZE, SIZE)
        array = create_store(store, (1, 1, 1, SIZE, SIZE), ["BF"])
        array[0, 0, 0] = plane(7)
        adapter.notify_zarr_frame(0, 0, 0, "BF")
        line.wait(lambda: line.shows(adapter.acquisition_id), "the zarr run")
        line.wait_shown((7, 0, 0, 0))
        adapter.end_zarr_acquisition()
        adapter.start_acquisition(["BF"], 1, SIZE, SIZE, ["A1:0"])
        adapter.register_image(0, 0, 0, "BF", str(save(tmp_path / "0.tif", plane(8))))
        line.wait_shown((8, 0, 0, 0))
        assert line.shows(adapter.acquisition_id)
        adapter.end_acquisition()
    finally:
        adapter.close()


def write_folder(folder: Path, suffix: str = ".tif") -> list[tuple[int, int, int, int]]:
    """Write a folder of 2 times, 3 fovs of which one begins at the second time, 2 z, 2 channels."""
    written = []
    for t, fov, z, c in itertools.product(range(2), range(3), range(2), range(2)):
        if fov == 2 and t == 0:
            continue
        region, number = FOVS[fov]
        path = folder / str(t) / f"{region}_{number}_{z}_{CHANNELS[c]}{suffix}"
        save(path, plane(t, fov, z, c, n_channels=2))
        written.append((t, fov, z, c))
    return written


@pytest.mark.parametrize("suffix", [".tif", ".tiff"])
def test_folder_is_wholly_reachable_after_a_live_run(
    line: Line, tmp_path: Path, suffix: str
) -> None:
    run = line.start()
    run.register_image(0, 0, 0, "BF", save(tmp_path / "0.tif", plane(9)))
    line.wait_shown((9, 0, 0, 0))
    written = write_folder(tmp_path / "folder", suffix)
    line.open(tmp_path / "folder")
    names = line.window.axes.rows["fov"].names
    assert [names.itemText(n) for n in range(names.count())] == ["A1:0", "B_2:0", "B_2:11"]
    for t, fov, z in itertools.product(range(2), range(3), range(2)):
        line.go(t, fov, z)
        if (t, fov, z, 0) in written:
            line.wait_shown((t, fov, z, 0), (t, fov, z, 1))
        else:
            line.wait_message("A1_0" if fov == 0 else "B_2_11")


def test_live_run_after_a_folder_shows_its_own_images(line: Line, tmp_path: Path) -> None:
    write_folder(tmp_path / "folder")
    line.open(tmp_path / "folder")
    line.wait_shown((0, 0, 0, 0), (0, 0, 0, 1))
    run = line.start()
    run.register_image(0, 0, 0, "BF", save(tmp_path / "0.tif", plane(9)))
    line.wait_shown((9, 0, 0, 0))
    rows = line.window.axes.rows
    assert [rows[axis].slider.maximum() for axis in ("t", "fov", "z")] == [0, 0, 0]


LONG = "well_of_the_second_screening_plate_B_12:{}"


def test_label_that_is_longer_still_keeps_its_end_and_the_tooltip_has_it_whole(
    line: Line, tmp_path: Path
) -> None:
    labels = [3 * LONG.format(fov) for fov in range(3)]
    run = line.start(fov_labels=labels)
    run.register_image(0, 2, 0, "BF", save(tmp_path / "0.tif", plane(0, 2)))
    line.wait_shown((0, 2, 0, 0))
    names = line.window.axes.rows["fov"].names
    assert names.currentText().endswith("plate_B_12:2")
    assert names.toolTip() == labels[2]


@pytest.mark.parametrize("n_fovs", [3, 5000])
def test_long_label_of_a_fov_can_be_read(line: Line, tmp_path: Path, n_fovs: int) -> None:
    line.window.resize(1280, 800)
    run = line.start(fov_labels=[LONG.format(fov) for fov in range(n_fovs)])
    run.register_image(0, 2, 0, "BF", save(tmp_path / "0.tif", plane(0, 2)))
    line.wait_shown((0, 2, 0, 0))
    label = LONG.format(2)
    row = line.window.axes.rows["fov"]
    shown = row.names if row.names.isVisible() else row.text
    text = row.names.currentText() if row.names.isVisible() else row.text.text()
    assert label in text
    width = shown.fontMetrics().horizontalAdvance(text)
    # Rows are laid out a moment later.
    line.wait(lambda: shown.width() >= width, f"{width} px for the label, not {shown.width()}")
    assert shown.mapTo(line.window, shown.rect().topRight()).x() <= line.window.width()
