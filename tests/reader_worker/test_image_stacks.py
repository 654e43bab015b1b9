"""Several planes as one array: which are chosen, in which order, and what is refused."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from image_rig import client_of, hyperstack, opened, write_gaps, write_ome
from readers_czi_files import put, writing
from worker_rig import Worker, running_worker, status

from planecast_protocol.errors import (
    CancelledError,
    NoDataError,
    OutOfRangeError,
    TooLargeError,
    UnsupportedFormatError,
    WorkerUnreachableError,
)
from planecast_reader.headless import stacks
from planecast_reader.headless.image import open_image

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these use Unix sockets")

SHAPE = (3, 2, 4, 30, 40)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with running_worker("--cache-mib", "128") as worker:
        yield worker


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_ome(tmp_path / "a.ome.tif", hyperstack(*SHAPE), "TCZYX")
    return tmp_path / "a.ome.tif"


def test_axes_left_out_are_read_whole_in_the_files_order(worker: Worker, path: Path):
    with opened(worker, path) as image:
        assert list(image.scenes[0].sizes) == ["T", "C", "Z", "Y", "X"]
        np.testing.assert_array_equal(image.read_stack(), hyperstack(*SHAPE))


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ({"T": 1}, np.s_[1]),
        ({"T": 1, "C": "GFP", "Z": 3}, np.s_[1, 1, 3]),
        ({"C": ["GFP", "DAPI"]}, np.s_[:, [1, 0]]),
        ({"Z": slice(1, 4, 2), "C": 0}, np.s_[:, 0, 1:4:2]),
        ({"Z": slice(None, None, -1)}, np.s_[:, :, ::-1]),
        ({"T": [2, 0], "Z": slice(-1, None)}, np.s_[[2, 0], :, -1:]),
        ({"T": np.int64(2), "Z": np.arange(1, 3), "C": range(2)}, np.s_[2, :, 1:3]),
    ],
    ids=str,
)
def test_places_choose_as_in_numpy(worker: Worker, path: Path, places: dict, expected: tuple):
    with opened(worker, path) as image:
        np.testing.assert_array_equal(image.read_stack(**places), hyperstack(*SHAPE)[expected])


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"T": 3}, "T has length 3"),
        ({"Z": [0, 4]}, "Z=4"),
        ({"Z": -1}, "negative"),
        ({"Z": 2**40}, "beyond every axis"),
        ({"Z": slice(4, 9)}, "chooses nothing"),
        ({"C": "Cy5"}, "DAPI, GFP"),
        ({"Z": "DAPI"}, "no Z='DAPI'"),
        ({"H": 0}, "no axis H"),
        ({"X": 3}, "give a region"),
        ({"scene": 1}, "no scene 1"),
    ],
    ids=str,
)
def test_places_that_are_none_are_out_of_range(
    worker: Worker, path: Path, places: dict, message: str
):
    with opened(worker, path) as image, pytest.raises(OutOfRangeError, match=message):
        image.read_stack(**places)


def test_a_region_is_taken_of_every_plane(worker: Worker, path: Path):
    with opened(worker, path) as image:
        part = image.read_stack(T=0, region=(5, 7, 20, 10))
    np.testing.assert_array_equal(part, hyperstack(*SHAPE)[0, ..., 7:17, 5:25])


@pytest.mark.parametrize(
    "region", [(-1, 0, 5, 5), (0, 0, 0, 5), (0, 0, 5, 2**40), (0, 2**31, 5, 5)], ids=str
)
def test_a_region_that_is_none_is_refused_and_the_next_read_is_right(
    worker: Worker, path: Path, region: tuple[int, int, int, int]
):
    with opened(worker, path) as image:
        with pytest.raises(OutOfRangeError):
            image.read_stack(region=region)
        np.testing.assert_array_equal(image.read_plane(), hyperstack(*SHAPE)[0, 0, 0])


def test_a_region_reaches_to_the_far_edge_where_no_size_is_given(worker: Worker, path: Path):
    with opened(worker, path) as image:
        part = image.read_region(x=30, y=10, T=2)
    np.testing.assert_array_equal(part, hyperstack(*SHAPE)[2, 0, 0, 10:, 30:])


def test_both_readers_read(worker: Worker, tmp_path: Path):
    path = tmp_path / "long.ome.tif"
    pixels = write_ome(path, hyperstack(64, 256, 256), "ZYX")
    with client_of(worker) as client:
        before = {one.pid: one.reads for one in status(client).readers}
        with open_image(path, client) as image:
            np.testing.assert_array_equal(image.read_stack(), pixels)
        after = {one.pid: one.reads for one in status(client).readers}
    assert sum(after[pid] > before[pid] + 8 for pid in before) >= 2


def test_planes_come_one_by_one_in_the_order_of_the_stack(worker: Worker, path: Path):
    with opened(worker, path) as image:
        planes, stack = image.iter_planes(T=[2, 0], C=1)
        assert stack.axes == ("T", "Z", "Y", "X")
        assert stack.selection.shape == (2, 4)
        read = [plane.copy() for plane in planes]
    np.testing.assert_array_equal(np.stack(read), hyperstack(*SHAPE)[[2, 0], 1].reshape(8, 30, 40))


def test_planes_that_nobody_waits_for_any_more_are_withdrawn(worker: Worker, path: Path):
    with client_of(worker) as client:
        with open_image(path, client) as image:
            planes, _ = image.iter_planes()
            next(planes)
            planes.close()
        assert status(client).queued == 0


def test_a_missing_plane_of_a_stack_is_no_data(worker: Worker, tmp_path: Path):
    stack = hyperstack(5, 20, 30)
    write_gaps(tmp_path / "gaps.czi", stack, missing={2})
    with opened(worker, tmp_path / "gaps.czi") as image:
        with pytest.raises(NoDataError, match="Z=2"):
            image.read_stack()
        np.testing.assert_array_equal(image.read_stack(Z=[0, 4], T=0, C=0), stack[[0, 4]])


def test_channels_of_different_types_come_in_one_that_holds_both(worker: Worker, tmp_path: Path):
    wide, narrow = hyperstack(20, 30), hyperstack(20, 30).astype(np.uint8)
    with writing(tmp_path / "two.czi") as document:
        put(document, wide, {"C": 0, "T": 0, "Z": 0})
        put(document, narrow, {"C": 1, "T": 0, "Z": 0})
    with opened(worker, tmp_path / "two.czi") as image:
        both = image.read_stack(T=0, Z=0)
        assert both.dtype == np.uint16
        np.testing.assert_array_equal(both, np.stack([wide, narrow]))
        assert image.read_stack(T=0, Z=0, C=1).dtype == np.uint8
        assert image.to_dask().dtype == np.uint16
        np.testing.assert_array_equal(image.to_dask().compute()[0, 0], both)


def test_scenes_of_different_sizes_are_read_apart(worker: Worker, tmp_path: Path):
    small, large = hyperstack(20, 30), hyperstack(50, 60)
    with writing(tmp_path / "two.czi") as document:
        put(document, small, {"C": 0, "T": 0, "Z": 0}, scene=0)
        put(document, large, {"C": 0, "T": 0, "Z": 0}, scene=1, location=(1000, 0))
    with opened(worker, tmp_path / "two.czi") as image:
        np.testing.assert_array_equal(image.read_stack(0).squeeze(), small)
        np.testing.assert_array_equal(image.read_stack(1).squeeze(), large)


def test_colours_keep_their_samples(worker: Worker, tmp_path: Path):
    rgb = hyperstack(3, 20, 30, 3).astype(np.uint8)
    write_ome(tmp_path / "rgb.ome.tif", rgb, "ZYXS", PhysicalSizeZ=1.0)
    with opened(worker, tmp_path / "rgb.ome.tif") as image:
        np.testing.assert_array_equal(image.read_stack(Z=slice(1, None)), rgb[1:])
        np.testing.assert_array_equal(image.read_stack(Z=0, region=(1, 2, 5, 6)), rgb[0, 2:8, 1:6])


def test_more_than_the_memory_holds_is_refused_before_it_is_asked_for(
    worker: Worker, path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stacks, "available_bytes", lambda: 30 * 40 * 2 * 5)
    with opened(worker, path) as image:
        assert image.read_stack(T=0, C=0).shape == (4, 30, 40)
        with pytest.raises(TooLargeError, match="to_dask"):
            image.read_stack(T=0)


def test_a_tile_is_read_at_full_size_only(worker: Worker, path: Path):
    with opened(worker, path) as image:
        with pytest.raises(UnsupportedFormatError, match="have no tiles"):
            image.read_stack(tile=0, T=0, C=0, Z=0)
        with pytest.raises(UnsupportedFormatError, match="level 0"):
            image.read_stack(tile=0, level=1)


def test_a_client_that_is_closed_ends_a_stack_that_is_being_read(worker: Worker, path: Path):
    with client_of(worker) as client:
        planes, _ = open_image(path, client).iter_planes()
        next(planes)
    with pytest.raises((CancelledError, WorkerUnreachableError)):
        list(planes)


def test_a_long_stack_passes_by_and_leaves_the_cache_as_it_was(worker: Worker, tmp_path: Path):
    path = tmp_path / "long.ome.tif"
    pixels = write_ome(path, hyperstack(48, 1024, 1024), "ZYX")
    kept = tmp_path / "kept.ome.tif"
    write_ome(kept, hyperstack(64, 64), "YX")
    with client_of(worker) as client, open_image(path, client) as image:
        other = open_image(kept, client)
        other.read_plane()
        before = status(client)
        for _ in range(2):
            np.testing.assert_array_equal(image.read_stack(), pixels)
        after = status(client)
        assert after.reads - before.reads <= 2 * 48
        assert after.arena_used_bytes - before.arena_used_bytes < pixels.nbytes // 2
        other.read_plane()
        assert status(client).reads == after.reads
