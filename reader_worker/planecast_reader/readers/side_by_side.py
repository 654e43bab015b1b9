"""Parts of one read done by several threads: copying and decoding leave the interpreter free.

A reader process still reads one request at a time; these threads live within one read.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

Part = TypeVar("Part")

MAX_THREADS = 4


def n_threads() -> int:
    """Return how many threads share one read, the caller's included."""
    return min(MAX_THREADS, _processors())


def side_by_side(work: Callable[[Part], object], parts: Iterable[Part]) -> None:
    """Call `work` with each of `parts`, in any order, some at a time; wait for all.

    `work` must be safe to call from several threads. Raises the first error that it raises;
    parts that were not begun by then are left out.
    """
    left = list(parts)
    if len(left) < 2 or n_threads() < 2:
        for part in left:
            work(part)
        return
    queue = iter(left)  # a list's iterator hands out each item once, whichever thread asks
    helpers = [
        _pool().submit(_work_off, work, queue) for _ in range(min(len(left), n_threads()) - 1)
    ]
    try:
        _work_off(work, queue)
    finally:
        for _part in queue:  # after an error nobody begins another part
            pass
        errors = [helper.exception() for helper in helpers]
    for error in errors:
        if error is not None:
            raise error


def _work_off(work: Callable[[Part], object], queue: Iterator[Part]) -> None:
    for part in queue:
        work(part)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads() - 1, thread_name_prefix="side-by-side")


def _processors() -> int:
    """Return how many this process may use, which in a container are not all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
