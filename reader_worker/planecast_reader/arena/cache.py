"""The machine's one plane cache: slabs of shared memory, cut into slots of one size each.

Owned by the front and used by its one thread. Reader processes write into slots that the
front gave them; clients map everything read-only.
"""

import os
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from planecast_protocol.errors import TooLargeError
from planecast_reader.arena import shared_memory
from planecast_reader.arena.aging import Aging
from planecast_reader.arena.board import BOARD_BYTES
from planecast_reader.arena.growth import Growth
from planecast_reader.arena.ledger import GRACE_S, MAX_SLABS, MAX_SLOTS, Ledger, PlaneFacts, tick
from planecast_reader.arena.prefault import SLAB_BYTES
from planecast_reader.arena.slots import Slot, slot_size

PATIENCE_S = 0.02
"""Pages that take longer are not waited for if the plane that was not used for longest can go."""
MORE_SLABS = 4
"""Slabs that may be cut together, beyond those that one slot needs."""
READY_PART, READY_AT_MOST = 8, 8
"""Of a full arena one in so many slots is kept ready for the next planes, and no more than that."""
UNTAKEN_MS = 1000
"""A client that has not taken a passing plane by then is gone, or asks again."""


@dataclass(eq=False)
class _Slab:
    first: int
    count: int
    """Adjacent slabs that it spans: more than one for planes larger than a slab."""
    slot_bytes: int
    slots: list[Slot] = field(default_factory=list)


