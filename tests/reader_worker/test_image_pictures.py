"""Thumbnails, projections and orthogonal views of files that are known to the pixel."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from image_rig import client_of, hyperstack, opened, write_gaps, write_ome
from readers_czi_files import put, writing
from worker_rig import Worker, running_worker, status, wait_until

from planecast_protocol.errors import NoDataError, OutOfRangeError
from planecast_reader.headless import reduction, thumbnail_cache
from planecast_reader.headless.image import Image, open_image
from planecast_reader.headless.streaming import MissingPlanesWarning

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these use Unix sockets")

BLACK, WHITE = 0, 255


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with running_worker("--cache-mib", "128") as worker:
        yield worker


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the thumbnails of a test to itself."""
    monkeypatch.setenv("PLANECAST_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "thumbnails"


def write_settled(path: Path, pixels: np.ndarray, axes: str) -> None:
    """Write an OME-TIFF that was not changed just now, so that its thumbnails are kept."""
    write_ome(path, pixels, axes)
    os.utime(path, (1e9, 1e9))


def shows(image: Image, plane: np.ndarray) -> bool:
    return np.array_equal(image.read_plane(), plane)


def half_bright(height: int, width: int) -> np.ndarray:
    """Left half dark, right half bright."""
    plane = np.full((height, width), 100, np.uint16)
    plane[:, width // 2 :] = 3000
    return plane


# ---------------------------------------------------------------- thumbnails


def test_the_longer_side_has_the_size_and_the_shape_is_kept(worker: Worker, tmp_path: Path):
    write_ome(tmp_path / "a.ome.tif", half_bright(300, 600), "YX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        picture = image.thumbnail(200)
    assert picture.shape == (100, 200, 3)
    assert picture.dtype == np.uint8
    assert (picture[:, :98] == BLACK).all()
    assert (picture[:, 102:] == WHITE).all()


@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (1, 300), (257, 1), (1023, 511)], ids=str)
def test_any_shape_has_a_thumbnail(worker: Worker, tmp_path: Path, shape: tuple[int, int]):
    write_ome(tmp_path / "a.ome.tif", hyperstack(*shape), "YX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        picture = image.thumbnail(128)
    assert max(picture.shape[:2]) == 128
    assert picture.shape[2] == 3


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8", "?", "c8"])
def test_any_pixel_type_is_stretched_alike(worker: Worker, tmp_path: Path, dtype: str):
    plane = (half_bright(64, 64) > 1000).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", plane, photometric="minisblack")
    with opened(worker, tmp_path / "a.tif") as image:
        picture = image.thumbnail(64)
    assert (picture[:, :31] == BLACK).all()
    assert (picture[:, 33:] == WHITE).all()


def test_what_is_no_number_is_black_and_spoils_nothing(worker: Worker, tmp_path: Path):
    plane = half_bright(64, 64).astype(np.float32)
    plane[:16], plane[16:20] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "a.tif", plane, photometric="minisblack")
    with opened(worker, tmp_path / "a.tif") as image:
        picture = image.thumbnail(64)
    assert (picture[:18] == BLACK).all()
    assert (picture[22:, 33:] == WHITE).all()


def test_channels_are_added_up_in_their_colours(worker: Worker, tmp_path: Path):
    dapi = half_bright(64, 64)
    write_ome(tmp_path / "a.ome.tif", np.stack([dapi, dapi[:, ::-1]]), "CYX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        red, green, blue = image.thumbnail(64)[32, 60]  # DAPI
        assert blue > max(red, green)
        red, green, blue = image.thumbnail(64)[32, 3]  # GFP
        assert green > max(red, blue)
        only = image.thumbnail(64, channels=["GFP"])
        np.testing.assert_array_equal(image.thumbnail(64, C="GFP"), only)
        np.testing.assert_array_equal(image.thumbnail(64, C=np.int64(1)), only)
    assert (only[:, 3] == WHITE).all()
    assert (only[:, 60] == BLACK).all()


def test_bytes_of_a_colour_camera_are_shown_as_they_are(worker: Worker, tmp_path: Path):
    rgb = np.full((64, 64, 3), (200, 100, 50), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb")
    with opened(worker, tmp_path / "a.tif") as image:
        assert (image.thumbnail(32) == (200, 100, 50)).all()


def test_wide_colours_are_stretched_and_alpha_is_left_out(worker: Worker, tmp_path: Path):
    rgba = np.zeros((64, 64, 4), np.uint16)
    rgba[:, 32:] = (4000, 2000, 0, 65535)
    tifffile.imwrite(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=["unassalpha"])
    with opened(worker, tmp_path / "a.tif") as image:
        red, green, blue = image.thumbnail(64)[32, 60]
    assert (red, blue) == (WHITE, BLACK)
    assert 120 < green < 136


@pytest.mark.parametrize(
    ("projection", "bright"), [("max", {1, 3}), ("mean", {1, 3}), ("middle", {3}), ("none", {1})]
)
def test_projections_over_z(worker: Worker, tmp_path: Path, projection: str, bright: set[int]):
    stack = np.full((5, 64, 64), 10, np.uint16)
    stack[0, 16:32] = stack[2, 48:] = 4000
    write_ome(tmp_path / "a.ome.tif", stack, "ZYX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        picture = image.thumbnail(64, projection=projection)  # type: ignore[arg-type]
    assert {quarter for quarter in range(4) if picture[16 * quarter + 8].mean() > 128} == bright


def test_places_on_other_axes_are_chosen(worker: Worker, tmp_path: Path):
    stack = np.full((2, 3, 64, 64), 10, np.uint16)
    stack[1, 2, :, 32:] = 4000
    write_ome(tmp_path / "a.ome.tif", stack, "TZYX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        assert (image.thumbnail(64, Z=2) == 128).all()  # the same everywhere
        assert image.thumbnail(64, T=1, Z=2).max() == WHITE
        with pytest.raises(OutOfRangeError):
            image.thumbnail(64, T=2)
        with pytest.raises(OutOfRangeError, match="no axis H"):
            image.thumbnail(64, H=1)


def test_a_line_scan_shows_its_lines_over_time(worker: Worker, tmp_path: Path):
    lines = np.full((50, 1, 100), 10, np.uint16)
    lines[25:] = 4000
    write_ome(tmp_path / "a.ome.tif", lines, "TYX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        picture = image.thumbnail(100)
    assert picture.shape == (50, 100, 3)
    assert (picture[:24] == BLACK).all()
    assert (picture[26:] == WHITE).all()


@pytest.mark.parametrize(
    "options",
    [{"size": 0}, {"projection": "median"}, {"percentiles": (99, 1)}, {"size": 10**6}],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(worker: Worker, tmp_path: Path, options: dict):
    write_ome(tmp_path / "a.ome.tif", half_bright(64, 64), "YX")
    with opened(worker, tmp_path / "a.ome.tif") as image, pytest.raises(ValueError, match=r"."):
        image.thumbnail(**options)


def test_a_pyramid_is_read_at_a_level_that_is_enough(worker: Worker, tmp_path: Path):
    full = half_bright(4096, 4096)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tiff:
        tiff.write(full, subifds=2, tile=(256, 256), metadata={"axes": "YX"})
        for step in (4, 8):
            # Levels of another brightness show which one was read.
            tiff.write(full[::step, ::step] // step, subfiletype=1, tile=(256, 256))
    with opened(worker, tmp_path / "a.ome.tif") as image:
        chosen = reduction.reduction_for(image.scenes[0], 200)
        assert [area.level for area in chosen.areas] == [2]  # type: ignore[union-attr]
        picture = image.thumbnail(200)
        coarse = image.read_region(level=2)
    assert coarse.max() == 3000 // 8
    assert (picture[:, :98] == BLACK).all()
    assert (picture[:, 102:] == WHITE).all()


def test_a_large_plane_without_a_pyramid_is_read_in_bands(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plane = np.arange(3000, dtype=np.uint16)[:, None].repeat(1000, axis=1)
    tifffile.imwrite(tmp_path / "a.tif", plane, photometric="minisblack", rowsperstrip=8)
    with opened(worker, tmp_path / "a.tif") as image:
        whole = image.thumbnail(128, cached=False)
        monkeypatch.setattr(reduction, "BAND_BYTES", 500_000)
        assert len(reduction.reduction_for(image.scenes[0], 128).areas) == 13
        np.testing.assert_array_equal(image.thumbnail(128, cached=False), whole)


# ---------------------------------------------------------------- missing planes


def test_a_thumbnail_leaves_out_missing_planes_with_a_warning(
    worker: Worker, tmp_path: Path, cache: Path
):
    stack = np.full((5, 64, 64), 10, np.uint16)
    stack[1, :, 32:] = 4000
    write_gaps(tmp_path / "gaps.czi", stack, missing={2, 3})
    with opened(worker, tmp_path / "gaps.czi") as image:
        with pytest.warns(MissingPlanesWarning, match="2 of 5 planes"):
            picture = image.thumbnail(64, projection="max")
        assert (picture[:, 40:] == WHITE).all()
        with pytest.warns(MissingPlanesWarning, match="1 of 1 planes"):
            nearest = image.thumbnail(64, projection="middle")
    np.testing.assert_array_equal(nearest, picture)
    assert not cache.exists()  # it may be whole one day


def test_a_thumbnail_of_nothing_is_no_data(worker: Worker, tmp_path: Path):
    with writing(tmp_path / "gaps.czi") as document:
        put(document, hyperstack(20, 30), {"C": 0, "T": 0, "Z": 0})
        put(document, hyperstack(20, 30), {"C": 1, "T": 1, "Z": 0})
    with opened(worker, tmp_path / "gaps.czi") as image:
        with pytest.raises(NoDataError, match="never written"):
            image.thumbnail(64, channels=[1], T=0)
        with pytest.warns(MissingPlanesWarning):
            assert image.thumbnail(64, T=0).any()


# ---------------------------------------------------------------- the cache


def test_a_thumbnail_is_read_once(worker: Worker, tmp_path: Path, cache: Path):
    write_settled(tmp_path / "a.ome.tif", hyperstack(3, 64, 64), "ZYX")
    with client_of(worker) as client, open_image(tmp_path / "a.ome.tif", client) as image:
        first = image.thumbnail(32)
        before = status(client)
        np.testing.assert_array_equal(image.thumbnail(32), first)
        after = status(client)
        assert (after.reads, after.cache_hits) == (before.reads, before.cache_hits)
        image.thumbnail(32, projection="max")
        assert status(client).reads > before.reads
    assert len(list(cache.iterdir())) == 2


def test_a_file_that_changed_has_another_thumbnail(worker: Worker, tmp_path: Path):
    path = tmp_path / "a.tif"
    for age_s, plane in ((20, half_bright(64, 64)), (10, half_bright(64, 64)[:, ::-1])):
        tifffile.imwrite(path, plane, photometric="minisblack")
        os.utime(path, (time.time() - age_s,) * 2)
        with opened(worker, path) as image:
            wait_until(lambda: shows(image, plane), "the changed file")  # noqa: B023 waits at once
            picture = image.thumbnail(64)
            np.testing.assert_array_equal(image.thumbnail(64), picture)
        assert (picture[..., 0].astype(int)[plane == 3000] > 200).mean() > 0.9


def test_a_file_that_changed_just_now_is_not_kept(worker: Worker, tmp_path: Path, cache: Path):
    write_ome(tmp_path / "a.ome.tif", hyperstack(64, 64), "YX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        assert image.thumbnail(32).shape == (32, 32, 3)
    assert not cache.exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", None], ids=["empty", "noise", "cut"])
def test_a_damaged_entry_is_as_if_it_was_not_there(
    worker: Worker, tmp_path: Path, cache: Path, content: bytes | None
):
    write_settled(tmp_path / "a.ome.tif", hyperstack(64, 64), "YX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        first = image.thumbnail(32)
        (entry,) = cache.iterdir()
        entry.write_bytes(entry.read_bytes()[:-100] if content is None else content)
        np.testing.assert_array_equal(image.thumbnail(32), first)


def test_the_longest_unused_thumbnails_make_room(
    worker: Worker, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    write_settled(tmp_path / "a.ome.tif", hyperstack(64, 64), "YX")
    monkeypatch.setattr(thumbnail_cache, "MAX_BYTES", 3 * 32 * 32 * 3 + 600)
    with opened(worker, tmp_path / "a.ome.tif") as image:
        image.thumbnail(32)
        (first,) = cache.iterdir()
        for age_s, low in enumerate((1, 2, 3, 4), 1):
            for entry in cache.iterdir():
                os.utime(entry, (1e9 - age_s if entry != first else 2e9,) * 2)
            image.thumbnail(32, percentiles=(float(low), 99.0))
    left = list(cache.iterdir())
    assert len(left) == 3
    assert first in left


def test_a_cache_that_cannot_be_written_is_no_failure(worker: Worker, tmp_path: Path, cache: Path):
    write_ome(tmp_path / "a.ome.tif", hyperstack(64, 64), "YX")
    cache.parent.write_text("a file where the folder should be")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        assert image.thumbnail(32).shape == (32, 32, 3)
