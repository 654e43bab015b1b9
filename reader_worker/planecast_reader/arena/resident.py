"""Bounds how much of the arena counts as memory of a client that looks at many planes.

Each page of shared memory that a process has touched is in its resident size, long after the
plane is let go: a viewer that browsed a thousand planes would seem to have taken all of the arena.
Pages that are unmapped stay in the arena; to map them again costs a tenth of reading the plane.
"""

import ctypes
import sys
from collections import OrderedDict

from planecast_reader.arena.prefault import SLAB_BYTES

_DONTNEED = 4


def unmap(address: int, nbytes: int) -> bool:
    """Take the pages of a stretch out of this process; False where the system can't."""
    if sys.platform != "linux":
        return False
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    return int(madvise(ctypes.c_void_p(address), ctypes.c_size_t(nbytes), _DONTNEED)) == 0


class Resident:
    """The slabs that may be mapped, those used last at the end. One thread at a time."""

    def __init__(self, address: int, limit_bytes: int) -> None:
        """`address` is where the arena is mapped."""
        self._address = address
        self._limit = max(1, limit_bytes // SLAB_BYTES)
        self._slabs: OrderedDict[int, None] = OrderedDict()
        self._held: dict[int, int] = {}
        """Slab to number of slots in it that are looked at."""
        self._spans: dict[int, range] = {}
        """Slot that is looked at, to its slabs."""

    @property
    def nbytes(self) -> int:
        """What may be mapped."""
        return len(self._slabs) * SLAB_BYTES

    def hold(self, slot: int, offset: int, nbytes: int) -> None:
        """Note that a slot is looked at from now on; unmap others if it gets too much."""
        if slot in self._spans:
            return
        span = range(offset // SLAB_BYTES, (offset + max(nbytes, 1) - 1) // SLAB_BYTES + 1)
        self._spans[slot] = span
        for slab in span:
            self._held[slab] = self._held.get(slab, 0) + 1
            # Its pages are mapped as they are touched, 16 at a time; ahead would take longer.
            self._slabs[slab] = None
            self._slabs.move_to_end(slab)
        self._trim()

    def let_go(self, slot: int) -> None:
        """Note that nobody looks at a slot any more: it may be unmapped later."""
        for slab in self._spans.pop(slot, ()):
            self._held[slab] -= 1
            if not self._held[slab]:
                del self._held[slab]

    def _trim(self) -> None:
        idle = [slab for slab in self._slabs if slab not in self._held]
        for slab in idle[: max(0, len(self._slabs) - self._limit)]:
            unmap(self._address + slab * SLAB_BYTES, SLAB_BYTES)
            del self._slabs[slab]
