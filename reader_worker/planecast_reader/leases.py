"""The books of the arena that lie in shared memory: generations, and who uses which slot.

    header 4096 bytes | generation of each slot (u64) | one row of lease bytes for each client

Every word has one writer: the front writes generations, a client writes its own row. No lock
is shared between processes, so nobody who dies can leave one locked. A generation is even
while the slot holds a published plane, odd while it is filled or being taken back.

    client: lease[slot] = 1, fence, generation still the promised one?  yes: the plane is mine
    front:  generation odd, fence, any lease on the slot?               no: the slot is free

Either the client sees the odd generation or the front sees the lease.
"""

import collections
import mmap
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import BadMessageError
from planecast_protocol.planes import SharedPlane
from planecast_reader import shared_memory

MAX_SLOTS = 4096
MAX_CLIENTS = 64
_HEADER_BYTES = 4096
_GENERATIONS_BYTES = MAX_SLOTS * 8
LEDGER_BYTES = _HEADER_BYTES + _GENERATIONS_BYTES + MAX_CLIENTS * MAX_SLOTS


class Ledger:
    """The front's view: writes generations, reads every client's leases."""

    def __init__(self) -> None:
        self.fd = shared_memory.create("planecast-ledger", LEDGER_BYTES)
        memory = shared_memory.map_writable(self.fd, LEDGER_BYTES)
        table = np.frombuffer(memory, np.uint8)
        first_row = _HEADER_BYTES + _GENERATIONS_BYTES
        self.generations: npt.NDArray[np.uint64] = table[_HEADER_BYTES:first_row].view(np.uint64)
        self._rows = table[first_row:].reshape(MAX_CLIENTS, MAX_SLOTS)
        self._free_rows = set(range(MAX_CLIENTS))

    def add_client(self) -> int | None:
        """Return a row for a new client; None if all are taken."""
        return self._free_rows.pop() if self._free_rows else None

    def drop_client(self, row: int) -> None:
        """End all leases of a client that is gone."""
        self._rows[row] = 0
        self._free_rows.add(row)

    def leased(self, slots: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Tell for each of `slots` whether any client holds it."""
        return np.asarray(self._rows[:, slots].any(axis=0))

    def count_leased(self) -> int:
        """Return how many slots are held."""
        return int(self._rows.any(axis=0).sum())


class Lease:
    """Owner of every view on a leased slot: numpy keeps it as the base of the array.

    When the last view dies the slot is given back, by one byte store and no message.
    """

    __slots__ = ("__array_interface__", "_arena", "_slot")

    def __init__(self, arena: "ClientArena", slot: int, interface: dict[str, Any]) -> None:
        self._arena = arena
        self._slot = slot
        self.__array_interface__ = interface

    def __del__(self) -> None:
        self._arena.give_back(self._slot)


class ClientArena:
    """A client's view of the arena. Any thread may take and give back.

    It lives as long as any array on it, also when the worker is gone: the pixels stay right.
    """

    def __init__(self, data_fd: int, ledger_fd: int, data_bytes: int, row: int) -> None:
        self._data: mmap.mmap = shared_memory.map_readonly(data_fd, data_bytes)
        self._data_bytes = data_bytes
        self._address: int = np.frombuffer(self._data, np.uint8).ctypes.data
        ledger = memoryview(shared_memory.map_writable(ledger_fd, LEDGER_BYTES))
        first_row = _HEADER_BYTES + _GENERATIONS_BYTES
        self._generations = ledger[_HEADER_BYTES:first_row].cast("Q")
        start = first_row + row * MAX_SLOTS
        self._leases = ledger[start : start + MAX_SLOTS]
        self._lock = threading.Lock()
        self._views: dict[int, int] = {}
        """Slot to number of live leases in this process."""
        self._returned: collections.deque[int] = collections.deque()

    def take(
        self, plane: SharedPlane, shape: tuple[int, ...], dtype: str
    ) -> npt.NDArray[Any] | None:
        """Return a read-only array on the slot; None if the slot was taken back meanwhile."""
        if plane.slot >= MAX_SLOTS:
            raise BadMessageError(f"the worker speaks of slot {plane.slot}")
        nbytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        if plane.offset + nbytes > self._data_bytes:
            raise BadMessageError("the worker speaks of pixels beyond its arena")
        with self._lock:  # its atomic instructions are the fence between the store and the load
            self._settle()
            self._views[plane.slot] = self._views.get(plane.slot, 0) + 1
            self._leases[plane.slot] = 1
        if self._generations[plane.slot] != plane.generation:
            self.give_back(plane.slot)
            return None
        interface = {
            "version": 3,
            "shape": shape,
            "typestr": np.dtype(dtype).str,
            "data": (self._address + plane.offset, True),
        }
        return np.asarray(Lease(self, plane.slot, interface))

    def give_back(self, slot: int) -> None:
        """End one lease. Called from finalizers, so it never waits for the lock."""
        self._returned.append(slot)
        if self._lock.acquire(blocking=False):
            try:
                self._settle()
            finally:
                self._lock.release()

    def _settle(self) -> None:
        while self._returned:
            slot = self._returned.popleft()
            left = self._views.get(slot, 1) - 1
            if left:
                self._views[slot] = left
            else:
                self._views.pop(slot, None)
                self._leases[slot] = 0
