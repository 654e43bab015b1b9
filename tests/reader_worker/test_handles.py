"""Open files of a reader process: closed when idle, when changed, when there are too many."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import psutil
import pytest
from worker_rig import Worker, running_worker, write_stack

from planecast_protocol.images import ImageInfo
from planecast_reader.client import ReaderClient
from planecast_reader.headless.image import open_image
from planecast_reader.headless.release import release
from planecast_reader.process import handles
from planecast_reader.process.handles import MAX_HANDLES, Handles
from planecast_reader.reader import Allocate, Pixels, PlaneReader

SIGNATURE = (1, 2, 3)


class CountedReader(PlaneReader):
    """Knows which are open."""

    format: ClassVar[str] = "counted"
    open_paths: ClassVar[list[str]] = []

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.open_paths.append(str(path))

    def describe(self) -> ImageInfo:
        raise NotImplementedError

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        raise NotImplementedError

    def close(self) -> None:
        self.open_paths.remove(str(self.path))


@pytest.fixture
def table() -> Handles:
    CountedReader.open_paths.clear()
    return Handles(CountedReader)


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what moves the clock of the handles forward."""
    passed = [0.0]
    real = time.monotonic
    monkeypatch.setattr(handles.time, "monotonic", lambda: real() + passed[0])

    def move(seconds: float) -> None:
        passed[0] += seconds

    return move


def test_file_that_takes_long_to_open_is_not_idle_then(pass_time: Callable[[float], None]) -> None:
    CountedReader.open_paths.clear()
    opened: list[Path] = []

    def open_slowly(path: Path) -> PlaneReader:
        opened.append(path)
        pass_time(handles.IDLE_S + 5)
        return CountedReader(path)

    slow = Handles(open_slowly)
    first = slow.get("slow", SIGNATURE)
    assert slow.get("slow", SIGNATURE) is first
    assert len(opened) == 1


def test_one_that_is_idle_is_closed_also_while_others_are_read(
    table: Handles, pass_time: Callable[[float], None]
):
    table.get("/a", SIGNATURE)
    pass_time(handles.IDLE_S - 1)
    table.get("/b", SIGNATURE)
    assert CountedReader.open_paths == ["/a", "/b"]
    pass_time(2)
    table.get("/b", SIGNATURE)
    assert CountedReader.open_paths == ["/b"]
    pass_time(handles.IDLE_S + 1)
    table.close_idle()
    assert CountedReader.open_paths == []


def test_one_whose_file_changed_is_opened_anew(table: Handles):
    first = table.get("/a", SIGNATURE)
    assert table.get("/a", SIGNATURE) is first
    assert table.get("/a", (1, 2, 4)) is not first
    assert CountedReader.open_paths == ["/a"]


def test_no_more_are_open_than_allowed(table: Handles):
    for number in range(MAX_HANDLES + 3):
        table.get(f"/{number}", SIGNATURE)
    assert len(CountedReader.open_paths) == MAX_HANDLES
    table.close()
    assert CountedReader.open_paths == []


# ---------------------------------------------------------------- through a worker


def holders(worker: Worker, path: Path) -> list[int]:
    readers = psutil.Process(worker.process.pid).children()
    return [one.pid for one in readers if any(f.path == str(path) for f in one.open_files())]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="open files of others: from /proc")
def test_a_file_is_let_go_by_closing_its_image_and_by_release(tmp_path: Path):
    path = tmp_path / "a.ome.tif"
    write_stack(path, 4)
    with running_worker() as worker:
        client = ReaderClient(worker.address)
        with open_image(path, client) as image:
            image.read_plane(Z=1)
            assert holders(worker, path)
        assert holders(worker, path) == []
        image = open_image(path, client)
        np.testing.assert_array_equal(image.read_plane(Z=2), image.read_plane(Z=2))
        assert holders(worker, path)
        release(path, client)
        assert holders(worker, path) == []
        path.rename(tmp_path / "moved.ome.tif")
        client.close()


def test_release_is_public():
    code = "import planecast; assert callable(planecast.release)"
    subprocess.run([sys.executable, "-c", code], env=os.environ, timeout=60, check=True)
