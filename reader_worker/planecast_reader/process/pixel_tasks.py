"""Reading pixels in a reader process: straight into the arena, checked to be whole."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from planecast_protocol.errors import NotYetWrittenError, TooLargeError
from planecast_protocol.limits import MAX_PLANE_BYTES
from planecast_protocol.reader_messages import PlaneArea, RegionArea, TileArea
from planecast_protocol.task_messages import (
    GiveMemory,
    MemorySlot,
    NeedMemory,
    PixelsTask,
    TaskPixels,
)
from planecast_reader.arena.reader_arena import ReaderArena
from planecast_reader.process.statistics import plane_statistics
from planecast_reader.process.task_channel import TaskChannel
from planecast_reader.process.wholeness import Wholeness
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.signature import Signature


class PixelTasks:
    """Does one `PixelsTask` at a time, and answers it."""

    def __init__(self, channel: TaskChannel, arena: ReaderArena | None) -> None:
        self._channel = channel
        self._arena = arena
        self._wholeness = Wholeness()

    def read(
        self,
        task: PixelsTask,
        reader: PlaneReader,
        before: Signature,
        signature_now: Callable[[], Signature],
    ) -> None:
        """Read, check and answer. Raises what the reader raises."""
        started = time.perf_counter()
        memory = _TaskMemory(self._channel, self._arena, task)
        pixels = _read_area(reader, task, memory.allocate)
        if task.running:
            plane = (task.path, task.scene, tuple(sorted(task.index.items())), task.area)
            self._wholeness.check(plane, task.wire_path, pixels)
        if signature_now() != before:
            raise NotYetWrittenError.of(task.wire_path, "it changed while it was read")
        if not memory.holds(pixels):
            copy = memory.allocate(pixels.shape, pixels.dtype)
            np.copyto(copy, pixels)
            pixels = copy
        in_slot = memory.slot is not None
        answer = TaskPixels(
            task=task.task,
            shape=pixels.shape,
            dtype=pixels.dtype.str,
            nbytes=pixels.nbytes,
            in_slot=in_slot,
            statistics=plane_statistics(pixels) if task.statistics else None,
            read_ms=1e3 * (time.perf_counter() - started),
            file_signature=before,
        )
        self._channel.send(answer, b"" if in_slot else pixels.reshape(-1).data.cast("B"))


class _TaskMemory:
    """Hands a task its piece of the arena, or ordinary memory where the arena is full."""

    def __init__(self, channel: TaskChannel, arena: ReaderArena | None, task: PixelsTask) -> None:
        self._channel = channel
        self._arena = arena
        self._task = task
        self.slot: MemorySlot | None = task.slot
        self._given: Pixels | None = None

    def allocate(self, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Pixels:
        """Return a writable C-contiguous array, the last one of which `holds` knows."""
        nbytes = math.prod(shape) * dtype.itemsize
        if nbytes > MAX_PLANE_BYTES:
            raise TooLargeError.of(
                self._task.wire_path,
                f"{'×'.join(map(str, shape))} pixels of {dtype} take {nbytes >> 20} MiB, the limit "
                f"is {MAX_PLANE_BYTES >> 20} MiB; read a region, or a level of its pyramid",
            )
        if self._arena is not None and (self.slot is None or self.slot.capacity < nbytes):
            self._channel.send(NeedMemory(task=self._task.task, nbytes=nbytes))
            answer = self._channel.receive()
            self.slot = answer.slot if isinstance(answer, GiveMemory) else None
        if self._arena is None or self.slot is None:
            self._given = np.empty(shape, dtype)
        else:
            self._given = self._arena.view(self.slot, shape, dtype)
        return self._given

    def holds(self, pixels: Pixels) -> bool:
        """Tell whether `pixels` is exactly the array that was handed out last."""
        given = self._given
        if pixels is given:
            return True
        return (
            given is not None
            and pixels.flags.c_contiguous
            and pixels.ctypes.data == given.ctypes.data
            and (pixels.shape, pixels.dtype) == (given.shape, given.dtype)
        )


def _read_area(reader: PlaneReader, task: PixelsTask, allocate: Allocate) -> Pixels:
    match task.area:
        case PlaneArea(page=page):
            return reader.read_plane(task.scene, task.index, page, allocate)
        case TileArea(tile=tile):
            return reader.read_tile(task.scene, tile, task.index, allocate)
        case RegionArea(x=x, y=y, width=width, height=height, level=level):
            rectangle = (x, y, width, height)
            return reader.read_region(task.scene, rectangle, level, task.index, allocate)
