"""Which plane was not used for longest: found out for many slots at a time.

To sort all slots for each plane that is evicted costs more than to read a small plane. So the
oldest eighth is noted in order, and each is looked at again when its turn comes: whatever was
used, taken or replaced since is passed over, and is younger than all that are noted.
"""

from collections import deque
from collections.abc import Hashable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from planecast_reader.arena.ledger import Ledger
from planecast_reader.arena.slots import Slot

NOTED_PART = 8
"""One in so many slots is noted."""


class _Noted(NamedTuple):
    slot: Slot
    key: Hashable
    last_used: int
    """`tick()`, by message or without."""


class Aging:
    """Belongs to the front's thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._noted: dict[int, deque[_Noted]] = {}
        """Slot size to the oldest of that size, the oldest first."""

    def oldest(self, size: int, published: Iterable[Slot]) -> Slot | None:
        """Return the slot of `size` that was not used for longest and that nobody holds."""
        noted = self._noted.setdefault(size, deque())
        while noted:
            if self._still(one := noted.popleft()):
                return one.slot
        noted.extend(self._look([slot for slot in published if slot.capacity == size]))
        return noted.popleft().slot if noted else None

    def last_used(self, slots: list[Slot], numbers: npt.NDArray[np.intp]) -> npt.NDArray[np.uint32]:
        """Return when each of `slots` was used last, by message or without, as `tick()`."""
        told = np.array([slot.last_used for slot in slots], dtype=np.uint32)
        return np.maximum(told, self._ledger.last_touched(numbers))

    def _look(self, slots: list[Slot]) -> list[_Noted]:
        if not slots:
            return []
        numbers = np.array([slot.number for slot in slots], dtype=np.intp)
        used = self.last_used(slots, numbers)
        free = np.flatnonzero(~self._ledger.leased(numbers))
        order = free[np.argsort(used[free], kind="stable")][: 1 + len(slots) // NOTED_PART]
        return [_Noted(slots[n], slots[n].key, int(used[n])) for n in order]

    def _still(self, noted: _Noted) -> bool:
        slot = noted.slot
        return (
            slot.key is not None
            and slot.key == noted.key
            and slot.last_used <= noted.last_used
            and not self._ledger.is_touched(slot.number, noted.last_used)
        )
