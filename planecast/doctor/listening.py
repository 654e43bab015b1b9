"""Which process listens at an address of this machine, as far as the system tells."""

import contextlib
import os
import socket
import struct
import sys
from pathlib import Path
from typing import NamedTuple

from planecast.status.reaching import connect
from planecast_protocol.endpoints import split_tcp

_OURS = {"planecast", "planecast_agent", "planecast_reader"}
_LISTEN = "0A"
"""The state in /proc/net/tcp."""


class Listening(NamedTuple):
    """A process."""

    pid: int
    command: str
    is_ours: bool
    """Whether it is a program of planecast."""
    stopped: bool
    """By a signal (Ctrl-Z, SIGSTOP) or a debugger."""

    def __str__(self) -> str:
        stopped = ", which is stopped" if self.stopped else ""
        return f"process {self.pid} ({self.command[:80]}){stopped}"


def who_listens(endpoint: str) -> Listening | None:
    """Return who listens there; `None`: nobody, or the system does not tell."""
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError):
        pid = _of_tcp(endpoint) if endpoint.startswith("tcp://") else _of_unix(endpoint)
        return None if pid is None else _described(pid)
    return None


def _of_unix(endpoint: str) -> int | None:
    with contextlib.closing(connect(endpoint)) as stream:
        size = struct.calcsize("3i")
        pid, _uid, _gid = struct.unpack(
            "3i", stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        )
    return int(pid) or None


def _of_tcp(endpoint: str) -> int | None:
    """Find the socket's number in the kernel's table, and then who has it open."""
    _host, port = split_tcp(endpoint)
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == _LISTEN and int(words[1].rpartition(":")[2], 16) == port:
                return _owner(f"socket:[{words[9]}]")
    return None


def _owner(name: str) -> int | None:
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        with contextlib.suppress(OSError):  # another user's, or it has just ended
            for descriptor in (process / "fd").iterdir():
                if str(descriptor.readlink()) == name:
                    return int(process.name)
    return None


def _described(pid: int) -> Listening:
    folder = Path("/proc", str(pid))
    words = os.fsdecode((folder / "cmdline").read_bytes().rstrip(b"\0")).split("\0")
    state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
    is_ours = any(Path(word).name in _OURS for word in words)
    return Listening(pid, " ".join(words), is_ours, state in ("T", "t"))
