"""Tells a client that waits awake that its plane is nearly read, and that it is there."""

import os

from planecast_protocol.planes import SharedPlane
from planecast_protocol.reader_messages import PixelsSoon
from planecast_reader.arena.reader_arena import ReaderArena
from planecast_reader.bells.reader import BellsIn
from planecast_reader.process.task_memory import TaskMemory
from planecast_reader.reader import Pixels


class Herald:
    """Of one task, which says whom to tell, if anybody."""

    def __init__(
        self, bells: BellsIn | None, arena: ReaderArena | None, memory: TaskMemory
    ) -> None:
        self._bells = bells
        self._arena = arena
        self._memory = memory
        self._told: Pixels | None = None
        """Of what the client was told."""

    def tell_soon(self, pixels: Pixels) -> None:
        """Tell the client that `pixels` are nearly there, if they are all it asked for."""
        bell, slot = self._memory.task.bell, self._memory.slot
        if bell is None or slot is None or self._bells is None or pixels is not self._memory.given:
            return
        soon = PixelsSoon(
            request=bell.request,
            shape=pixels.shape,
            dtype=pixels.dtype.str,
            shared=SharedPlane(slot=slot.number, generation=slot.generation, offset=slot.offset),
            reader=os.getpid(),
        )
        if self._bells.ring(bell.number, soon):
            self._told = pixels

    @property
    def has_told(self) -> bool:
        """Whether a client was told of a plane."""
        return self._told is not None

    def tell_filled(self, pixels: Pixels, read_ms: float) -> bool:
        """Tell that all is there; return whether the client has it by that.

        Not if it was told of anything but just these pixels.
        """
        bell, slot = self._memory.task.bell, self._memory.slot
        if self._told is not pixels or bell is None or slot is None or self._arena is None:
            return False
        return self._arena.fill(slot, read_ms, bell.row)
