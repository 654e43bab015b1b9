"""A client's view of the arena: takes planes, and gives them back when the last array is gone."""

import collections
import math
import mmap
import struct
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import BadMessageError
from planecast_protocol.planes import SharedPlane
from planecast_reader.arena import shared_memory
from planecast_reader.arena.board import BOARD_BYTES, FILLED, READ_US, WORDS
from planecast_reader.arena.ledger import (
    AWAKE,
    BUCKETS,
    CHECKED,
    DTYPE,
    GENERATION,
    GRACE_S,
    HEADER_BYTES,
    INDEX_AT,
    KEY_HIGH,
    KEY_LOW,
    LEASED,
    LEDGER_BYTES,
    MAX_SLABS,
    MAX_SLOTS,
    NDIM,
    OFFSET,
    RECORD_WORDS,
    RECORDS_AT,
    ROW_BYTES,
    ROWS_AT,
    SHAPE,
    TOUCHES_AT,
    VERIFIED_NS,
    WAYS,
    Digest,
    dtype_of_word,
    tick,
)
from planecast_reader.arena.prefault import Prefault
from planecast_reader.arena.resident import Resident

_BUCKET = struct.Struct(f"{2 * WAYS}Q")
_RECORD = struct.Struct(f"{RECORD_WORDS}Q")

EVER = 1 << 64
"""Later than any time (monotonic, ns)."""
FRESH_NS = 1_000_000_000
"""A plane is used without a message for so long after its file was last seen unchanged."""


class Lease(np.ndarray[Any, np.dtype[Any]]):
    """Owner of every view on a leased slot: numpy keeps it as the base of the array.

    When the last view dies the slot is given back, by one byte store and no message. It is an
    array itself, as one that numpy makes of another takes half as long as one of an address.
    """

    __slots__ = ("arena", "slot")

    arena: "ClientArena"
    slot: int

    def __del__(self) -> None:
        slot = getattr(self, "slot", None)
        if slot is not None:  # an array that somebody made of this one holds no lease
            self.arena.give_back(slot)


