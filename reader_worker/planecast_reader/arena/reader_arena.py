"""A reader process's view of the arena: it writes where the front lets it, and nowhere else."""

import math
import threading
from typing import Any

import numpy as np

from planecast_protocol.task_messages import MemorySlot
from planecast_reader.arena import shared_memory
from planecast_reader.arena.board import BOARD_BYTES, FILLED, READ_US, WORDS
from planecast_reader.arena.ledger import (
    AWAKE,
    HEADER_BYTES,
    LEDGER_BYTES,
    MAX_SLABS,
    ROW_BYTES,
    ROWS_AT,
)
from planecast_reader.arena.prefault import Prefault
from planecast_reader.reader import Pixels


class ReaderArena:
    """Maps the whole arena for writing, and its pages ahead of their first use."""

    def __init__(self, arena_fd: int, ledger_fd: int, arena_bytes: int) -> None:
        self._memory = shared_memory.map_writable(arena_fd, arena_bytes + BOARD_BYTES)
        self._board = memoryview(self._memory)[arena_bytes:].cast("Q")
        address = np.frombuffer(self._memory, np.uint8).ctypes.data
        ledger = memoryview(shared_memory.map_readonly(ledger_fd, LEDGER_BYTES))
        backed = ledger[HEADER_BYTES - MAX_SLABS : HEADER_BYTES]
        self._leases = ledger[ROWS_AT:]
        self._fence = threading.Lock()
        self._prefault = Prefault(address, arena_bytes, backed, write=True)

    def view(self, slot: MemorySlot, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Pixels:
        """Return the slot as a writable array. Raises `ValueError` if it is too small."""
        self._prefault.look(slot.offset)
        nbytes = math.prod(shape) * dtype.itemsize
        if nbytes > slot.capacity:
            raise ValueError(f"{nbytes} bytes do not fit a slot of {slot.capacity}")
        return np.ndarray(shape, dtype, self._memory, slot.offset)

    def fill(self, slot: MemorySlot, read_ms: float, row: int) -> bool:
        """Put on the board that all pixels are there; tell whether the client waits awake."""
        at = slot.number * WORDS
        self._board[at + READ_US] = round(1000 * read_ms)
        self._board[at + FILLED] = slot.generation
        with self._fence:  # its atomic instructions are the fence between the store and the load
            return self._leases[row * ROW_BYTES + slot.number] == AWAKE
