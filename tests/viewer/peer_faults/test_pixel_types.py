"""Any type of pixel, several in one picture, channels of other sizes, and contrast by itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from peer_rig import SIZE, Line, Plane, plane, save

from planecast_viewer.panels.display import DisplayPanel


def values_in(dtype: Any) -> Plane:
    """Return a plane that uses the range of its type: it says which one it is."""
    marks = plane(0).astype(np.float64)
    limits = {"b": (-100, 100), "i": (-20_000, 20_000), "u": (0, 250), "f": (-1e6, 1e6)}
    low, high = limits[np.dtype(dtype).kind] if np.dtype(dtype).itemsize < 4 else (-1e6, 3e9)
    if np.dtype(dtype).kind == "u":
        low = 0
    if dtype == "i4":
        low, high = -2e9, 2e9
    scaled = low + (marks - marks.min()) / (marks.max() - marks.min()) * (high - low)
    return scaled.astype(dtype)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_every_type_of_pixel_is_shown_with_contrast_of_its_own(
    line: Line, tmp_path: Path, dtype: str
) -> None:
    run = line.start()
    run.register_image(0, 0, 0, "BF", save(tmp_path / "0.tif", values_in(dtype)))
    line.wait_shown((0, 0, 0, 0))
    # The first cell of a block is bright, the second dark.
    line.wait(lambda: line.color(4, 4) == (255, 255, 255), "white where it is brightest")
    assert line.color(12, 4) == (0, 0, 0)


def test_channels_of_8_16_and_32_bits_are_shown_together(line: Line, tmp_path: Path) -> None:
    run = line.start(n_channels=3)
    dtypes = (np.uint8, np.uint16, np.uint32)
    scales = (1 / 16, 1.0, 100_000.0)
    for channel, (dtype, scale) in enumerate(zip(dtypes, scales, strict=True)):
        pixels = plane(0, channel=channel, n_channels=3) * scale
        path = save(tmp_path / f"{channel}.tif", pixels.astype(dtype))
        run.register_image(0, 0, 0, channel, path)
    line.wait_shown(*((0, 0, 0, channel) for channel in range(3)))
    values = dict(line.window.view.wrapper.values_at(68, 4))
    assert values == {"BF": "6", "DAPI": "4000", "GFP": f"{100 * 100_000:g}"}


def test_channel_of_another_size_blanks_nothing(line: Line, tmp_path: Path) -> None:
    run = line.start(n_channels=2)
    run.register_image(0, 0, 0, "BF", save(tmp_path / "0.tif", plane(0, n_channels=2)))
    half = plane(0, channel=1, n_channels=2, size=SIZE // 2)
    run.register_image(0, 0, 0, "DAPI", save(tmp_path / "1.tif", half))
    line.wait_shown((0, 0, 0, 0), (0, 0, 0, 1))
    assert not line.canvas.message


def test_contrast_is_of_the_picture_and_not_of_its_type(line: Line, tmp_path: Path) -> None:
    run = line.start()
    dim = 100 + plane(0) // 100
    run.register_image(0, 0, 0, "BF", save(tmp_path / "0.tif", dim))
    line.wait_shown((0, 0, 0, 0))
    line.wait(lambda: line.color(4, 4) == (255, 255, 255), "white where it is brightest")
    assert line.color(12, 4) == (0, 0, 0)


def test_hot_pixel_does_not_darken_the_picture(line: Line, tmp_path: Path) -> None:
    run = line.start()
    pixels = plane(0)
    pixels[200, 200] = 65_535
    run.register_image(0, 0, 0, "BF", save(tmp_path / "0.tif", pixels))
    line.wait_shown((0, 0, 0, 0))
    line.wait(lambda: line.color(4, 4) == (255, 255, 255), "white where cells are bright")


def test_contrast_of_a_channel_is_kept_for_the_next_run(line: Line, tmp_path: Path) -> None:
    run = line.start("one")
    run.register_image(0, 0, 0, "BF", save(tmp_path / "0.tif", plane(0)))
    line.wait_shown((0, 0, 0, 0))
    panel = line.window.docks["display"].widget()
    assert isinstance(panel, DisplayPanel)
    look = line.session.looks.look("BF")
    line.session.looks.set("BF", type(look)(limits=(100.0, 8000.0)))
    line.wait(lambda: 100 < (line.color(4, 4) or (0,))[0] < 150, "half as bright")
    again = line.start("two")
    again.register_image(0, 0, 0, "BF", save(tmp_path / "1.tif", plane(1)))
    line.wait(lambda: line.color(4, 4) is not None and line.shows(again.id), "the next run")
    line.wait(lambda: 100 < (line.color(4, 4) or (0,))[0] < 150, "as it was chosen before")