class ClientArena:
    """Any thread may take and give back.

    It lives as long as any array on it, also when the worker is gone: the pixels stay right.
    """

    def __init__(
        self,
        data_fd: int,
        ledger_fd: int,
        data_bytes: int,
        row: int,
        resident_bytes: int | None = None,
    ) -> None:
        """`resident_bytes` is about how much of it may count as memory of this process."""
        self._data: mmap.mmap = shared_memory.map_readonly(data_fd, data_bytes + BOARD_BYTES)
        self._board = memoryview(self._data)[data_bytes:].cast("Q")
        self._data_bytes = data_bytes
        address: int = np.frombuffer(self._data, np.uint8).ctypes.data
        ledger = memoryview(shared_memory.map_writable(ledger_fd, LEDGER_BYTES))
        self._records = ledger[RECORDS_AT:INDEX_AT].cast("Q")
        self._index = ledger[INDEX_AT:ROWS_AT].cast("Q")
        start = ROWS_AT + row * ROW_BYTES
        self._leases = ledger[start : start + TOUCHES_AT]
        self._touches = ledger[start + TOUCHES_AT : start + ROW_BYTES].cast("I")
        self._lock = threading.Lock()
        self._views: dict[int, int] = {}
        """Slot to number of live leases in this process."""
        self._returned: collections.deque[int] = collections.deque()
        backed = ledger[HEADER_BYTES - MAX_SLABS : HEADER_BYTES]
        self._resident: Resident | None = None
        self._prefault: Prefault | None = None
        if resident_bytes is None:
            self._prefault = Prefault(address, data_bytes, backed, write=False)
        else:
            self._resident = Resident(address, resident_bytes)

    def take_soon(
        self,
        plane: SharedPlane,
        shape: tuple[int, ...],
        dtype: str,
        wait: Callable[[Callable[[], bool]], None],
    ) -> tuple[npt.NDArray[Any], float] | None:
        """Return an array on a slot that is being filled, and the ms that took.

        `wait` calls what it is given until that is true, or for long enough: then None, and
        whoever asked is answered by message.
        """
        pixels = self.take(plane, shape, dtype)
        if pixels is None:
            return None
        word = plane.slot * WORDS + FILLED

        def is_filled() -> bool:
            return self._board[word] == plane.generation

        try:
            self._note(plane.slot, AWAKE)
            wait(is_filled)
        finally:
            if not is_filled():
                self._note(plane.slot, LEASED)
        if not is_filled():
            time.sleep(GRACE_S)
            if not is_filled():
                return None
        return pixels, self._board[word - FILLED + READ_US] / 1000

    def take(
        self, plane: SharedPlane, shape: tuple[int, ...], dtype: str
    ) -> npt.NDArray[Any] | None:
        """Return a read-only array on the slot; None if the slot was taken back meanwhile."""
        if plane.slot >= MAX_SLOTS:
            raise BadMessageError(f"the worker speaks of slot {plane.slot}")
        if self._prefault is not None:
            self._prefault.look(plane.offset)
        nbytes = math.prod(shape) * _dtype(dtype).itemsize
        if plane.offset + nbytes > self._data_bytes:
            raise BadMessageError("the worker speaks of pixels beyond its arena")
        self._lease(plane.slot)
        later = self._records[plane.slot * RECORD_WORDS + GENERATION] - plane.generation
        # A reader tells of a plane (odd) that the front publishes (even) at the same time.
        if later and not (later == 1 and plane.generation % 2):
            self.give_back(plane.slot)
            return None
        return self._view(plane.slot, plane.offset, shape, dtype, time.monotonic_ns())

    def find(
        self, digest: Digest, *, running: bool, before_ns: int = EVER
    ) -> npt.NDArray[Any] | None:
        """Return the plane if it is there and certain, without a message; else None.

        Certain is one of a `running` acquisition that was whole when it was read, and one
        whose file was seen unchanged during the last second; only such as were there, and
        looked at last, before `before_ns` (monotonic).
        """
        low, high = digest
        bucket = _BUCKET.unpack_from(self._index, low % BUCKETS * _BUCKET.size)
        if low not in bucket:
            return None
        slot = bucket[bucket.index(low) | 1]
        if slot >= MAX_SLOTS:
            return None
        self._lease(slot)
        record = _RECORD.unpack_from(self._records, slot * _RECORD.size)
        now_ns = time.monotonic_ns()
        generation = record[GENERATION]
        if (
            generation % 2
            or record[KEY_LOW] != low
            or record[KEY_HIGH] != high
            or not (record[CHECKED] if running else now_ns - record[VERIFIED_NS] < FRESH_NS)
            or record[VERIFIED_NS] >= before_ns
            or self._records[slot * RECORD_WORDS] != generation  # read first, and last
        ):
            self.give_back(slot)
            return None
        shape = record[SHAPE : SHAPE + record[NDIM]]
        return self._view(slot, record[OFFSET], shape, dtype_of_word(record[DTYPE]), now_ns)

    def knows(self, digest: Digest) -> bool:
        """Tell whether the plane is there, certain or not."""
        low = digest[0]
        return low in _BUCKET.unpack_from(self._index, low % BUCKETS * _BUCKET.size)

    def give_back(self, slot: int) -> None:
        """End one lease. Called from finalizers, so it never waits for the lock."""
        if not self._lock.acquire(blocking=False):
            self._returned.append(slot)  # whoever takes the next lease sees to it
            return
        try:
            self._end(slot)
            if self._returned:
                self._settle()
        finally:
            self._lock.release()

    def _lease(self, slot: int) -> None:
        with self._lock:  # its atomic instructions are the fence between the store and the load
            if self._returned:
                self._settle()
            self._views[slot] = self._views.get(slot, 0) + 1
            self._leases[slot] = LEASED

    def _note(self, slot: int, lease: int) -> None:
        with self._lock:  # a fence, as above
            self._leases[slot] = lease

    def _view(
        self, slot: int, offset: int, shape: tuple[int, ...], dtype: str, now_ns: int
    ) -> npt.NDArray[Any]:
        self._touches[slot] = tick(now_ns)
        if self._resident is not None:
            with self._lock:
                nbytes = math.prod(shape) * _dtype(dtype).itemsize
                self._resident.hold(slot, offset, nbytes)
        lease = Lease(shape, _dtype(dtype), self._data, offset)
        lease.arena, lease.slot = self, slot
        return lease.view(np.ndarray)

    def _settle(self) -> None:
        while self._returned:
            self._end(self._returned.popleft())

    def _end(self, slot: int) -> None:
        left = self._views.pop(slot, 1) - 1
        if left:
            self._views[slot] = left
            return
        self._leases[slot] = 0
        if self._resident is not None:
            self._resident.let_go(slot)


@lru_cache(64)
def _dtype(name: str) -> np.dtype[Any]:
    return np.dtype(name)
