"""Reading pixels in a reader process: straight into the arena, checked to be whole."""

import time
from collections.abc import Callable

import numpy as np

from planecast_protocol.errors import NotYetWrittenError
from planecast_protocol.reader_messages import PlaneArea, RegionArea, TileArea
from planecast_protocol.task_messages import PixelsTask, TaskPixels
from planecast_reader.arena.reader_arena import ReaderArena
from planecast_reader.bells.reader import BellsIn
from planecast_reader.process.herald import Herald
from planecast_reader.process.statistics import plane_statistics
from planecast_reader.process.task_channel import TaskChannel
from planecast_reader.process.task_memory import TaskMemory
from planecast_reader.process.wholeness import Wholeness
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers.rawbytes import when_nearly_read
from planecast_reader.signature import Signature


class PixelTasks:
    """Does one `PixelsTask` at a time, and answers it."""

    def __init__(
        self, channel: TaskChannel, arena: ReaderArena | None, bells: BellsIn | None = None
    ) -> None:
        self._channel = channel
        self._arena = arena
        self._bells = bells
        self._wholeness = Wholeness()

    def read(
        self,
        task: PixelsTask,
        reader: PlaneReader,
        before: Signature,
        signature_now: Callable[[], Signature],
        confirm: Callable[[], PixelsTask] | None = None,
    ) -> bool:
        """Read, check and answer; tell whether a client was told before the plane was there.

        Raises what the reader raises. With `confirm`, `task` is what will probably be asked for;
        it returns the task itself.
        """
        started = time.perf_counter()
        memory = TaskMemory(self._channel, self._arena, task, confirm)
        herald = Herald(self._bells, self._arena, memory)
        when_nearly_read(herald.tell_soon)
        try:
            pixels = _read_area(reader, task, memory.allocate)
        finally:
            when_nearly_read(None)
        memory.confirm()  # of a reader that asked for no memory
        task = memory.task
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
        statistics = plane_statistics(pixels) if task.statistics else None
        read_ms = 1e3 * (time.perf_counter() - started)
        taken = herald.tell_filled(pixels, read_ms)
        answer = TaskPixels(
            task=task.task,
            shape=pixels.shape,
            dtype=pixels.dtype.str,
            nbytes=pixels.nbytes,
            in_slot=in_slot,
            taken=taken,
            statistics=statistics,
            read_ms=read_ms,
            file_signature=before,
        )
        self._channel.send(answer, b"" if in_slot else pixels.reshape(-1).data.cast("B"))
        return herald.has_told


def _read_area(reader: PlaneReader, task: PixelsTask, allocate: Allocate) -> Pixels:
    match task.area:
        case PlaneArea(page=page):
            return reader.read_plane(task.scene, task.index, page, allocate)
        case TileArea(tile=tile):
            return reader.read_tile(task.scene, tile, task.index, allocate)
        case RegionArea(x=x, y=y, width=width, height=height, level=level):
            rectangle = (x, y, width, height)
            return reader.read_region(task.scene, rectangle, level, task.index, allocate)
