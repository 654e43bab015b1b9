"""Planes from the worker: real processes, sockets and files."""

import gc
import io
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
from worker_rig import (
    Asked,
    Worker,
    picture,
    plane_request,
    running_worker,
    status,
    wait_until,
    wire,
    write_stack,
)

from planecast_protocol.errors import (
    CancelledError,
    FileMissingError,
    NotAllowedError,
    NotYetWrittenError,
    OutOfRangeError,
    PlanecastError,
    UnsupportedFormatError,
)
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.headless.image import open_image

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these use Unix sockets")


# ---------------------------------------------------------------- planes


def test_planes_are_right_cold_and_cached(client: ReaderClient, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 4)
    for _ in range(2):
        for z in range(4):
            pixels = Asked(client, plane_request(tmp_path / "a.ome.tif", index={"Z": z})).pixels()
            np.testing.assert_array_equal(pixels, picture(z))
            assert not pixels.flags.writeable


def test_second_reading_comes_from_the_cache(client: ReaderClient, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 1)
    first = client.request(plane_request(tmp_path / "a.ome.tif"))
    second = client.request(plane_request(tmp_path / "a.ome.tif"))
    assert isinstance(first, PixelAnswer)
    assert isinstance(second, PixelAnswer)
    assert (first.cached, second.cached) == (False, True)
    assert np.shares_memory(first.pixels, second.pixels)


def test_changed_file_is_read_again(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(1))
    np.testing.assert_array_equal(Asked(client, plane_request(path)).pixels(), picture(1))
    tifffile.imwrite(tmp_path / "b.tif", picture(2))
    (tmp_path / "b.tif").replace(path)
    wait_until(
        lambda: bool((Asked(client, plane_request(path)).pixels() == picture(2)).all()),
        "the new pixels",
    )


def test_plane_that_was_registered_again_is_read_again(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(1))
    assert Asked(client, plane_request(path, running=True)).pixels()[0, 0] == picture(1)[0, 0]
    tifffile.imwrite(path, picture(2))
    pixels = Asked(client, plane_request(path, running=True, revision=1)).pixels()
    np.testing.assert_array_equal(pixels, picture(2))


