"""Files that are not, not yet, or no longer what their controller registered."""

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from worker_rig import TIMEOUT_S, Asked, picture, plane_request, status, stopped, wait_until

from planecast_protocol.errors import FileChangedError, FileMissingError, NotYetWrittenError
from planecast_protocol.planes import FileStamp
from planecast_protocol.reader_messages import PlaneArea, ReadPixels
from planecast_reader.client import ReaderClient
from planecast_reader.front.settling import SETTLED_S

STEP_S = 0.004
CHUNKS = 12


def stamp(size_bytes: int, mtime_ns: int | None = None) -> FileStamp:
    return FileStamp(size_bytes=size_bytes, mtime_ns=mtime_ns)


def registered(path: Path, **options: Any) -> ReadPixels:
    """Ask for a file as it is now."""
    found = path.stat()
    return plane_request(
        path, running=True, registered=stamp(found.st_size, found.st_mtime_ns), **options
    )


def test_registered_file_is_read(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(1))
    np.testing.assert_array_equal(Asked(client, registered(path)).pixels(), picture(1))


def test_file_that_is_shorter_than_registered_is_waited_for(
    client: ReaderClient, tmp_path: Path
) -> None:
    whole, path = tmp_path / "whole.tif", tmp_path / "a.tif"
    tifffile.imwrite(whole, picture(2))
    content = whole.read_bytes()
    request = plane_request(path, running=True, wait=True, registered=stamp(len(content)))
    path.write_bytes(content[:1000])
    asked = Asked(client, request)
    wait_until(lambda: bool(asked.pending), "news of the wait")
    assert f"1000 of the {len(content)} bytes" in asked.pending[0]
    path.write_bytes(content)
    np.testing.assert_array_equal(asked.pixels(), picture(2))


def test_file_that_is_shorter_after_its_acquisition_was_cut(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(2))
    request = plane_request(path, registered=stamp(path.stat().st_size + 1))
    assert isinstance(Asked(client, request).error(), FileChangedError)


@pytest.mark.parametrize("size", [256, 300])
def test_file_that_was_replaced_is_not_shown_until_it_is_registered_again(
    client: ReaderClient, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(1))
    first = registered(path)
    tifffile.imwrite(path, picture(2, size))
    os.utime(path, ns=(0, time.time_ns()))
    error = Asked(client, first).error()
    assert isinstance(error, FileChangedError)
    assert "a.tif" in error.message
    again = Asked(client, registered(path, revision=1))
    np.testing.assert_array_equal(again.pixels(), picture(2, size))


def test_file_that_is_replaced_before_its_reader_begins_is_not_shown(
    client: ReaderClient, tmp_path: Path
) -> None:
    """The front found it as registered; the reader then read another."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(1))
    wait_until(lambda: all(r.state == "idle" for r in status(client).readers), "idle readers")
    with stopped(*(reader.pid for reader in status(client).readers)):
        asked = Asked(client, registered(path, revision=1))
        wait_until(lambda: any(r.state == "busy" for r in status(client).readers), "its begin")
        tifffile.imwrite(tmp_path / "new.tif", picture(2))
        (tmp_path / "new.tif").replace(path)
    assert isinstance(asked.error(), FileChangedError)
    assert client.find(registered(path, revision=1)) is None
    again = Asked(client, registered(path, revision=2)).pixels()
    np.testing.assert_array_equal(again, picture(2))


def test_time_of_a_copied_file_does_not_matter_after_the_acquisition(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(1))
    request = plane_request(path, registered=stamp(path.stat().st_size, 1))
    np.testing.assert_array_equal(Asked(client, request).pixels(), picture(1))


def test_file_of_many_planes_may_have_grown(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(0))
    first = path.stat()
    tifffile.imwrite(path, picture(1), append=True)
    request = plane_request(
        path,
        area=PlaneArea(page=1),
        running=True,
        registered=stamp(first.st_size, first.st_mtime_ns),
    )
    np.testing.assert_array_equal(Asked(client, request).pixels(), picture(1))


def test_registered_file_that_is_missing_is_gone(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(1))
    request = registered(path, wait=True)
    path.unlink()
    error = Asked(client, request).error()
    assert isinstance(error, FileMissingError)
    assert "is gone" in error.message
    announced = Asked(client, plane_request(path, running=True))
    assert isinstance(announced.error(), NotYetWrittenError)


def test_file_of_final_size_that_is_still_written_is_waited_for(
    client: ReaderClient, tmp_path: Path
) -> None:
    """Old pixels give way to new ones, piece by piece: never is a mixture answered."""
    pauses_s: list[float] = []

    def write_slowly(path: Path, content: bytes) -> None:
        with path.open("r+b") as file:
            before = time.monotonic()
            for part in np.array_split(np.frombuffer(content, np.uint8), CHUNKS):
                file.write(part)
                file.flush()
                time.sleep(STEP_S)
                now = time.monotonic()
                pauses_s.append(now - before)
                before = now

    whole = tmp_path / "whole.tif"
    n_right = 0
    for n in range(60):
        path = tmp_path / f"{n}.tif"
        tifffile.imwrite(path, picture(1000 + n))
        tifffile.imwrite(whole, picture(n))
        pauses_s.clear()
        writer = threading.Thread(target=write_slowly, args=(path, whole.read_bytes()))
        writer.start()
        try:
            pixels = Asked(client, plane_request(path, running=True, wait=True)).pixels()
        finally:
            writer.join(TIMEOUT_S)
        right = np.array_equal(pixels, picture(n))
        # A writer that a busy machine lets wait for longer than the rule has no promise.
        assert right or max(pauses_s) > SETTLED_S / 2
        n_right += right
    assert n_right >= 20
