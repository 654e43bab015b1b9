"""Images that come late, half, at the very end, or twice."""

import io
from pathlib import Path

import tifffile
from peer_rig import Line, plane, save

from planecast_protocol.axes import PlaneIndex


def test_image_announced_before_its_file_appears_by_itself(line: Line, tmp_path: Path) -> None:
    run = line.start()
    run.register_image(0, 0, 0, "BF", tmp_path / "0.tif")
    line.wait_message("not written yet")
    save(tmp_path / "0.tif", plane(0))
    line.wait_shown((0, 0, 0, 0))
    line.wait(lambda: not line.canvas.message, "no message over the picture")


def test_half_written_image_is_waited_for_and_appears_by_itself(line: Line, tmp_path: Path) -> None:
    whole = io.BytesIO()
    tifffile.imwrite(whole, plane(0))
    data = whole.getvalue()
    run = line.start()
    with (tmp_path / "0.tif").open("wb", buffering=0) as file:
        file.write(data[: len(data) // 2])
        run.register_image(0, 0, 0, "BF", tmp_path / "0.tif")
        line.wait_message("not written yet")
        file.write(data[len(data) // 2 :])
    line.wait_shown((0, 0, 0, 0))


def test_late_image_appears_where_somebody_looks_and_nothing_else_moves(
    line: Line, tmp_path: Path
) -> None:
    run = line.start(num_z=2)
    run.register_image(0, 0, 0, "BF", tmp_path / "late.tif")
    run.register_image(0, 0, 1, "BF", save(tmp_path / "1.tif", plane(0, z=1)))
    line.wait_shown((0, 0, 1, 0))
    line.go(z=0)
    line.wait_message("not written yet")
    save(tmp_path / "late.tif", plane(0, z=0))
    line.wait_shown((0, 0, 0, 0))
    assert tuple(line.session.shown) == (0, 0, 0)


def test_last_images_before_the_end_are_shown(line: Line, tmp_path: Path) -> None:
    run = line.start(n_channels=2)
    for t in range(20):
        for channel, name in enumerate(("BF", "DAPI")):
            path = save(tmp_path / f"{t}_{channel}.tif", plane(t, channel=channel, n_channels=2))
            run.register_image(t, 0, 0, name, path)
    run.end()
    line.wait_shown((19, 0, 0, 0), (19, 0, 0, 1))
    line.wait(lambda: line.session.state == "done", "the end")
    assert line.session.planes.n_planes == 40
    assert line.window.axes.rows["t"].slider.maximum() == 19


def test_image_whose_file_comes_after_the_end_is_shown(line: Line, tmp_path: Path) -> None:
    run = line.start()
    run.register_image(0, 0, 0, "BF", save(tmp_path / "0.tif", plane(0)))
    run.register_image(1, 0, 0, "BF", tmp_path / "1.tif")
    run.end()
    line.wait(lambda: line.session.state == "done", "the end")
    line.wait_message("not written yet")
    save(tmp_path / "1.tif", plane(1))
    line.wait_shown((1, 0, 0, 0))


def test_image_taken_again_is_shown(line: Line, tmp_path: Path) -> None:
    run = line.start()
    for second_try in (7, 8):
        # What is taken says which try it is: another t than where it is registered.
        path = save(tmp_path / "again.tif", plane(second_try))
        run.register_image(0, 0, 0, "BF", path)
        line.wait_shown((second_try, 0, 0, 0))
    assert line.session.planes.n_planes == 1


def test_image_taken_again_while_another_is_shown_is_new_when_one_comes_back(
    line: Line, tmp_path: Path
) -> None:
    run = line.start(num_z=2)
    run.register_image(0, 0, 0, "BF", save(tmp_path / "0.tif", plane(7)))
    line.wait_shown((7, 0, 0, 0))
    run.register_image(0, 0, 1, "BF", save(tmp_path / "1.tif", plane(0, z=1)))
    line.wait_shown((0, 0, 1, 0))
    line.session.set_following(False)
    run.register_image(0, 0, 0, "BF", save(tmp_path / "0.tif", plane(8)))
    line.wait(lambda: line.session.planes.revision(PlaneIndex(0, 0, 0, 0)) > 0, "its registration")
    line.go(z=0)
    line.wait_shown((8, 0, 0, 0))
