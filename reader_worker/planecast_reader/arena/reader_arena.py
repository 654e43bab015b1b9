"""A reader process's view of the arena: it writes where the front lets it, and nowhere else."""

import math
from typing import Any

import numpy as np

from planecast_protocol.task_messages import MemorySlot
from planecast_reader.arena import shared_memory
from planecast_reader.arena.ledger import HEADER_BYTES, LEDGER_BYTES, MAX_SLABS
from planecast_reader.arena.prefault import Prefault
from planecast_reader.reader import Pixels


class ReaderArena:
    """Maps the whole arena for writing, and its pages ahead of their first use."""

    def __init__(self, arena_fd: int, ledger_fd: int, arena_bytes: int) -> None:
        self._memory = shared_memory.map_writable(arena_fd, arena_bytes)
        address = np.frombuffer(self._memory, np.uint8).ctypes.data
        ledger = memoryview(shared_memory.map_readonly(ledger_fd, LEDGER_BYTES))
        backed = ledger[HEADER_BYTES - MAX_SLABS : HEADER_BYTES]
        self._prefault = Prefault(address, arena_bytes, backed, write=True)

    def view(self, slot: MemorySlot, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Pixels:
        """Return the slot as a writable array. Raises `ValueError` if it is too small."""
        self._prefault.look(slot.offset)
        nbytes = math.prod(shape) * dtype.itemsize
        if nbytes > slot.capacity:
            raise ValueError(f"{nbytes} bytes do not fit a slot of {slot.capacity}")
        return np.ndarray(shape, dtype, self._memory, slot.offset)
