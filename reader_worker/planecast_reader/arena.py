"""The machine's one plane cache: slabs of shared memory, cut into slots of one size each.

Owned by the front and used by its one thread. Reader processes write into slots that the
front gave them; clients map everything read-only.
"""

import itertools
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from planecast_protocol.errors import TooLargeError
from planecast_reader import shared_memory
from planecast_reader.leases import MAX_SLOTS, Ledger

SLAB_BYTES = 32 << 20
MIN_SLOT_BYTES = 64 << 10
GRACE_S = 0.0005
"""Between the odd generation and the look at the leases: time for a store to become visible on a
processor that reorders, whatever Python's own fences do."""


@dataclass
class Slot:
    """A piece of memory that holds, or will hold, one plane."""

    number: int
    offset: int
    capacity: int
    key: Hashable | None = None
    """Set while the slot is published."""
    content: object = None
    """What the publisher wants to remember of the plane."""
    last_used: int = 0


@dataclass
class _Slab:
    first: int
    count: int
    """Adjacent slabs that it spans: more than one for planes larger than a slab."""
    slot_bytes: int
    slots: list[Slot] = field(default_factory=list)


class Arena:
    """Allocates slots, publishes planes in them, evicts the least recently used."""

    def __init__(self, budget_bytes: int) -> None:
        self.slabs = max(1, budget_bytes // SLAB_BYTES)
        self.nbytes = self.slabs * SLAB_BYTES
        self.fd = shared_memory.create("planecast-arena", self.nbytes)
        self._memory = shared_memory.map_readonly(self.fd, self.nbytes)
        self.ledger = Ledger()
        self._layout: list[_Slab | None] = [None] * self.slabs
        self._backed = [False] * self.slabs
        self._free: dict[int, list[Slot]] = {}
        """Slot size to slots that may be filled."""
        self._orphans: list[Slot] = []
        """Forgotten slots that a client may still look at."""
        self._free_numbers = list(range(MAX_SLOTS))
        self._published: OrderedDict[Hashable, Slot] = OrderedDict()
        self._clock = itertools.count(1)

    # ------------------------------------------------------------ the cache

    def find(self, key: Hashable) -> Slot | None:
        """Return the slot that holds the plane of `key`, and count it as used."""
        slot = self._published.get(key)
        if slot is not None:
            slot.last_used = next(self._clock)
            self._published.move_to_end(key)
        return slot

    def publish(self, slot: Slot, key: Hashable, content: object) -> int:
        """Make a filled slot findable; return its generation."""
        self.forget(key)
        slot.key = key
        slot.content = content
        slot.last_used = next(self._clock)
        self._published[key] = slot
        return self._step(slot)

    def read(self, slot: Slot, nbytes: int) -> bytes:
        """Copy the pixels of a slot, for a client that can't map it."""
        return bytes(self._memory[slot.offset : slot.offset + nbytes])

    def generation(self, slot: Slot) -> int:
        """Return the generation that a client must find."""
        return int(self.ledger.generations[slot.number])

    def forget(self, key: Hashable) -> None:
        """Drop a plane that is out of date. Arrays that clients hold on it stay as they are."""
        slot = self._published.pop(key, None)
        if slot is not None:
            self._step(slot)
            slot.key = None
            self._orphans.append(slot)

    @property
    def used_bytes(self) -> int:
        """Bytes of published planes."""
        return sum(slot.capacity for slot in self._published.values())

    # ------------------------------------------------------------ memory

    def allocate(self, nbytes: int) -> Slot | None:
        """Return an unpublished slot of at least `nbytes`; None if everything is in use."""
        size = slot_size(nbytes)
        free = self._free.setdefault(size, [])
        if not free:
            self._collect_orphans()
        if not free and not self._cut_unused(size) and not self._evict(size):
            self._take_over(size)
        free = self._free.setdefault(size, [])
        return free.pop() if free else None

    def give_back(self, slot: Slot) -> None:
        """Return a slot that was not published."""
        self._free.setdefault(slot.capacity, []).append(slot)

    def prepare_ahead(self) -> None:
        """Back the next unused slab with pages, while nobody waits."""
        if any(back and use is None for back, use in zip(self._backed, self._layout, strict=True)):
            return
        for number, use in enumerate(self._layout):
            if use is None:
                self._back(number)
                return

    def _collect_orphans(self) -> None:
        orphans = self._orphans
        if not orphans:
            return
        time.sleep(GRACE_S)
        held = self.ledger.leased(np.array([slot.number for slot in orphans]))
        self._orphans = [slot for slot, used in zip(orphans, held, strict=True) if used]
        for slot, used in zip(orphans, held, strict=True):
            if not used:
                self.give_back(slot)

    def _step(self, slot: Slot) -> int:
        generation = int(self.ledger.generations[slot.number]) + 1
        self.ledger.generations[slot.number] = generation
        return generation

    def _back(self, number: int) -> bool:
        if not self._backed[number]:
            try:
                shared_memory.back_with_pages(self.fd, number * SLAB_BYTES, SLAB_BYTES)
            except TooLargeError:
                return False
            self._backed[number] = True
        return True

    def _cut_unused(self, size: int) -> bool:
        """Cut adjacent slabs that nobody uses into slots."""
        need = -(-size // SLAB_BYTES)
        for first in range(self.slabs - need + 1):
            run = range(first, first + need)
            if all(self._layout[n] is None for n in run):
                return all(self._back(n) for n in run) and self._cut(first, need, size)
        return False

    def _cut(self, first: int, count: int, size: int) -> bool:
        slab = _Slab(first, count, size)
        for n in range(min(count * SLAB_BYTES // size, len(self._free_numbers))):
            number = self._free_numbers.pop()
            if self.ledger.generations[number] % 2 == 0:
                self.ledger.generations[number] += np.uint64(1)
            slab.slots.append(Slot(number, first * SLAB_BYTES + n * size, size))
        for n in range(first, first + count):
            self._layout[n] = slab
        self._free.setdefault(size, []).extend(slab.slots)
        return bool(slab.slots)

    def _evict(self, size: int) -> bool:
        """Free the least recently used planes of this size that nobody looks at."""
        for slot in [s for s in self._published.values() if s.capacity == size]:
            if self._retire([slot]):
                self.give_back(slot)
                return True
        return False

    def _retire(self, slots: list[Slot]) -> bool:
        """Unpublish `slots`, all or none: none if a client holds any of them."""
        numbers = np.array([slot.number for slot in slots], dtype=np.intp)
        if self.ledger.leased(numbers).any():
            return False
        published = [slot for slot in slots if slot.key is not None]
        for slot in published:
            self._step(slot)
        time.sleep(GRACE_S)
        if self.ledger.leased(numbers).any():  # a client was faster: its plane is still there
            for slot in published:
                self.ledger.generations[slot.number] -= np.uint64(1)
            return False
        for slot in published:
            self._published.pop(slot.key, None)
            slot.key = None
        return True

    def _take_over(self, size: int) -> bool:
        """Re-cut the least recently used slabs of other sizes, if nobody uses them."""
        need = -(-size // SLAB_BYTES)
        runs: list[tuple[int, int, list[_Slab]]] = []
        for first in range(self.slabs - need + 1):
            slabs = self._slabs_in(first, need)
            if slabs and all(self._idle(slab) for slab in slabs):
                newest = max(slot.last_used for slab in slabs for slot in slab.slots)
                runs.append((newest, first, slabs))
        for _newest, first, slabs in sorted(runs, key=lambda run: run[0]):
            if self._retire([slot for slab in slabs for slot in slab.slots]):
                for slab in slabs:
                    self._dissolve(slab)
                run = range(first, first + need)
                return all(self._back(n) for n in run) and self._cut(first, need, size)
        return False

    def _slabs_in(self, first: int, count: int) -> list[_Slab]:
        """Return the slabs that lie wholly in the run; none if one reaches out of it."""
        found: list[_Slab] = []
        for use in self._layout[first : first + count]:
            if use is not None and use not in found:
                if use.first < first or use.first + use.count > first + count:
                    return []
                found.append(use)
        return found

    def _idle(self, slab: _Slab) -> bool:
        """Tell whether every slot is published or free: none is being filled or orphaned."""
        free = self._free.get(slab.slot_bytes, [])
        return all(slot.key is not None or slot in free for slot in slab.slots)

    def _dissolve(self, slab: _Slab) -> None:
        free = self._free.get(slab.slot_bytes, [])
        self._free[slab.slot_bytes] = [slot for slot in free if slot not in slab.slots]
        self._free_numbers.extend(slot.number for slot in slab.slots)
        for n in range(slab.first, slab.first + slab.count):
            self._layout[n] = None


def slot_size(nbytes: int) -> int:
    """Round up by at most an eighth, so that planes of nearly one size share their slabs."""
    if nbytes <= MIN_SLOT_BYTES:
        return MIN_SLOT_BYTES
    step = 1 << max(12, nbytes.bit_length() - 4)
    return -(-nbytes // step) * step