class Arena:
    """Allocates slots, publishes planes in them, evicts the least recently used.

    Making one raises `TooLargeError` or `OSError` where the system has no memory for its books.
    """

    def __init__(self, budget_bytes: int) -> None:
        self.slabs = max(1, min(MAX_SLABS, budget_bytes // SLAB_BYTES))
        self.nbytes = self.slabs * SLAB_BYTES
        self.ledger = Ledger()
        self.fd = shared_memory.create("planecast-arena", self.nbytes + BOARD_BYTES)
        try:
            shared_memory.back_with_pages(self.fd, self.nbytes, BOARD_BYTES)
        except TooLargeError:
            os.close(self.fd)
            os.close(self.ledger.fd)
            raise
        self._memory = shared_memory.map_readonly(self.fd, self.nbytes)
        self._layout: list[_Slab | None] = [None] * self.slabs
        self._growth = Growth(self.fd, self.slabs, self.ledger.mark_backed)
        self._aging = Aging(self.ledger)
        self._free: dict[int, list[Slot]] = {}
        """Slot size to slots that may be filled."""
        self._orphans: list[tuple[Slot, float]] = []
        """Forgotten slots that a client may still look at, and when they were (monotonic), the
        oldest first."""
        self._size_wanted = 0
        """Slot size of the last allocation: the next is likely to want the same."""
        self._free_numbers = list(range(MAX_SLOTS))
        self._published: dict[Hashable, Slot] = {}
        self._passing: dict[int, Slot] = {}
        """Published slots, by number, that nobody will ask for again once they were taken."""

    # ------------------------------------------------------------ the cache

    def find(self, key: Hashable) -> Slot | None:
        """Return the slot that holds the plane of `key`, and count it as used."""
        slot = self._published.get(key)
        if slot is not None:
            slot.last_used = tick()
        return slot

    def publish(
        self,
        slot: Slot,
        key: Hashable,
        content: object,
        facts: PlaneFacts | None = None,
        told: int | None = None,
    ) -> int:
        """Make a filled slot findable; return its generation.

        With `facts`, clients find it without a message too. `told` is a `tick()` before the
        first client may have heard of it.
        """
        self.forget(key)
        self._passing.pop(slot.number, None)
        slot.key = key
        slot.content = content
        slot.last_used = tick() if told is None else told
        self._published[key] = slot
        self.ledger.publish(slot.number, slot.offset, facts)
        return self.ledger.generation(slot.number)

    def read(self, slot: Slot, nbytes: int) -> bytes:
        """Copy the pixels of a slot, for a client that can't map it."""
        return bytes(self._memory[slot.offset : slot.offset + nbytes])

    def generation(self, slot: Slot) -> int:
        """Return the generation that a client must find."""
        return self.ledger.generation(slot.number)

    def verify(self, slot: Slot) -> None:
        """Note that the plane's file was just seen unchanged."""
        self.ledger.verify(slot.number, time.monotonic_ns())

    def doubt(self, suspect: Callable[[object], bool]) -> None:
        """Have planes whose content is `suspect` asked for by message, not found without."""
        for slot in self._published.values():
            if suspect(slot.content):
                self.ledger.verify(slot.number, 0)

    def forget(self, key: Hashable) -> None:
        """Drop a plane that is out of date. Arrays that clients hold on it stay as they are."""
        slot = self._published.pop(key, None)
        if slot is not None:
            self.ledger.forget(slot.number)
            self.ledger.hide(slot.number)
            slot.key = None
            self._orphans.append((slot, time.monotonic()))

    def let_pass(self, slot: Slot) -> None:
        """Evict the plane of `slot` before all others, when the client that asked has it."""
        self._passing[slot.number] = slot

    def keep(self, slot: Slot) -> None:
        """Treat the plane of `slot` like all others again: somebody wants it to stay."""
        self._passing.pop(slot.number, None)

    def spare_slots(self, nbytes: int) -> int:
        """Return how many slots for planes of `nbytes` can be filled at once."""
        return len(self._free.get(slot_size(nbytes), []))

    @property
    def used_bytes(self) -> int:
        """Bytes of published planes."""
        return sum(slot.capacity for slot in self._published.values())

    # ------------------------------------------------------------ memory

    def allocate(self, nbytes: int) -> Slot | None:
        """Return an unpublished slot of at least `nbytes`; None if everything is in use."""
        size = self._size_wanted = slot_size(nbytes)
        free = self._free.setdefault(size, [])
        if free:
            return free.pop()
        for wait in (False, True):
            if not free:
                self._collect_orphans(wait=wait)
                free = self._free.setdefault(size, [])
        if not free and self._evict_passing(size):
            free = self._free[size]
        if not free:
            # A plane that was read is given up rather than wait for pages: that can take long.
            ways = (self._cut_ready, self._evict, self._cut_unused, self._take_over)
            any(way(size) for way in ways)
        free = self._free.setdefault(size, [])
        return free.pop() if free else None

    @property
    def is_short(self) -> bool:
        """Whether the next plane would have to wait for another to go."""
        return bool(self._size_wanted) and not self._free.get(self._size_wanted)

    def prepare(self) -> None:
        """Have slots ready for the next planes, so that they need not wait for others to go.

        To be called when there is nothing better to do.
        """
        size = self._size_wanted
        if not size or None in self._layout:
            return
        now = time.monotonic()
        self._collect_orphans(wait=False)
        wanted = max(1, min(READY_AT_MOST, len(self._published) // READY_PART))
        coming = sum(s.capacity == size and now - since <= GRACE_S for s, since in self._orphans)
        for _ in range(wanted - coming - len(self._free.get(size, ()))):
            oldest = self._aging.oldest(size, self._published.values())
            if oldest is None or len(self._published) < 2:
                return
            self.forget(oldest.key)

    def give_back(self, slot: Slot) -> None:
        """Return a slot that was not published."""
        self._free.setdefault(slot.capacity, []).append(slot)

    def abandon(self, slot: Slot) -> None:
        """Return a slot that was not published, but that a client may have been told of."""
        self.ledger.outdate(slot.number)
        self._orphans.append((slot, time.monotonic()))

    def close(self) -> None:
        """End the thread that grows the arena."""
        self._growth.close()

    def _collect_orphans(self, *, wait: bool) -> None:
        """Free what nobody looks at any more, of slots that were forgotten a while ago."""
        if not self._orphans:
            return
        if wait:
            time.sleep(max(0.0, self._orphans[-1][1] + GRACE_S - time.monotonic()))
        due = time.monotonic() - GRACE_S
        ripe = [orphan for orphan in self._orphans if orphan[1] <= due]
        if not ripe:
            return
        green = self._orphans[len(ripe) :]
        held = self.ledger.which_leased([slot.number for slot, _since in ripe])
        self._orphans = [orphan for orphan, used in zip(ripe, held, strict=True) if used] + green
        for (slot, _since), used in zip(ripe, held, strict=True):
            if not used:
                self.give_back(slot)

    def _cut_ready(self, size: int) -> bool:
        """Cut slabs that nobody uses into slots, if they have their pages now or soon."""
        run = self._unused(size)
        return bool(run) and self._growth.back(run, PATIENCE_S) and self._cut(run, size)

    def _cut_unused(self, size: int) -> bool:
        """Cut slabs that nobody uses into slots, waiting for their pages."""
        run = self._unused(size)
        return bool(run) and self._growth.back(run) and self._cut(run, size)

    def _unused(self, size: int) -> range:
        """Return adjacent slabs that nobody uses: so many that little is left over; or none."""
        for need in _slabs_for(size):
            for first in range(self.slabs - need + 1):
                run = range(first, first + need)
                if all(self._layout[n] is None for n in run):
                    return run
        return range(0)

    def _cut(self, run: range, size: int) -> bool:
        first, count = run.start, len(run)
        slab = _Slab(first, count, size)
        for n in range(min(count * SLAB_BYTES // size, len(self._free_numbers))):
            number = self._free_numbers.pop()
            self.ledger.hide(number)
            slab.slots.append(Slot(number, first * SLAB_BYTES + n * size, size))
        for n in run:
            self._layout[n] = slab
        self._free.setdefault(size, []).extend(slab.slots)
        return bool(slab.slots)

    def _evict_passing(self, size: int) -> bool:
        """Free the slots of this size that passed by: memory that is warm already."""
        slots = [slot for slot in self._passing.values() if slot.capacity == size and slot.key]
        if not slots:
            return False
        numbers = np.array([slot.number for slot in slots], dtype=np.intp)
        told = np.array([slot.last_used for slot in slots], dtype=np.uint32)
        taken = self.ledger.last_touched(numbers) >= told
        given_up = np.uint32(tick()) - told > UNTAKEN_MS
        free = (taken | given_up) & ~self.ledger.leased(numbers)
        passed = [slots[n] for n in np.flatnonzero(free)]
        if not passed or not self._retire(passed):
            return False
        for slot in passed:
            del self._passing[slot.number]
            self.give_back(slot)
        return True

    def _evict(self, size: int) -> bool:
        """Free the least recently used plane of this size that nobody looks at."""
        while (slot := self._aging.oldest(size, self._published.values())) is not None:
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
            self.ledger.hide(slot.number)
        time.sleep(GRACE_S)
        if self.ledger.leased(numbers).any():  # a client was faster: its plane is still there
            for slot in published:
                self.ledger.unhide(slot.number)
            return False
        for slot in published:
            self.ledger.forget(slot.number)
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
                slots = [slot for slab in slabs for slot in slab.slots]
                numbers = np.array([slot.number for slot in slots], dtype=np.intp)
                newest = int(self._aging.last_used(slots, numbers).max())
                runs.append((newest, first, slabs))
        for _newest, first, slabs in sorted(runs, key=lambda run: run[0]):
            if self._retire([slot for slab in slabs for slot in slab.slots]):
                for slab in slabs:
                    self._dissolve(slab)
                run = range(first, first + need)
                return self._growth.back(run) and self._cut(run, size)
        return False

    def _slabs_in(self, first: int, count: int) -> list[_Slab]:
        """Return the slabs that lie in the run, also those that reach out of it."""
        found: list[_Slab] = []
        for use in self._layout[first : first + count]:
            if use is not None and not any(use is known for known in found):
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
        for slot in slab.slots:
            self._passing.pop(slot.number, None)
        for n in range(slab.first, slab.first + slab.count):
            self._layout[n] = None


def _slabs_for(size: int) -> list[int]:
    """Return how many adjacent slabs to cut into slots of `size`: the best, and the fewest."""
    fewest = -(-size // SLAB_BYTES)
    best = min(range(fewest, fewest + MORE_SLABS), key=lambda n: n * SLAB_BYTES % size / n)
    return [best, fewest]
