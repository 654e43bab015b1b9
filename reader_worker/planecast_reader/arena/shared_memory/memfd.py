"""Linux's memfd: a kill leaves nothing behind, and no peer can shrink it under a reader.

It is not bound by the size of `/dev/shm`, which in a container is 64 MB as a rule.
"""

import os
import sys

SUPPORTED = sys.platform == "linux" and hasattr(os, "memfd_create")

_F_ADD_SEALS = 1033
_SEAL_SHRINK_AND_GROW = 0x2 | 0x4


def create(label: str, nbytes: int) -> int:
    """Return the file descriptor of new memory of a fixed size."""
    if sys.platform != "linux":
        raise NotImplementedError("memfd is Linux's")
    import fcntl

    fd = os.memfd_create(label, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(fd, nbytes)
        fcntl.fcntl(fd, _F_ADD_SEALS, _SEAL_SHRINK_AND_GROW)
    except OSError:
        os.close(fd)
        raise
    return fd
