"""What a test process holds: threads, processes, open files and sockets, shared memory.

It is looked at before and after a test, so it has to cost little: some 0.3 ms each time. Files
and processes are known on Linux only.
"""

import contextlib
import gc
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

GRACE_S = 3.0
LASTING_THREADS = ("ThreadPoolExecutor", "asyncio_")
"""The pools of ndv and of zarr live as long as the process."""
MAPPED = ("/memfd:", "/dev/shm/", "/SYSV")
"""How the kernel names shared memory."""
EVENTS = "anon_inode:[eventfd]"
SYSTEM = "/usr/"
"""Fonts, names of file types and the like: libraries open them when they first need them."""


@dataclass(frozen=True)
class Held:
    """What the process holds at one moment."""

    threads: frozenset[threading.Thread]
    processes: frozenset[str]
    files: Counter[str]
    """Open files, sockets, pipes and memory files, as the kernel names them."""
    named: frozenset[str]
    """Shared memory that has a name, of every process on this machine."""
    mapped: frozenset[str]
    """Shared memory of which this process has touched anything."""


def held() -> Held:
    """Return what this process holds now."""
    return Held(
        frozenset(t for t in threading.enumerate() if not t.name.startswith(LASTING_THREADS)),
        frozenset(_children()),
        _files(),
        frozenset(_names_in("/dev/shm")),
        _mapped(),
    )


def left(before: Held, settle: Callable[[], object] = gc.collect) -> list[str]:
    """Return in words what is held and was not before; nothing is left: an empty list.

    Libraries close a socket a moment after they were told to: what is found gets
    `GRACE_S` to go, and `settle` is called before each look.
    """
    give_up_at = time.monotonic() + GRACE_S
    settle()
    while (found := _left(before)) and time.monotonic() < give_up_at:
        threading.Event().wait(0.02)
        settle()
    return found


def _left(before: Held) -> list[str]:
    now = held()
    return [
        *(f"thread: {thread.name}" for thread in now.threads - before.threads),
        *(f"process {pid}: {_command(pid)}" for pid in now.processes - before.processes),
        *(f"open: {name}" for name in (now.files - before.files).elements()),
        *(f"mapped: {name}" for name in now.mapped - before.mapped),
        *(f"shared memory: {n}" for n in now.named - before.named if not _is_another_s(n)),
    ]


def _names_in(folder: str) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [entry.name for entry in entries]
    return []


def _children() -> Iterator[str]:
    for task in _names_in("/proc/self/task"):
        # A thread may end meanwhile.
        with contextlib.suppress(OSError):
            yield from Path(f"/proc/self/task/{task}/children").read_text().split()


def _files() -> Counter[str]:
    files: Counter[str] = Counter()
    for number in _names_in("/proc/self/fd"):
        # The listing itself was open, too.
        with contextlib.suppress(OSError):
            name = str(Path(f"/proc/self/fd/{number}").readlink())
            files[name] += not name.startswith(SYSTEM)
    files[EVENTS] -= sum(map(_is_qt_s, _names_in("/proc/self/task")))
    return files


def _is_qt_s(task: str) -> bool:
    """Tell whether a thread is of the pool in which Qt converts and scales large pictures.

    They come and go by themselves; each has one file for its events.
    """
    with contextlib.suppress(OSError):
        return Path(f"/proc/self/task/{task}/comm").read_text() == "Thread (pooled)\n"
    return False


def _mapped() -> frozenset[str]:
    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_bytes()
        # The list of all that is mapped costs 2 ms: most tests map nothing.
        if b"RssShmem:\t       0 kB" not in status:
            lines = Path("/proc/self/maps").read_text().splitlines()
            names = (line.split(maxsplit=5)[-1] for line in lines)
            return frozenset(name for name in names if name.startswith(MAPPED))
    return frozenset()


def _is_another_s(name: str) -> bool:
    """Tell whether named shared memory is another program's: it maps it, or has removed it."""
    if name.startswith("sem.") or not Path("/dev/shm", name).exists():
        return True
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_other = process.name != str(os.getpid())
            if is_other and f"/dev/shm/{name}" in (process / "maps").read_text():
                return True
    return False


def _command(pid: str) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return "has ended"
