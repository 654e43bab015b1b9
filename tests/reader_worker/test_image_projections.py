"""Projections and orthogonal views of volumes that are known to the voxel."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from image_rig import hyperstack, opened, write_gaps, write_ome
from worker_rig import Worker, running_worker

from planecast_protocol.errors import NoDataError, OutOfRangeError
from planecast_reader.headless.ortho import GAP
from planecast_reader.headless.streaming import MissingPlanesWarning

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these use Unix sockets")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with running_worker("--cache-mib", "128") as worker:
        yield worker


def test_a_projection_over_a_missing_plane_is_no_data_unless_it_is_skipped(
    worker: Worker, tmp_path: Path
):
    stack = hyperstack(5, 20, 30)
    write_gaps(tmp_path / "gaps.czi", stack, missing={2})
    with opened(worker, tmp_path / "gaps.czi") as image:
        with pytest.raises(NoDataError, match="Z=2"):
            image.projection("Z", "max")
        with pytest.warns(MissingPlanesWarning, match="1 of 5 planes"):
            mean = image.projection("Z", "mean", missing="skip", T=0, C=0)
    np.testing.assert_allclose(mean, stack[[0, 1, 3, 4]].mean(axis=0))


# ---------------------------------------------------------------- projections


@pytest.mark.parametrize("kind", ["max", "min", "mean", "sum"])
@pytest.mark.parametrize("axis", ["T", "C", "Z"])
def test_projections_are_numpys(worker: Worker, tmp_path: Path, kind: str, axis: str):
    pixels = write_ome(tmp_path / "a.ome.tif", hyperstack(3, 2, 4, 20, 30), "TCZYX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        projected = image.projection(axis, kind)  # type: ignore[arg-type]
    expected = getattr(pixels, kind)(axis="TCZ".index(axis))
    np.testing.assert_array_equal(projected, expected)
    assert projected.dtype == expected.dtype


def test_a_projection_of_chosen_planes(worker: Worker, tmp_path: Path):
    pixels = write_ome(tmp_path / "a.ome.tif", hyperstack(3, 2, 4, 20, 30), "TCZYX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        part = image.projection("Z", "max", T=1, C=["GFP"], Z=slice(1, 3), region=(2, 3, 10, 5))
        with pytest.raises(OutOfRangeError, match="no axis Y to project along"):
            image.projection("Y")
        with pytest.raises(ValueError, match="no projection"):
            image.projection("Z", "median")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="neither"):
            image.projection("Z", missing="ignore")  # type: ignore[arg-type]
    np.testing.assert_array_equal(part, pixels[1, 1:, 1:3, 3:8, 2:12].max(axis=1))


def test_small_sums_do_not_wrap(worker: Worker, tmp_path: Path):
    write_ome(tmp_path / "a.ome.tif", np.full((4, 20, 30), 200, np.uint8), "ZYX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        assert (image.projection("Z", "sum") == 800).all()
        assert (image.projection("Z", "mean") == 200).all()


# ---------------------------------------------------------------- orthogonal views


def bright_voxel() -> np.ndarray:
    """Volume of 10 × 40 × 60 voxels, dark but for one block."""
    volume = np.full((10, 40, 60), 10, np.uint16)
    volume[6:8, 10:14, 30:36] = 4000
    return volume


def bright_box(picture: np.ndarray) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right of what is bright."""
    rows, columns = np.nonzero(picture[..., 0] > 200)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


@pytest.mark.parametrize("cut", [{"z": 7, "y": 11, "x": 32}, {"projection": "max"}], ids=str)
def test_views_lie_side_by_side_in_the_proportions_of_the_specimen(
    worker: Worker, tmp_path: Path, cut: dict
):
    write_ome(tmp_path / "a.ome.tif", bright_voxel(), "ZYX")  # 2 µm a plane, 0.5 a pixel
    with opened(worker, tmp_path / "a.ome.tif") as image:
        picture = image.ortho_views(**cut)
    depth = 10 * 4
    assert picture.shape == (40 + GAP + depth, 60 + GAP + depth, 3)
    assert bright_box(picture[:40, :60]) == (10, 14, 30, 36)
    top, bottom, left, right = bright_box(picture[40 + GAP :, :60])
    assert (left, right) == (30, 36)
    assert abs(top - 24) <= 2
    assert abs(bottom - 32) <= 2
    assert bright_box(picture[:40, 60 + GAP :])[:2] == (10, 14)
    assert not picture[40 : 40 + GAP].any()
    assert not picture[40 + GAP :, 60 + GAP :].any()


def test_views_elsewhere_do_not_show_the_block(worker: Worker, tmp_path: Path):
    write_ome(tmp_path / "a.ome.tif", bright_voxel(), "ZYX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        assert not image.ortho_views(z=0, y=30, x=0).any() or (
            image.ortho_views(z=0, y=30, x=0).max() < 200
        )
        with pytest.raises(OutOfRangeError, match="no Y=40 to cut at"):
            image.ortho_views(y=40)
        with pytest.raises(ValueError, match="neither"):
            image.ortho_views(projection="min")


def test_views_at_a_smaller_size_keep_the_proportions(worker: Worker, tmp_path: Path):
    write_ome(tmp_path / "a.ome.tif", hyperstack(10, 400, 600), "ZYX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        picture = image.ortho_views(150)
    assert picture.shape == (100 + GAP + 10, 150 + GAP + 10, 3)


def test_a_missing_plane_of_a_volume_is_a_dark_line(worker: Worker, tmp_path: Path):
    stack = np.full((4, 20, 30), 10, np.uint16)
    stack[:, 10:] = 4000
    write_gaps(tmp_path / "gaps.czi", stack, missing={2})
    with (
        opened(worker, tmp_path / "gaps.czi") as image,
        pytest.warns(MissingPlanesWarning, match="1 of 4 planes"),
    ):
        picture = image.ortho_views(z=1, y=15)
    xz = picture[20 + GAP :, :30, 0]
    assert xz.shape == (4, 30)
    assert (xz[2] < xz[[0, 1, 3]].min()).all() or xz[2].max() == 0


def test_what_is_no_volume_says_so(worker: Worker, tmp_path: Path):
    write_ome(tmp_path / "a.ome.tif", hyperstack(64, 64), "YX")
    with (
        opened(worker, tmp_path / "a.ome.tif") as image,
        pytest.raises(OutOfRangeError, match="no volume"),
    ):
        image.ortho_views()
