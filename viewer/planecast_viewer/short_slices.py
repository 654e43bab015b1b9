"""Lets the viewer's threads run as soon as they have something to do, on a machine that is busy.

A thread that wakes waits until those before it have had their slice of the processor, some
milliseconds each. One that asks for short slices goes first (Linux 6.12 and later); it gets no
more of the processor than before. All threads of the viewer do, as the one that holds Python's
lock would else keep the GUI thread waiting for its own slice.
"""

import ctypes
import os
import platform
import sys

SLICE_NS = 100_000
"""The least that Linux grants."""
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
"""Number of the system call, which the C library has no function for."""


class _Attributes(ctypes.Structure):
    """`struct sched_attr` of linux/sched/types.h, in its first version."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime_ns", ctypes.c_uint64),
        ("deadline_ns", ctypes.c_uint64),
        ("period_ns", ctypes.c_uint64),
    )


def ask_for_short_slices() -> bool:
    """Ask for the calling thread and those it will start; False where the system can't."""
    number = _SCHED_SETATTR.get(platform.machine())
    if sys.platform != "linux" or number is None:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = _Attributes(size=ctypes.sizeof(_Attributes), nice=nice, runtime_ns=SLICE_NS)
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.syscall(number, 0, ctypes.byref(attributes), 0)) == 0
