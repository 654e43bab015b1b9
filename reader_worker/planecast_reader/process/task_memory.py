"""The memory that a task's pixels are read into: its piece of the arena, as a rule."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from planecast_protocol.errors import TooLargeError
from planecast_protocol.limits import MAX_PLANE_BYTES
from planecast_protocol.task_messages import GiveMemory, MemorySlot, NeedMemory, PixelsTask
from planecast_reader.arena.reader_arena import ReaderArena
from planecast_reader.process.task_channel import TaskChannel
from planecast_reader.reader import Pixels


class TaskMemory:
    """Hands a task its piece of the arena, or ordinary memory where the arena is full."""

    def __init__(
        self,
        channel: TaskChannel,
        arena: ReaderArena | None,
        task: PixelsTask,
        confirm: Callable[[], PixelsTask] | None = None,
    ) -> None:
        """With `confirm`, it returns the task that `task` is expected to be, or raises."""
        self._channel = channel
        self._arena = arena
        self._confirm = confirm
        self.task = task
        self.slot: MemorySlot | None = task.slot
        self.given: Pixels | None = None
        """The array that was handed out last."""

    def confirm(self) -> None:
        """Wait for the task, if it has yet to come."""
        if self._confirm is not None:
            self.task, self._confirm = self._confirm(), None
            self.slot = self.task.slot

    def allocate(self, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Pixels:
        """Return a writable C-contiguous array, the last one of which `holds` knows."""
        self.confirm()
        nbytes = math.prod(shape) * dtype.itemsize
        if nbytes > MAX_PLANE_BYTES:
            raise TooLargeError.of(
                self.task.wire_path,
                f"{'×'.join(map(str, shape))} pixels of {dtype} take {nbytes >> 20} MiB, the limit "
                f"is {MAX_PLANE_BYTES >> 20} MiB; read a region, or a level of its pyramid",
            )
        if self._arena is not None and (self.slot is None or self.slot.capacity < nbytes):
            self._channel.send(NeedMemory(task=self.task.task, nbytes=nbytes))
            answer = self._channel.receive()
            self.slot = answer.slot if isinstance(answer, GiveMemory) else None
        if self._arena is None or self.slot is None:
            self.given = np.empty(shape, dtype)
        else:
            self.given = self._arena.view(self.slot, shape, dtype)
        return self.given

    def holds(self, pixels: Pixels) -> bool:
        """Tell whether `pixels` is exactly the array that was handed out last."""
        given = self.given
        if pixels is given:
            return True
        return (
            given is not None
            and pixels.flags.c_contiguous
            and pixels.ctypes.data == given.ctypes.data
            and (pixels.shape, pixels.dtype) == (given.shape, given.dtype)
        )
