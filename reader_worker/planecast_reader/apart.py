"""Keeps threads that share one read from sharing one processor.

A thread that is woken often begins on the processor of whoever woke it, although another one is
idle: schedulers of virtual machines do so on purpose. It then waits for just that thread it was
to help, for as long as the read takes.
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Sequence

FEW = 8
"""Where there are more processors the system does find another one."""


class Apart:
    """The helpers of one thread."""

    def __init__(self, helpers: Sequence[int]) -> None:
        """`helpers` are the system's numbers of threads."""
        self._helpers = helpers
        self._away_from = -1

    def keep(self) -> None:
        """Have the helpers run elsewhere than the caller runs now, if there is an elsewhere."""
        if not self._helpers or _processor is None:
            return
        here = _processor()
        if here == self._away_from:
            return
        self._away_from = here
        mine = os.sched_getaffinity(0)
        others = mine - {here}
        if not others or len(mine) > FEW:
            return
        for helper in self._helpers:
            with contextlib.suppress(OSError):  # what is allowed has just changed
                os.sched_setaffinity(helper, others)


def _find_processor() -> Callable[[], int] | None:
    """Return what tells on which processor the caller runs; None where that can't be known."""
    if sys.platform != "linux":
        return None
    try:
        get: Callable[[], int] = ctypes.PyDLL(None).sched_getcpu
    except (OSError, AttributeError):
        return None
    return get


_processor = _find_processor()
