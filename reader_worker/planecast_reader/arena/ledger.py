"""The books of the arena that lie in shared memory: which slot holds what, and who uses it.

    header | record of each slot | index of keys | a row for each client: leases, last uses

Every word has one writer: the front writes header, records and index, a client writes its own
row. No lock is shared between processes, so nobody who dies can leave one locked. A record's
generation is even while the slot holds a published plane, odd while it is filled or taken back.

    client: lease[slot] = 1, fence, generation even and the key still mine?  yes: it is mine
    front:  generation odd, fence, any lease on the slot?                    no: the slot is free

Either the client sees the odd generation or the front sees the lease.
"""

import os
import struct
import time
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import TooLargeError
from planecast_protocol.reader_messages import Area, ReadPixels
from planecast_reader.arena import shared_memory

MAX_SLOTS = 4096
MAX_CLIENTS = 64
MAX_SLABS = 2048
BUCKETS = 4096
WAYS = 4
"""Places for keys of one bucket. A key that finds none is asked for by message."""

RECORD_WORDS = 16
GENERATION, KEY_LOW, KEY_HIGH, OFFSET, DTYPE, NDIM, SHAPE, CHECKED, VERIFIED_NS = (
    *range(6),
    6,
    10,
    11,
)
"""Words (u64) of a record. SHAPE takes four. CHECKED: 1 if it was read for a running acquisition,
so it is known to be whole. VERIFIED_NS: when its file was last seen unchanged, by the monotonic
clock that all processes of a machine share."""
MAX_INDEXED_DIMENSIONS = 4

HEADER_BYTES = 4096
RECORDS_AT = HEADER_BYTES
INDEX_AT = RECORDS_AT + MAX_SLOTS * RECORD_WORDS * 8
ROWS_AT = INDEX_AT + BUCKETS * WAYS * 2 * 8
TOUCHES_AT = MAX_SLOTS
"""In a row, behind a lease byte for each slot: when the client last used it, as `tick()` (u32)."""
ROW_BYTES = MAX_SLOTS * (1 + 4)
LEASED, AWAKE = 1, 2
"""What a lease's byte says. AWAKE: this client waits for the slot to be filled (`board.py`)."""
LEDGER_BYTES = ROWS_AT + MAX_CLIENTS * ROW_BYTES

GRACE_S = 0.0005
"""Between a store of one's own and the look at another's: time for a store to become visible on a
processor that reorders, whatever Python's own fences do."""
_FEW = 16
KEYS_KEPT = 1024
"""With their digests. A path may take 16 KiB, so they are bounded."""

_TWO_WORDS = struct.Struct("<QQ")
_DESCRIPTION = struct.Struct(f"{VERIFIED_NS - KEY_LOW + 1}Q")
"""The words of a record from KEY_LOW to VERIFIED_NS."""
_encoder = msgspec.msgpack.Encoder(order="deterministic")

Digest = tuple[int, int]
"""Two 64-bit words that stand for a plane's key; the first is never 0."""


