"""Parts of one read done by several threads: copying and decoding leave the interpreter free.

A reader process still reads one request at a time; these threads live within one read.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from queue import SimpleQueue
from typing import Any, TypeVar

from planecast_reader.apart import Apart

Part = TypeVar("Part")

MAX_THREADS = 4
AWAKE_S = 0.0002
"""Helpers are waited for awake at first: all end at nearly one time, and to be woken takes long."""


@cache
def n_threads() -> int:
    """Return how many threads share one read, the caller's included."""
    return min(MAX_THREADS, _processors())


def side_by_side(
    work: Callable[[Part], object],
    parts: Iterable[Part],
    nearly_done: Callable[[], object] | None = None,
) -> None:
    """Call `work` with each of `parts`, in any order, some at a time; wait for all.

    `work` must be safe to call from several threads. Raises the first error that it raises;
    parts that were not begun by then are left out. The last part is this thread's, so that the
    others end before it does: the first of them that has nothing left to do calls `nearly_done`,
    which raises nothing. If this thread does all, it calls it before the last part.
    """
    left = list(parts)
    if len(left) < 2 or n_threads() < 2:
        for n, part in enumerate(left, 1):
            if n == len(left) and nearly_done is not None:
                nearly_done()
            work(part)
        return
    last = left.pop()
    shared = _SharedWork(work, iter(left), [] if nearly_done is None else [nearly_done])
    helpers, apart = _helpers()
    apart.keep()
    for helper in helpers[: len(left)]:
        shared.lend(helper)
    shared.do()
    shared.do_last(last)
    shared.wait()


class _SharedWork:
    """Parts that several threads take one by one."""

    def __init__(
        self,
        work: Callable[[Any], object],
        parts: Iterator[Any],
        nearly_done: list[Callable[[], object]],
    ) -> None:
        self._work = work
        self._nearly_done = nearly_done
        """Popped by whoever is first."""
        self._parts = parts
        """A list's iterator hands out each item once, whichever thread asks."""
        self._n_helpers = 0
        self._finished: SimpleQueue[None] = SimpleQueue()
        """What each helper says when it is done."""
        self._errors: list[BaseException] = []

    def lend(self, helper: "SimpleQueue[Callable[[], None]]") -> None:
        """Have a helper take parts too."""
        self._n_helpers += 1
        helper.put(self._help)

    def _help(self) -> None:
        try:
            self.do()
            with contextlib.suppress(Exception):  # another was faster, or nobody can be told
                self._nearly_done.pop()()
        finally:
            self._finished.put(None)

    def do(self) -> None:
        """Take parts until none is left."""
        try:
            for part in self._parts:
                self._work(part)
        except BaseException as error:  # noqa: BLE001 - it is raised in the caller's thread
            self._errors.append(error)
            for _part in self._parts:  # nobody begins another part
                pass

    def do_last(self, part: Any) -> None:
        """Do a part that is nobody else's."""
        if not self._errors:
            try:
                self._work(part)
            except BaseException as error:  # noqa: BLE001 - as above
                self._errors.append(error)

    def wait(self) -> None:
        """Wait for the helpers; raise the first error."""
        awake_until = time.monotonic() + AWAKE_S
        while self._finished.qsize() < self._n_helpers and time.monotonic() < awake_until:
            time.sleep(0)
        for _ in range(self._n_helpers):
            self._finished.get()
        if self._errors:
            raise self._errors[0]


@cache
def _helpers() -> tuple[list["SimpleQueue[Callable[[], None]]"], Apart]:
    """Start the threads, on the first large read; each takes its work from a queue of its own."""
    queues: list[SimpleQueue[Callable[[], None]]] = []
    numbers: list[int] = []
    for _ in range(n_threads() - 1):
        queue: SimpleQueue[Callable[[], None]] = SimpleQueue()
        thread = threading.Thread(target=_serve, args=(queue,), name="side-by-side", daemon=True)
        thread.start()
        queues.append(queue)
        if thread.native_id is not None:
            numbers.append(thread.native_id)
    return queues, Apart(numbers)


def _serve(queue: "SimpleQueue[Callable[[], None]]") -> None:
    while True:
        queue.get()()


def _processors() -> int:
    """Return how many this process may use, which in a container are not all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
