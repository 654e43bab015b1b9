"""One reader process: it alone loads the file libraries, does one task at a time, and may die.

    python -m planecast_reader.process CHANNEL_FD ARENA_FD LEDGER_FD BELLS_FD
                                       ARENA_BYTES MEMORY_LIMIT [ROOT]

It is started by the front, which watches its time, and ends when the front does.
"""

import ctypes
import gc
import os
import resource
import signal
import socket
import sys
from pathlib import Path

from planecast_reader.arena.reader_arena import ReaderArena
from planecast_reader.bells.reader import BellsIn
from planecast_reader.process.enclosure import enclose
from planecast_reader.process.reader_process import ReaderProcess
from planecast_reader.process.task_channel import TaskChannel
from planecast_reader.readers import load_plugins, warm_up

_PR_SET_PDEATHSIG = 1
_PR_SET_TIMERSLACK = 29


def _set_up() -> None:
    """Have the kernel kill this process with its front, also in the middle of a native call."""
    if sys.platform == "linux":
        system = ctypes.CDLL(None)
        system.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # Threads that share a read wait for each other for some µs, which else take 60.
        system.prctl(_PR_SET_TIMERSLACK, 1)


def main(arguments: list[str]) -> None:
    """Run one reader process until its front is gone."""
    channel_fd, arena_fd, ledger_fd, bells_fd, arena_bytes, memory_bytes = map(int, arguments[:6])
    _set_up()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the front, which ends us
    if memory_bytes:
        limit = memory_bytes + arena_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if arguments[6:]:
        enclose(map(Path, arguments[6:]))
    os.dup2(2, 1)  # some libraries print progress on standard output
    load_plugins()
    warm_up()
    gc.collect()
    gc.freeze()  # what was imported stays, and is not to be gone through again and again
    stream = socket.socket(fileno=channel_fd)
    channel = TaskChannel(stream)
    arena = ReaderArena(arena_fd, ledger_fd, arena_bytes) if arena_bytes else None
    bells = BellsIn(socket.socket(fileno=bells_fd), stream) if bells_fd >= 0 else None
    ReaderProcess(channel, arena, bells).run()


if __name__ == "__main__":
    main(sys.argv[1:])