def test_held_planes_stay_right_while_the_cache_turns_over(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "many.ome.tif"
    write_stack(path, 40, 1024)
    held = {z: Asked(client, plane_request(path, index={"Z": z})).pixels() for z in range(5)}
    for _ in range(3):
        for z in range(40):
            Asked(client, plane_request(path, index={"Z": z})).pixels()
    for z, pixels in held.items():
        np.testing.assert_array_equal(pixels, picture(z, 1024))


def test_more_planes_held_than_the_cache_has_room_for(worker: Worker, tmp_path: Path) -> None:
    path = tmp_path / "large.ome.tif"
    write_stack(path, 6, 4096)
    client = ReaderClient(worker.address)
    held = [Asked(client, plane_request(path, index={"Z": z})).pixels() for z in range(6)]
    for z, pixels in enumerate(held):
        np.testing.assert_array_equal(pixels, picture(z, 4096))
    client.close()


def test_leases_end_with_the_arrays(client: ReaderClient, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 3)
    arrays = [
        Asked(client, plane_request(tmp_path / "a.ome.tif", index={"Z": z})).pixels()
        for z in range(3)
    ]
    assert status(client).leased_slots == 3
    arrays.clear()
    gc.collect()
    assert status(client).leased_slots == 0


def test_statistics_come_along_when_asked_for(client: ReaderClient, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture(5))
    answer = client.request(plane_request(tmp_path / "a.tif", statistics=True))
    assert isinstance(answer, PixelAnswer)
    assert answer.statistics is not None
    assert (answer.statistics.minimum, answer.statistics.maximum) == (
        picture(5).min(),
        picture(5).max(),
    )


def test_region_is_the_part_of_the_plane(worker: Worker, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture(5))
    client = ReaderClient(worker.address)
    with open_image(tmp_path / "a.tif", client) as image:
        part = image.read_region(x=10, y=20, width=30, height=40)
    np.testing.assert_array_equal(part, picture(5)[20:60, 10:40])
    client.close()


def test_many_threads_get_the_planes_they_asked_for(worker: Worker, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 16)
    client = ReaderClient(worker.address)
    wrong: list[int] = []

    def read(seed: int) -> None:
        for z in np.random.default_rng(seed).integers(0, 16, 60).tolist():
            pixels = Asked(client, plane_request(tmp_path / "a.ome.tif", index={"Z": z})).pixels()
            if not (pixels == picture(z)).all():
                wrong.append(z)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    assert wrong == []


# ---------------------------------------------------------------- files that are being written


def test_plane_appears_when_its_file_is_whole(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "later" / "a.tif"
    asked = Asked(client, plane_request(path, running=True, wait=True))
    wait_until(lambda: len(asked.pending) == 1, "the first notice")
    whole = io.BytesIO()
    tifffile.imwrite(whole, picture(9))
    data = whole.getvalue()
    path.parent.mkdir()
    with path.open("wb", buffering=0) as file:
        file.write(data[: len(data) // 2])
        wait_until(lambda: len(asked.pending) == 2, "the notice that it is half there")
        assert not asked.answered
        file.write(data[len(data) // 2 :])
    np.testing.assert_array_equal(asked.pixels(), picture(9))


def test_preallocated_plane_appears_when_it_is_filled(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, shape=(2, 256, 256), dtype=np.uint16, metadata={"axes": "ZYX"}, ome=True)
    asked = Asked(client, plane_request(path, index={"Z": 1}, running=True, wait=True))
    wait_until(lambda: len(asked.pending) == 1, "the notice of zeros")
    pages = tifffile.memmap(path, mode="r+")
    pages[1, :100] = picture(1)[:100]
    pages.flush()
    wait_until(lambda: len(asked.pending) == 2, "the notice of half a plane")
    pages[1] = picture(1)
    pages.flush()
    del pages
    np.testing.assert_array_equal(asked.pixels(), picture(1))


def test_black_plane_of_an_ended_acquisition_is_black(client: ReaderClient, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint16))
    assert not Asked(client, plane_request(tmp_path / "a.tif")).pixels().any()


def test_without_waiting_an_announced_plane_is_not_yet_written(
    client: ReaderClient, tmp_path: Path
) -> None:
    request = plane_request(tmp_path / "a.tif", running=True)
    assert isinstance(Asked(client, request).error(), NotYetWrittenError)


def test_waiting_request_can_be_withdrawn(client: ReaderClient, tmp_path: Path) -> None:
    asked = Asked(client, plane_request(tmp_path / "a.tif", running=True, wait=True))
    wait_until(lambda: len(asked.pending) == 1, "the notice")
    client.cancel(asked.number)
    assert isinstance(asked.error(), CancelledError)
    assert status(client).pending == 0


# ---------------------------------------------------------------- what can't be read


def test_missing_file_is_named(client: ReaderClient, tmp_path: Path) -> None:
    error = Asked(client, plane_request(tmp_path / "no.tif")).error()
    assert isinstance(error, FileMissingError)
    assert "no.tif" in str(error)


def test_fifo_is_refused_and_nothing_hangs(client: ReaderClient, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tif")
    assert isinstance(Asked(client, plane_request(tmp_path / "pipe.tif")).error(), NotAllowedError)


def test_unknown_format_is_named(client: ReaderClient, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a picture")
    error = Asked(client, plane_request(tmp_path / "notes.txt")).error()
    assert isinstance(error, UnsupportedFormatError)


def test_index_beyond_the_axis_is_out_of_range(client: ReaderClient, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 2)
    request = plane_request(tmp_path / "a.ome.tif", index={"Z": 2})
    assert isinstance(Asked(client, request).error(), OutOfRangeError)


def test_path_outside_the_roots_is_not_allowed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        tifffile.imwrite(folder / "a.tif", picture(1))
    (inside / "link.tif").symlink_to(outside / "a.tif")
    with running_worker("--root", f"data={inside}") as worker:
        client = ReaderClient(worker.address)
        good = Asked(client, ReadPixels(request=0, path="data:a.tif"))
        np.testing.assert_array_equal(good.pixels(), picture(1))
        for path in ("data:link.tif", wire(outside / "a.tif"), "other:a.tif"):
            error = Asked(client, ReadPixels(request=0, path=path)).error()
            assert isinstance(error, NotAllowedError)
        error = Asked(client, ReadPixels(request=0, path="data:../outside/a.tif")).error()
        assert isinstance(error, PlanecastError)
        client.close()
