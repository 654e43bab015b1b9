"""Gives the arena's slabs their pages, ahead of their use: 8 MiB of zeroes take 2 to 15 ms."""

import contextlib
import logging
import mmap
import os
import sys
import threading
import time
from collections.abc import Callable

import numpy as np

from planecast_protocol.errors import TooLargeError
from planecast_reader.arena import shared_memory
from planecast_reader.arena.prefault import SLAB_BYTES, populate

logger = logging.getLogger(__name__)

AHEAD = 8
"""Slabs kept ready beyond the last one in use."""
GIVES_WAY = 10
"""As `nice` has it."""
FULL_S = 2.0
"""Memory that was full is not asked for again before: asking for a slab that can't be takes as
long as filling what is left."""


class Growth:
    """A thread that backs slabs with pages, and the answer to which have them."""

    def __init__(self, fd: int, slabs: int, on_backed: Callable[[int], None]) -> None:
        self._fd = fd
        self._slabs = slabs
        self._on_backed = on_backed
        self._backed = [False] * slabs
        self._full_until = 0.0
        """Monotonic."""
        self._wanted = min(AHEAD, slabs)
        self._lock = threading.Lock()
        self._news = threading.Condition()
        self._wake = threading.Event()
        self._closed = False
        self._wake.set()
        self._thread = threading.Thread(target=self._run, name="arena-growth", daemon=True)
        self._thread.start()

    def back(self, slabs: range, timeout_s: float | None = None) -> bool:
        """Have the pages of adjacent slabs; False if memory is full, or it takes too long.

        The thread is at it already as a rule, and goes on when this gave up.
        """
        self._wanted = max(self._wanted, min(self._slabs, slabs.stop + AHEAD))
        self._wake.set()
        if timeout_s is None:
            return all(self._allocate(slab) for slab in slabs)
        if time.monotonic() < self._full_until:
            timeout_s = 0.0
        with self._news:
            return self._news.wait_for(lambda: all(self._backed[n] for n in slabs), timeout_s)

    def close(self) -> None:
        """End the thread. May be called twice."""
        self._closed = True
        self._wake.set()
        self._thread.join()

    def _allocate(self, slab: int) -> bool:
        with self._lock:
            if self._backed[slab]:
                return True
            if time.monotonic() < self._full_until:
                return False
            try:
                shared_memory.back_with_pages(self._fd, slab * SLAB_BYTES, SLAB_BYTES)
            except TooLargeError as full:
                self._tell_full(full)
                return False
            self._clear(slab)
            self._backed[slab] = True
            self._on_backed(slab)
        with self._news:
            self._news.notify_all()
        return True

    def _clear(self, slab: int) -> None:
        """Have the kernel fill the pages with zeros here, not in whoever touches them first."""
        start = slab * SLAB_BYTES
        with mmap.mmap(self._fd, SLAB_BYTES, prot=mmap.PROT_READ, offset=start) as memory:
            view = np.frombuffer(memory, np.uint8)
            populate(view.ctypes.data, SLAB_BYTES, write=False)
            del view  # or the map could not be closed

    def _tell_full(self, full: TooLargeError) -> None:
        if not self._full_until:
            logger.warning(
                "%s: it stays at %d MiB, and planes beyond travel through the sockets; a "
                "container gets more by --shm-size, and --cache-mib sets a limit",
                full.message,
                sum(self._backed) * SLAB_BYTES >> 20,
            )
        self._full_until = time.monotonic() + FULL_S

    def _run(self) -> None:
        _give_way()
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._closed:
                return
            for slab in range(self._wanted):
                if self._closed or not (self._backed[slab] or self._allocate(slab)):
                    break


def _give_way() -> None:
    """Let everybody who reads or waits go first: this thread works ahead."""
    if sys.platform == "linux":  # where a thread has a priority of its own
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), GIVES_WAY)
