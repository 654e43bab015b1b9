"""Memory without a name that several processes map: the one place that knows the system's way.

| way | where | what it is |
|---|---|---|
| `memfd` | Linux | never had a name, sealed against resizing |
| `posix` | macOS; Linux if asked for | `shm_open`, whose name is taken away at once |
| `none` | Windows, and where asked for | pixels travel through the sockets |

`PLANECAST_SHARED_MEMORY` names a way for tests and for systems with a trouble of their own. All
tests run on Linux, those of `posix` too; on macOS it is untried. Windows can't pass memory beside
a socket's messages as the others do, and its worker speaks TCP.
"""

import mmap
import sys

from planecast_protocol.configuration import configuration
from planecast_protocol.errors import EndpointError
from planecast_reader.arena.shared_memory import memfd, posix
from planecast_reader.arena.shared_memory.budget import (
    DEFAULT_ARENA_BYTES,
    affordable,
    available_bytes,
)

__all__ = [
    "DEFAULT_ARENA_BYTES",
    "affordable_bytes",
    "available_bytes",
    "back_with_pages",
    "create",
    "map_readonly",
    "map_writable",
    "supported",
    "way",
]

VARIABLE = "PLANECAST_SHARED_MEMORY"
_WAYS = ("memfd", "posix", "none")


def way() -> str:
    """Return this system's way. Raises `EndpointError` if the variable names one it has not."""
    here = {"memfd": memfd.SUPPORTED, "posix": posix.SUPPORTED, "none": True}
    named = configuration().reader.shared_memory
    if named is None:
        return next(one for one in _WAYS if here[one])
    if not here.get(named, False):
        possible = ", ".join(one for one in _WAYS if here[one])
        raise EndpointError(
            f"reader.shared_memory (or {VARIABLE}) is {named}: "
            f"on {sys.platform} it is one of {possible}"
        )
    return named


def supported() -> bool:
    """Tell whether this system has what the arena needs."""
    return way() != "none"


def create(label: str, nbytes: int) -> int:
    """Return the file descriptor of new memory of a fixed size, not yet backed by pages.

    Raises `OSError` where the system refuses.
    """
    return posix.create(nbytes) if way() == "posix" else memfd.create(label, nbytes)


def map_writable(fd: int, nbytes: int) -> mmap.mmap:
    """Map for reading and writing."""
    return mmap.mmap(fd, nbytes)


def map_readonly(fd: int, nbytes: int) -> mmap.mmap:
    """Map for reading; a write through it is a crash, so nobody can spoil another's pixels."""
    return mmap.mmap(fd, nbytes, prot=mmap.PROT_READ)


def back_with_pages(fd: int, offset: int, nbytes: int) -> None:
    """Reserve the pages of a stretch now, so that a full memory is an error and not a SIGBUS.

    Raises `TooLargeError` if they are not to be had.
    """
    posix.back_with_pages(fd, offset, nbytes)


def affordable_bytes(wanted: int = DEFAULT_ARENA_BYTES) -> int:
    """Return the arena's budget: at most `wanted`, and what this system has to spare."""
    spare = affordable(wanted)
    return min(spare, posix.room_bytes()) if way() == "posix" else spare
