"""Frames that the adapter saves itself: what is in the files, and a disk that is too slow."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from planecast_agent.adapters.pymmcore_plus.saver import FrameSaver
from planecast_agent.adapters.pymmcore_plus.tiff import write_plane


@pytest.mark.parametrize(
    "dtype", ["u1", "<u2", ">u2", "<i2", "<u4", "<f4", "<f8"], ids=lambda name: name.strip("<>")
)
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (6, 4, 4)])
def test_file_holds_the_plane(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    plane = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    write_plane(tmp_path / "a.tiff", plane)
    with tifffile.TiffFile(tmp_path / "a.tiff") as file:
        page = file.pages[0]
        assert page.photometric == (2 if len(shape) == 3 else 1)
        np.testing.assert_array_equal(page.asarray(), plane)
        assert page.asarray().dtype.newbyteorder("=") == plane.dtype.newbyteorder("=")
    assert [one.name for one in tmp_path.iterdir()] == ["a.tiff"]


def test_view_with_gaps_is_written_as_it_looks(tmp_path: Path) -> None:
    plane = np.arange(100, dtype=np.uint16).reshape(10, 10)[::2, 1:8]
    write_plane(tmp_path / "a.tiff", plane)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tiff"), plane)


@pytest.mark.parametrize("plane", [np.zeros((4, 4), complex), np.zeros(4), np.zeros((4, 4, 2))])
def test_what_is_no_plane_is_refused(tmp_path: Path, plane: "np.ndarray") -> None:
    with pytest.raises(ValueError, match="is no plane"):
        write_plane(tmp_path / "a.tiff", plane)
    assert list(tmp_path.iterdir()) == []


def test_frames_lie_where_folders_of_acquisitions_have_them(tmp_path: Path) -> None:
    saver = FrameSaver(tmp_path)
    frame = np.ones((4, 4), np.uint16)
    path = saver.save(frame, 3, "A1:2", 1, "Cy5 / far_red")
    saver.finish()
    assert saver.wait(10)
    assert path == tmp_path / "3" / "A1_2_1_Cy5-far-red.tiff"
    np.testing.assert_array_equal(tifffile.imread(path), frame)


def test_disk_that_is_too_slow_costs_frames_not_the_acquisition(tmp_path: Path) -> None:
    frame = np.ones((64, 64), np.uint16)
    saver = FrameSaver(tmp_path, max_waiting_bytes=3 * frame.nbytes)
    # A disk that hangs: opening a pipe to write waits for somebody who reads.
    (tmp_path / "0").mkdir()
    pipe = tmp_path / "0" / ".A1_0_0_BF.tiff.part"
    os.mkfifo(pipe)
    paths = [saver.save(frame, t, "A1:0", 0, "BF") for t in range(5)]
    assert [path is not None for path in paths] == [True, True, True, False, False]
    assert saver.not_saved == 2
    assert "slower than the camera" in saver.trouble
    with pipe.open("rb") as reader:
        reader.read()
    saver.finish()
    assert saver.wait(10)
    assert paths[2] is not None
    np.testing.assert_array_equal(tifffile.imread(paths[2]), frame)


def test_folder_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    saver = FrameSaver(tmp_path / "taken")
    saver.save(np.ones((4, 4), np.uint16), 0, "A1:0", 0, "BF")
    saver.finish()
    assert saver.wait(10)
    assert saver.not_saved == 1
    assert "taken" in saver.trouble
