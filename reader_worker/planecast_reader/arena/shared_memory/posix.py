"""POSIX shared memory, whose name is taken away as soon as it is open.

A kill between those two calls leaves a name behind, and nothing later does. It is not sealed:
a program of the same user could shrink it on Linux; macOS lets nobody resize it. Untried there.
"""

import contextlib
import errno
import importlib.util
import os
import secrets
import sys
from pathlib import Path

from planecast_protocol.errors import TooLargeError

SUPPORTED = importlib.util.find_spec("_posixshmem") is not None
"""Python's own way to `shm_open`, which `multiprocessing` uses: not on Windows."""

_FULL = (errno.ENOSPC, errno.ENOMEM)
_LINUX_HOME = Path("/dev/shm")  # noqa: S108 where Linux keeps it, whoever asks


def create(nbytes: int) -> int:
    """Return the file descriptor of new memory of a fixed size."""
    if sys.platform == "win32":
        raise NotImplementedError("POSIX shared memory is not on Windows")
    import _posixshmem  # type: ignore[import-not-found]  # has no stubs

    name = f"/planecast-{secrets.token_hex(6)}"  # macOS allows 31 letters
    fd: int = _posixshmem.shm_open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode=0o600)
    try:
        _posixshmem.shm_unlink(name)
        os.ftruncate(fd, nbytes)
    except OSError:
        os.close(fd)
        raise
    return fd


def back_with_pages(fd: int, offset: int, nbytes: int) -> None:
    """Reserve pages, or raise `TooLargeError`. Where they come when touched, it does nothing.

    That is macOS, which has no `posix_fallocate`; it swaps rather than kills.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(fd, offset, nbytes)
    except OSError as trouble:
        if trouble.errno not in _FULL:
            raise
        raise TooLargeError(f"no {nbytes >> 20} MiB of memory left for the plane cache") from None


def room_bytes() -> int:
    """Return what `/dev/shm` has left, where memory of this kind lies in a file system."""
    with contextlib.suppress(OSError):
        found = os.statvfs(_LINUX_HOME)
        return found.f_bavail * found.f_frsize
    return 1 << 62
