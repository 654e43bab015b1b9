"""The threads that make planes small, beside the gateway's loop."""

import collections
import contextlib
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from planecast_reader.remote.codecs import pack
from planecast_reader.remote.plane_out import Work
from planecast_reader.remote.preview import coarse

THREADS = min(4, os.cpu_count() or 1)
Key = bytes
"""Of the client that a piece of work is for."""


class Packing:
    """Takes work from the gateway's thread; what is done waits there, and a socket rings."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="packing")
        self._done: collections.deque[tuple[Key, Work]] = collections.deque()
        self.bell, self._ring = socket.socketpair()
        for end in (self.bell, self._ring):
            end.setblocking(False)

    def begin(self, client: Key, work: Work) -> None:
        """Have a piece packed by one of the threads."""
        self._threads.submit(self._carry_out, client, work)

    def take_done(self) -> list[tuple[Key, Work]]:
        """Return what was packed since, in the order in which it was done."""
        with contextlib.suppress(BlockingIOError):
            self.bell.recv(4096)
        done = []
        while self._done:
            done.append(self._done.popleft())
        return done

    def close(self) -> None:
        """End the threads; what they work on is finished, and what waits is not begun."""
        self._threads.shutdown(cancel_futures=True)
        self.bell.close()
        self._ring.close()

    def _carry_out(self, client: Key, work: Work) -> None:
        try:
            if not work.plane.dropped:
                carry_out(work)
        except Exception as trouble:  # noqa: BLE001 a thread's work must be accounted for
            work.failure = trouble
        self._done.append((client, work))
        with contextlib.suppress(BlockingIOError, OSError):
            self._ring.send(b"\0")


def carry_out(work: Work) -> None:
    """Cut a piece out of its plane, make it coarser where it is a preview, and pack it."""
    x, y, width, height = work.rectangle
    pixels = work.plane.pixels[y : y + height, x : x + width]
    pixels = coarse(pixels, work.step) if work.step > 1 else np.ascontiguousarray(pixels)
    work.height, work.width = pixels.shape[:2]
    work.plain_bytes = pixels.nbytes
    started = time.perf_counter()
    work.encoding, work.payload = pack(pixels, work.codec)
    work.packing_s = time.perf_counter() - started
