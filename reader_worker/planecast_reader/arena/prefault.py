"""Maps pages of the arena before they are touched: 2,000 page faults cost as much as a copy."""

import ctypes
import sys
import threading
from collections.abc import Sequence

SLAB_BYTES = 8 << 20
"""Small, so that nobody waits long for the pages of the one that is wanted."""
SLABS_BEYOND = 4
_POPULATE_READ = 22
_POPULATE_WRITE = 23


def populate(address: int, nbytes: int, *, write: bool) -> bool:
    """Map the pages of a stretch now; False where the system can't."""
    if sys.platform != "linux":
        return False
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    advice = _POPULATE_WRITE if write else _POPULATE_READ
    return int(madvise(ctypes.c_void_p(address), ctypes.c_size_t(nbytes), advice)) == 0


class Prefault:
    """Populates the page tables of slabs that have their pages, in a thread that comes and goes.

    Where the system can't (before Linux 5.14, elsewhere), the pages are mapped when touched.
    """

    def __init__(self, address: int, nbytes: int, backed: "Sequence[int]", *, write: bool) -> None:
        """`backed` is the ledger's flag of each slab; `address` is where the arena is mapped."""
        self._address = address
        self._slabs = nbytes // SLAB_BYTES
        self._backed = backed
        self._write = write
        self._done = bytearray(self._slabs)
        self._running = threading.Lock()
        self._possible = sys.platform == "linux"
        self._upto = 0
        """Slabs from here on are not mapped yet: all that are count as memory of the process."""
        self._complete = 0
        """All slabs before this one are mapped."""
        self.look(0)

    def look(self, offset: int) -> None:
        """Begin to map slabs up to a little beyond `offset`, if they have their pages.

        Costs a microsecond.
        """
        upto = min(self._slabs, offset // SLAB_BYTES + 1 + SLABS_BEYOND)
        if upto <= self._complete:
            return
        self._upto = max(self._upto, upto)
        if self._possible and self._todo() and self._running.acquire(blocking=False):
            threading.Thread(target=self._run, name="prefault", daemon=True).start()

    def _todo(self) -> bool:
        return bytes(self._backed[: self._upto]) != self._done[: self._upto]

    def _run(self) -> None:
        try:
            for slab in range(self._upto):
                if self._backed[slab] and not self._done[slab]:
                    start = self._address + slab * SLAB_BYTES
                    if not populate(start, SLAB_BYTES, write=self._write):
                        self._possible = False
                        return
                    self._done[slab] = 1
                if slab == self._complete and self._done[slab]:
                    self._complete += 1
        finally:
            self._running.release()