def tick(now_ns: int | None = None) -> int:
    """Return the monotonic time in milliseconds, 32 bits of it."""
    return ((time.monotonic_ns() if now_ns is None else now_ns) // 1_000_000) & 0xFFFFFFFF


class PlaneFacts(NamedTuple):
    """What a client must know to use a slot without asking."""

    digest: Digest
    shape: tuple[int, ...]
    dtype: str
    checked: bool
    verified_ns: int


def digest_of(request: ReadPixels) -> Digest:
    """Return what stands for the plane that a request asks for, whatever its file's state."""
    return _digest(
        request.path, request.scene, request.index.items(), request.area, request.revision
    )


def known_digest_of(request: ReadPixels) -> Digest:
    """Return the same, sooner if it was asked for lately: of who steps to and fro."""
    index = tuple(request.index.items())
    return _known_digest(request.path, request.scene, index, request.area, request.revision)


def _digest(
    path: str, scene: int | str, index: Iterable[tuple[str, int]], area: Area, revision: int
) -> Digest:
    # On the way of each new plane, with cold caches: what calls least takes least.
    places = [place for place in index if place[1]]
    if len(places) > 1:
        places.sort()
    key = _encoder.encode((path, scene, places, area, revision))
    low, high = _TWO_WORDS.unpack_from(blake2b(key).digest())
    return low | 1, high


_known_digest = lru_cache(KEYS_KEPT)(_digest)


@lru_cache(64)
def dtype_word(dtype: str) -> int | None:
    """Return a dtype's name as one word; None if it is too long."""
    name = dtype.encode()
    return int.from_bytes(name.ljust(8, b"\0"), "little") if len(name) <= 8 else None


@lru_cache(64)
def dtype_of_word(word: int) -> str:
    """Return the dtype's name of which `dtype_word` made a word."""
    return word.to_bytes(8, "little").rstrip(b"\0").decode()


class Ledger:
    """The front's view: writes records and index, reads every client's leases.

    Making one raises `TooLargeError` or `OSError` where the system has no memory for it.
    """

    def __init__(self) -> None:
        self.fd = shared_memory.create("planecast-ledger", LEDGER_BYTES)
        try:
            shared_memory.back_with_pages(self.fd, 0, LEDGER_BYTES)
        except TooLargeError:
            os.close(self.fd)
            raise
        table = np.frombuffer(shared_memory.map_writable(self.fd, LEDGER_BYTES), np.uint8)
        self._backed = table[HEADER_BYTES - MAX_SLABS : HEADER_BYTES]
        self._bytes = table.data[RECORDS_AT:INDEX_AT]
        self._records = self._bytes.cast("Q")
        self._index = table.data[INDEX_AT:ROWS_AT].cast("Q")
        self._row_bytes = table.data[ROWS_AT:]
        self._rows = table[ROWS_AT:].reshape(MAX_CLIENTS, ROW_BYTES)
        self._leases = self._rows[:, :TOUCHES_AT]
        self._touches = self._rows[:, TOUCHES_AT:].view(np.uint32)
        self._free_rows = set(range(MAX_CLIENTS))
        self._used_rows = np.zeros(0, np.intp)
        """Rows of clients; those of nobody are all zero, and need no look."""
        self._row_starts: list[int] = []

    # ------------------------------------------------------------ slots

    def generation(self, slot: int) -> int:
        """Return the generation that a client must find."""
        return self._records[slot * RECORD_WORDS + GENERATION]

    def hide(self, slot: int) -> None:
        """Make the generation odd: nobody new may take the slot."""
        word = slot * RECORD_WORDS + GENERATION
        if self._records[word] % 2 == 0:
            self._records[word] += 1

    def unhide(self, slot: int) -> None:
        """Take `hide` back: what the slot holds is still there."""
        self._records[slot * RECORD_WORDS + GENERATION] -= 1

    def outdate(self, slot: int) -> None:
        """Skip a generation of a slot that is filled: whoever was told of it may not take it."""
        self._records[slot * RECORD_WORDS + GENERATION] += 2

    def publish(self, slot: int, offset: int, facts: PlaneFacts | None) -> None:
        """Make the generation even. With `facts`, the plane can be found without a message."""
        first = slot * RECORD_WORDS
        records = self._records
        records[first + KEY_LOW] = 0
        if facts is not None and self._describe(first, offset, facts):
            self._enter(facts.digest[0], slot)
        records[first + GENERATION] += 1

    def _describe(self, first: int, offset: int, facts: PlaneFacts) -> bool:
        dtype = dtype_word(facts.dtype)
        if dtype is None or len(facts.shape) > MAX_INDEXED_DIMENSIONS:
            return False
        shape = (*facts.shape, 0, 0, 0, 0)[:MAX_INDEXED_DIMENSIONS]
        words = (*facts.digest, offset, dtype, len(facts.shape), *shape)
        place = (first + KEY_LOW) * 8
        _DESCRIPTION.pack_into(self._bytes, place, *words, facts.checked, facts.verified_ns)
        return True

    def verify(self, slot: int, now_ns: int) -> None:
        """Note that the plane's file was just seen unchanged."""
        self._records[slot * RECORD_WORDS + VERIFIED_NS] = now_ns

    def forget(self, slot: int) -> None:
        """Take the slot's key out of the index."""
        low = self._records[slot * RECORD_WORDS + KEY_LOW]
        first = (low % BUCKETS) * WAYS * 2
        for at in range(first, first + 2 * WAYS, 2):
            if self._index[at] == low and self._index[at + 1] == slot:
                self._index[at] = 0

    def _enter(self, low: int, slot: int) -> None:
        first = (low % BUCKETS) * WAYS * 2
        keys = self._index[first : first + 2 * WAYS : 2].tolist()
        # The oldest entry of a full bucket gives way: its plane is then asked for by message.
        way = keys.index(low) if low in keys else keys.index(0) if 0 in keys else 0
        at = first + 2 * way
        self._index[at + 1] = slot
        self._index[at] = low

    # ------------------------------------------------------------ slabs

    def mark_backed(self, slab: int) -> None:
        """Tell all who map the arena that a slab has its pages: they may map them ahead."""
        self._backed[slab] = 1

    # ------------------------------------------------------------ clients

    def add_client(self) -> int | None:
        """Return a row for a new client; None if all are taken."""
        row = self._free_rows.pop() if self._free_rows else None
        self._note_used_rows()
        return row

    def drop_client(self, row: int) -> None:
        """End all leases of a client that is gone."""
        self._rows[row] = 0
        self._free_rows.add(row)
        self._note_used_rows()

    def _note_used_rows(self) -> None:
        used = sorted(set(range(MAX_CLIENTS)) - self._free_rows)
        self._used_rows = np.array(used, dtype=np.intp)
        self._row_starts = [row * ROW_BYTES for row in used]

    def leased(self, slots: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Tell for each of `slots` whether any client holds it."""
        return np.asarray(self._leases[self._used_rows[:, None], slots].any(axis=0))

    def which_leased(self, slots: list[int]) -> list[bool]:
        """Tell like `leased`, for a few slots in a fraction of its time."""
        if len(slots) > _FEW:
            held: list[bool] = self.leased(np.array(slots, dtype=np.intp)).tolist()
            return held
        return [any(self._row_bytes[at + slot] for at in self._row_starts) for slot in slots]

    def last_touched(self, slots: npt.NDArray[np.intp]) -> npt.NDArray[np.uint32]:
        """Return for each of `slots` when any client last used it, as `tick()`."""
        touched = self._touches[self._used_rows[:, None], slots]
        return np.asarray(touched.max(axis=0, initial=0))

    def is_touched(self, slot: int, since: int) -> bool:
        """Tell whether a client holds the slot, or has used it after `since`, a `tick()`."""
        rows = self._used_rows
        held = self._leases[rows, slot].any()
        return bool(held or (self._touches[rows, slot] > since).any())

    def count_leased(self) -> int:
        """Return how many slots are held."""
        return int(self._leases.any(axis=0).sum())
