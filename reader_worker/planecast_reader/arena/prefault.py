"""Maps pages of the arena before they are touched: 2,000 page faults cost as much as a copy."""

import ctypes
import sys
import threading
from collections.abc import Sequence

SLAB_BYTES = 32 << 20
_POPULATE_READ = 22
_POPULATE_WRITE = 23


class Prefault:
    """Populates the page tables of slabs that have their pages, in a thread that comes and goes.

    Where the system can't (before Linux 5.14, elsewhere), the pages are mapped when touched.
    """

    def __init__(self, address: int, nbytes: int, backed: "Sequence[int]", *, write: bool) -> None:
        """`backed` is the ledger's flag of each slab; `address` is where the arena is mapped."""
        self._address = address
        self._slabs = nbytes // SLAB_BYTES
        self._backed = backed
        self._advice = _POPULATE_WRITE if write else _POPULATE_READ
        self._done = bytearray(self._slabs)
        self._running = threading.Lock()
        self._possible = sys.platform == "linux"
        self.look()

    def look(self) -> None:
        """Begin to map slabs that were backed since the last look. Costs a microsecond."""
        if self._possible and self._todo() and self._running.acquire(blocking=False):
            threading.Thread(target=self._run, name="prefault", daemon=True).start()

    def _todo(self) -> bool:
        return bytes(self._backed[: self._slabs]) != bytes(self._done)

    def _run(self) -> None:
        try:
            madvise = ctypes.CDLL(None, use_errno=True).madvise
            for slab in range(self._slabs):
                if self._backed[slab] and not self._done[slab]:
                    start = ctypes.c_void_p(self._address + slab * SLAB_BYTES)
                    if madvise(start, ctypes.c_size_t(SLAB_BYTES), self._advice) != 0:
                        self._possible = False
                        return
                    self._done[slab] = 1
        finally:
            self._running.release()
