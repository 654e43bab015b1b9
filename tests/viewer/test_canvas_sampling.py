"""Planes at the resolution of the screen."""

import numpy as np
import numpy.typing as npt
import pytest

from planecast_viewer.canvas.sampling import sample
from planecast_viewer.canvas.view import View

ONE_TO_ONE = (1.0, 1.0)


def random_plane(height: int, width: int, dtype: npt.DTypeLike = np.uint16):
    return np.random.default_rng(3).integers(0, 60_000, (height, width)).astype(dtype)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", ">u2", "i2", "u4", "f4", "f8", "?"])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_zoomed_out_a_pixel_is_the_mean_of_what_it_covers(dtype: str, factor: int) -> None:
    plane = random_plane(12 * factor, 10 * factor).astype(dtype)
    patch = sample(plane, 10, 12, View(0, 0, factor), ONE_TO_ONE)
    blocks = plane.reshape(12, factor, 10, factor).astype(np.float64)
    expected = blocks.mean(axis=(1, 3))
    assert patch is not None
    assert (patch.top, patch.left) == (0, 0)
    tolerance = 0.5 if plane.dtype.kind in "iu" and plane.dtype.itemsize <= 2 else 1e-2
    assert np.abs(patch.pixels - expected).max() <= tolerance


def test_colour_planes_are_averaged_by_colour() -> None:
    plane = np.random.default_rng(4).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    patch = sample(plane, 4, 4, View(0, 0, 2), ONE_TO_ONE)
    assert patch is not None
    expected = plane.reshape(4, 2, 4, 2, 3).mean(axis=(1, 3))
    assert np.abs(patch.pixels - expected).max() <= 0.5


def test_far_out_a_pixel_is_a_mean_of_pixels_that_it_covers() -> None:
    plane = np.repeat(np.repeat(random_plane(6, 6), 50, axis=0), 50, axis=1)
    patch = sample(plane, 6, 6, View(0, 0, 50), ONE_TO_ONE)
    assert patch is not None
    assert patch.pixels.tolist() == plane[::50, ::50].tolist()


def test_one_bad_pixel_of_a_real_plane_spoils_no_other() -> None:
    plane = np.ones((40, 40), np.float32)
    plane[20, 20] = np.nan
    patch = sample(plane, 20, 20, View(0, 0, 2), ONE_TO_ONE)
    assert patch is not None
    assert np.argwhere(np.isnan(patch.pixels)).tolist() == [[10, 10]]


def test_a_plane_that_is_not_contiguous_gives_the_same_picture() -> None:
    plane = random_plane(60, 80)
    padded = np.zeros((60, 100), np.uint16)[:, 5:85]
    padded[:] = plane
    for view in (View(0, 0, 0.3), View(3.5, 7, 1), View(-10, -10, 2.5)):
        expected, got = (sample(p, 40, 30, view, ONE_TO_ONE) for p in (plane, padded))
        assert expected is not None
        assert got is not None
        assert got.pixels.tolist() == expected.pixels.tolist()


def test_very_wide_planes_are_sampled_by_single_pixels_with_the_same_result() -> None:
    wide = np.tile(np.arange(4000, dtype=np.uint16), (30, 1))
    patch = sample(wide, 20, 20, View(1000, 0, 0.5), ONE_TO_ONE)
    assert patch is not None
    assert patch.pixels[0].tolist() == np.repeat(np.arange(1000, 1010), 2).tolist()
    coarse = sample(wide, 20, 20, View(0, 0, 200), ONE_TO_ONE)
    assert coarse is not None
    # Two taps lie at a quarter and three quarters of the 200 pixels.
    assert coarse.pixels[0].tolist() == (100 + np.arange(20) * 200).tolist()


def test_anisotropic_pixels_are_stretched() -> None:
    plane = random_plane(4, 8)
    patch = sample(plane, 8, 8, View(0, 0, 1), (2.0, 1.0))
    assert patch is not None
    assert patch.pixels.tolist() == np.repeat(plane, 2, axis=0).tolist()


@pytest.mark.parametrize("corner", [(-500, 0), (0, -500), (500, 0), (0, 500)])
def test_nothing_is_sampled_beside_the_plane(corner: tuple[float, float]) -> None:
    assert sample(random_plane(50, 50), 40, 40, View(*corner, 1), ONE_TO_ONE) is None
