"""How often a plane's bytes are moved on their way from the file to the client's array.

Stored as in memory: the kernel writes them into the shared memory, and nobody moves them again.
Encoded: decoded once, and copied once at most. Counted, not timed: by the kernel's own count of
what a process read, by where `preadv` was told to put it, and by what was allocated besides.
"""

import gc
import os
import socket
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from worker_rig import Asked, Worker, plane_request, status, wait_until, wire

from planecast_protocol.reader_messages import PlaneArea
from planecast_protocol.task_messages import MemorySlot, PixelsTask, TaskPixels
from planecast_reader.arena.cache import Arena
from planecast_reader.arena.leases import Lease
from planecast_reader.arena.prefault import SLAB_BYTES
from planecast_reader.arena.reader_arena import ReaderArena
from planecast_reader.client import ReaderClient
from planecast_reader.process.pixel_tasks import PixelTasks
from planecast_reader.process.task_channel import TaskChannel
from planecast_reader.reader import PlaneReader, allocate_in_memory
from planecast_reader.readers import open_reader
from planecast_reader.signature import signature_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux counts what a process reads")

SIZE = 1024
PLANE = np.random.default_rng(3).poisson(200, (SIZE, SIZE)).astype(np.uint16)
N_BYTES = PLANE.nbytes
LITTLE = 128 << 10
"""Directories, headers, metadata and Python's own: far less than a plane."""


# ---------------------------------------------------------------- files


@dataclass(frozen=True)
class Stored:
    """A way to store planes, and how to write it."""

    name: str
    write: Callable[[Path], Path]

    def __str__(self) -> str:
        return self.name


