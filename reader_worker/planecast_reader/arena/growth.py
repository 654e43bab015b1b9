"""Gives the arena's slabs their pages, ahead of their use: 32 MiB of zeroes take 10 ms."""

import threading
from collections.abc import Callable

from planecast_protocol.errors import TooLargeError
from planecast_reader.arena import shared_memory
from planecast_reader.arena.prefault import SLAB_BYTES

AHEAD = 1
"""Slabs kept ready beyond the last one in use: each counts as memory of all who map it."""


class Growth:
    """A thread that backs slabs with pages, and the answer to which have them."""

    def __init__(self, fd: int, slabs: int, on_backed: Callable[[int], None]) -> None:
        self._fd = fd
        self._slabs = slabs
        self._on_backed = on_backed
        self._backed = [False] * slabs
        self._wanted = min(AHEAD, slabs)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._wake.set()
        self._thread = threading.Thread(target=self._run, name="arena-growth", daemon=True)
        self._thread.start()

    def back(self, slab: int) -> bool:
        """Have a slab's pages, waiting for them if need be; False if memory is full."""
        self._wanted = max(self._wanted, min(self._slabs, slab + 1 + AHEAD))
        self._wake.set()
        return self._backed[slab] or self._allocate(slab)

    def close(self) -> None:
        """End the thread. May be called twice."""
        self._closed = True
        self._wake.set()
        self._thread.join()

    def _allocate(self, slab: int) -> bool:
        with self._lock:
            if not self._backed[slab]:
                try:
                    shared_memory.back_with_pages(self._fd, slab * SLAB_BYTES, SLAB_BYTES)
                except TooLargeError:
                    return False
                self._backed[slab] = True
                self._on_backed(slab)
        return True

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._closed:
                return
            for slab in range(self._wanted):
                if self._closed or not (self._backed[slab] or self._allocate(slab)):
                    break
