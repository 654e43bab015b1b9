"""Memory without a name that several processes map: the one place that knows the system's way.

Linux: memfd, sealed against resizing, so that a kill leaves nothing behind and no peer can
shrink it under a reader (which would be a SIGBUS). Elsewhere `supported()` is False, and pixels
travel through the sockets instead.
"""

import contextlib
import errno
import mmap
import os
import sys
from pathlib import Path

from planecast_protocol.errors import TooLargeError

if sys.platform == "linux":
    import fcntl

    _F_ADD_SEALS = 1033
    _SEAL_SHRINK_AND_GROW = 0x2 | 0x4

DEFAULT_ARENA_BYTES = 2 << 30


def supported() -> bool:
    """Tell whether this system has what the arena needs."""
    return sys.platform == "linux" and hasattr(os, "memfd_create")


def create(label: str, nbytes: int) -> int:
    """Return the file descriptor of new memory of a fixed size, not yet backed by pages."""
    fd = os.memfd_create(label, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, nbytes)
    fcntl.fcntl(fd, _F_ADD_SEALS, _SEAL_SHRINK_AND_GROW)
    return fd


def map_writable(fd: int, nbytes: int) -> mmap.mmap:
    """Map for reading and writing."""
    return mmap.mmap(fd, nbytes)


def map_readonly(fd: int, nbytes: int) -> mmap.mmap:
    """Map for reading; a write through it is a crash, so nobody can spoil another's pixels."""
    return mmap.mmap(fd, nbytes, prot=mmap.PROT_READ)


def back_with_pages(fd: int, offset: int, nbytes: int) -> None:
    """Reserve the pages of a stretch now, so that a full memory is an error and not a SIGBUS."""
    try:
        os.posix_fallocate(fd, offset, nbytes)
    except OSError as trouble:
        if trouble.errno not in (errno.ENOSPC, errno.ENOMEM):
            raise
        raise TooLargeError(f"no {nbytes >> 20} MiB of memory left for the plane cache") from None


def affordable_bytes(wanted: int = DEFAULT_ARENA_BYTES) -> int:
    """Return the arena's budget.

    At most `wanted`, a quarter of what is available, and half of what the control group
    leaves: beyond its limit the kernel kills instead of refusing.
    """
    budget = min(wanted, available_bytes() // 4)
    left = _cgroup_bytes_left()
    return budget if left is None else min(budget, left // 2)


def available_bytes() -> int:
    """Return the memory that is free for programs; a guess where the system does not tell."""
    with contextlib.suppress(OSError, ValueError), Path("/proc/meminfo").open() as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 4 * DEFAULT_ARENA_BYTES


def _cgroup_bytes_left() -> int | None:
    """Return what the cgroup's limit leaves; None without a limit. Version 2, then 1."""
    for limit_file, usage_file in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ):
        with contextlib.suppress(OSError, ValueError):
            limit = int(Path(limit_file).read_text())  # "max" is no number: no limit
            return max(0, limit - int(Path(usage_file).read_text()))
    return None