def tiff(**options: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / f"{'a.ome' if options.pop('ome', False) else 'a'}.tif"
        tifffile.imwrite(path, np.stack([PLANE, PLANE + 1]), photometric="minisblack", **options)
        return path

    return write


def ome_zarr(zarr_format: int, chunks: tuple[int, ...], **options: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "a.zarr"
        stack = np.stack([PLANE, PLANE + 1])
        group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
        group.create_array("0", data=stack, chunks=chunks, **options)
        axes = [{"name": name, "type": "space"} for name in "zyx"]
        transformations = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]
        dataset = {"path": "0", "coordinateTransformations": transformations}
        ome = {"version": "0.4", "axes": axes, "datasets": [dataset]}
        attributes: dict[str, Any] = {"multiscales": [ome]}
        group.attrs.update({"ome": attributes} if zarr_format == 3 else attributes)
        return path

    return write


def czi(options: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        from pylibCZIrw import czi as pylibczi

        path = folder / "a.czi"
        with pylibczi.create_czi(str(path), compression_options=options) as document:
            for z in range(2):
                document.write((PLANE + z)[..., None], plane={"C": 0, "T": 0, "Z": z})
        return path

    return write


RAW = [
    Stored("tiff", tiff()),
    Stored("tiff in strips", tiff(rowsperstrip=16)),
    Stored("ome-tiff", tiff(ome=True, metadata={"axes": "ZYX"})),
    Stored("imagej", tiff(imagej=True, metadata={"axes": "ZYX"})),
    Stored("zarr 2, chunk a plane", ome_zarr(2, (1, SIZE, SIZE), compressors=None)),
    Stored("zarr 3, chunk a plane", ome_zarr(3, (1, SIZE, SIZE), compressors=None)),
    Stored("zarr 3, chunk of whole rows", ome_zarr(3, (2, 300, SIZE), compressors=None)),
    Stored("czi", czi("uncompressed:")),
]
ENCODED = [
    Stored("tiff, zstd", tiff(compression="zstd")),
    Stored("tiff, LZW with predictor", tiff(compression="lzw", predictor=True)),
    Stored("tiff, tiles of zlib", tiff(compression="zlib", tile=(256, 256))),
    Stored("zarr 2, default codec", ome_zarr(2, (1, SIZE, SIZE))),
    Stored("zarr 3, default codec", ome_zarr(3, (1, 512, 512))),
    Stored("zarr 3, raw but in columns", ome_zarr(3, (1, SIZE, 512), compressors=None)),
    Stored("czi, zstd", czi("zstd1:ExplicitLevel=1;PreProcess=HiLoByteUnpack")),
]


# ---------------------------------------------------------------- counting


@dataclass
class Moved:
    """Where the bytes of one read went."""

    into_slot: int
    """Bytes that the kernel wrote into the plane's place in the shared memory."""
    elsewhere: int
    """Bytes that were read into other memory, to be decoded or copied from there."""
    allocated: int
    """The most memory that was held besides at one time, as far as Python allocated it."""
    sent: int
    """Bytes through the socket to the front."""
    answer: TaskPixels
    pixels: "np.ndarray[Any, Any]"


class CountingChannel(TaskChannel):
    """Remembers what was sent."""

    def __init__(self, stream: socket.socket) -> None:
        super().__init__(stream)
        self.sent_bytes = 0
        self.answers: list[Any] = []

    def send(self, message: Any, payload: bytes | memoryview = b"") -> None:
        self.answers.append(message)
        self.sent_bytes += len(payload)


def bytes_read() -> int:
    """Return what this process has read from files so far, by whichever call but mapping."""
    with Path("/proc/self/io").open() as facts:
        return int(facts.readline().removeprefix("rchar: "))


@contextmanager
def counted_preadv(monkeypatch: pytest.MonkeyPatch, first: int, stop: int) -> Iterator[list[int]]:
    """Yield the counts of bytes that `preadv` puts between two addresses."""
    counts: list[int] = []
    original = os.preadv

    def preadv(fd: int, buffers: list[memoryview], offset: int) -> int:
        n_read = original(fd, buffers, offset)
        address = np.frombuffer(buffers[0], np.uint8).ctypes.data
        counts.append(n_read if first <= address and address + n_read <= stop else 0)
        return n_read

    with monkeypatch.context() as patch:
        patch.setattr(os, "preadv", preadv)
        yield counts


class Rig:
    """A reader process's way of answering, within the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.arena = Arena(SLAB_BYTES)
        ours, self._theirs = socket.socketpair()
        self._ours = ours
        self._channel = CountingChannel(ours)
        self._view = ReaderArena(self.arena.fd, self.arena.ledger.fd, self.arena.nbytes)
        self._tasks = PixelTasks(self._channel, self._view)

    def read(self, reader: PlaneReader, path: Path, index: dict[str, int]) -> Moved:
        slot = self.arena.allocate(N_BYTES)
        assert slot is not None
        task = PixelsTask(
            task=1,
            path=os.fsencode(path),
            wire_path=wire(path),
            index=index,
            area=PlaneArea(),
            slot=MemorySlot(slot.number, 1, slot.offset, slot.capacity),
        )
        signature = signature_of(str(path))
        pixels = self._view.view(task.slot, PLANE.shape, PLANE.dtype)
        pixels[:] = 0  # its pages are there, and it is not the plane yet
        address = pixels.ctypes.data
        sent_before = self._channel.sent_bytes
        gc.collect()
        tracemalloc.start()
        try:
            with counted_preadv(self._monkeypatch, address, address + N_BYTES) as counts:
                before = bytes_read()
                self._tasks.read(task, reader, signature, lambda: signature)
                read = bytes_read() - before
            allocated = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        self.arena.give_back(slot)
        return Moved(
            into_slot=sum(counts),
            elsewhere=read - sum(counts),
            allocated=allocated,
            sent=self._channel.sent_bytes - sent_before,
            answer=self._channel.answers[-1],
            pixels=pixels.copy(),
        )

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()
        self.arena.close()
        os.close(self.arena.fd)
        os.close(self.arena.ledger.fd)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    rig = Rig(monkeypatch)
    yield rig
    rig.close()


@contextmanager
def opened(stored: Stored, folder: Path) -> Iterator[tuple[PlaneReader, Path, dict[str, int]]]:
    """Yield a reader that has read a plane already, and the index of the other plane."""
    path = stored.write(folder)
    reader = open_reader(path)
    try:
        axis = axis_of_planes(reader)
        reader.read_plane(0, {axis: 0}, None, allocate_in_memory)
        yield reader, path, {axis: 1}
    finally:
        reader.close()


def axis_of_planes(reader: PlaneReader) -> str:
    sizes = reader.describe().scenes[0].sizes
    return next(axis for axis, length in sizes.items() if length == 2)


# ---------------------------------------------------------------- promises


@pytest.mark.parametrize("stored", RAW, ids=str)
def test_plane_stored_as_in_memory_is_moved_once(stored: Stored, rig: Rig, tmp_path: Path):
    with opened(stored, tmp_path) as (reader, path, index):
        moved = rig.read(reader, path, index)
    np.testing.assert_array_equal(moved.pixels, PLANE + 1)
    assert moved.into_slot == N_BYTES
    assert moved.elsewhere < LITTLE
    assert moved.allocated < LITTLE
    assert moved.answer.in_slot
    assert moved.sent == 0


def copied_twice(moved: Moved) -> bool:
    """Tell whether there was more memory than for what is stored and one decoded plane."""
    return moved.allocated >= moved.elsewhere + N_BYTES + LITTLE


@pytest.mark.parametrize("stored", ENCODED, ids=str)
def test_encoded_plane_is_decoded_once_and_copied_once_at_most(
    stored: Stored, rig: Rig, tmp_path: Path
):
    with opened(stored, tmp_path) as (reader, path, index):
        moved = rig.read(reader, path, index)
    np.testing.assert_array_equal(moved.pixels, PLANE + 1)
    assert moved.into_slot + moved.elsewhere < N_BYTES + LITTLE, "what is stored is read once"
    assert not copied_twice(moved)
    assert moved.answer.in_slot
    assert moved.sent == 0


class CopyingReader(PlaneReader):
    """What must not happen: each way in which somebody may add a copy."""

    format = "copying"

    def __init__(self, path: Path, way: str) -> None:
        super().__init__(path)
        self._way = way

    def describe(self) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        pass

    def read_plane(self, scene: int, index: Any, page: Any, allocate: Any) -> Any:
        if self._way == "a buffer of its own":
            pixels = np.fromfile(self.path, PLANE.dtype).reshape(PLANE.shape)
            out = allocate(PLANE.shape, PLANE.dtype)
            np.copyto(out, pixels)
            return out
        if self._way == "a second copy of what was decoded":
            decoded = np.frombuffer(zlib.decompress(self.path.read_bytes()), PLANE.dtype)
            pixels = decoded.reshape(PLANE.shape) + 0
            out = allocate(PLANE.shape, PLANE.dtype)
            np.copyto(out, pixels)
            return out
        if self._way == "another array than it was given":
            allocate(PLANE.shape, PLANE.dtype)
            return np.fromfile(self.path, PLANE.dtype).reshape(PLANE.shape)
        out = allocate(PLANE.shape, PLANE.dtype)
        if self._way == "a mapped file":
            out[:] = np.memmap(self.path, PLANE.dtype, "r", shape=PLANE.shape)
            return out
        with self.path.open("rb", buffering=0) as file:
            os.preadv(file.fileno(), [out.reshape(-1).view(np.uint8).data], 0)
        out[:] = out.copy()
        return out


@pytest.mark.parametrize(
    "way",
    [
        *("a buffer of its own", "another array than it was given", "a mapped file"),
        "a detour in memory",
    ],
)
def test_a_copy_that_somebody_adds_is_noticed(way: str, rig: Rig, tmp_path: Path):
    path = tmp_path / "plane.raw"
    PLANE.tofile(path)
    moved = rig.read(CopyingReader(path, way), path, {})
    np.testing.assert_array_equal(moved.pixels, PLANE)
    noticed = moved.into_slot != N_BYTES or moved.elsewhere >= LITTLE or moved.allocated >= LITTLE
    assert noticed, moved


def test_a_second_copy_of_what_was_decoded_is_noticed(rig: Rig, tmp_path: Path):
    path = tmp_path / "plane.z"
    path.write_bytes(zlib.compress(PLANE.tobytes(), 1))
    reader = CopyingReader(path, "a second copy of what was decoded")
    assert copied_twice(rig.read(reader, path, {}))


# ---------------------------------------------------------------- through all processes


@pytest.mark.parametrize("stored", RAW, ids=str)
def test_reader_process_reads_each_byte_of_a_plane_once(
    stored: Stored, worker: Worker, client: ReaderClient, tmp_path: Path
):
    path = stored.write(tmp_path)
    with closing(open_reader(path)) as reader:
        axis = axis_of_planes(reader)
    # Side by side, so that all readers have opened it, and imported what that takes.
    first = [Asked(client, plane_request(path, index={axis: 0}, revision=n)) for n in range(8)]
    for asked in first:
        asked.pixels()
    wait_until(lambda: all(r.state == "idle" for r in status(client).readers), "idle readers")
    before = read_by_readers(client)
    pixels = Asked(client, plane_request(path, index={axis: 1})).pixels()
    np.testing.assert_array_equal(pixels, PLANE + 1)
    read = sum(n - before.get(pid, 0) for pid, n in read_by_readers(client).items())
    assert N_BYTES <= read < N_BYTES + LITTLE
    assert isinstance(pixels.base, Lease), "the client sees the memory that the reader filled"


def read_by_readers(client: ReaderClient) -> dict[int, int]:
    """Return what each reader process has read from files so far."""
    counts: dict[int, int] = {}
    for reader in status(client).readers:
        facts = Path(f"/proc/{reader.pid}/io").read_text()
        counts[reader.pid] = int(facts.splitlines()[0].removeprefix("rchar: "))
    return counts
