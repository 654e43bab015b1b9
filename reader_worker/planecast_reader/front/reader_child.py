"""A reader process as its front sees it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from planecast_protocol.limits import MAX_PLANE_BYTES
from planecast_protocol.messages import AnyMessage
from planecast_reader.arena.cache import Arena
from planecast_reader.arena.slots import Slot
from planecast_reader.bells import SUPPORTED, bell_sockets
from planecast_reader.bells.front import BellsOut, ClientBell
from planecast_reader.connection import Connection
from planecast_reader.front.jobs import Job

_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


class ReaderChild:
    """A spawned process (never forked: native libraries don't survive that) and its channel."""

    def __init__(self, arena: Arena | None, memory_bytes: int, roots: Sequence[Path] = ()) -> None:
        """`roots`: all that it may read; empty: what its user may."""
        ours, theirs = socket.socketpair()
        bells = bell_sockets() if arena and SUPPORTED else None
        fds = [theirs.fileno(), *([arena.fd, arena.ledger.fd] if arena else [])]
        fds += [bells[1].fileno()] if bells else []
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "planecast_reader.process", str(theirs.fileno())),
                *(str(arena.fd if arena else -1), str(arena.ledger.fd if arena else -1)),
                str(bells[1].fileno() if bells else -1),
                str(arena.nbytes if arena else 0),
                str(memory_bytes),
                *map(str, roots),
            ],
            pass_fds=fds,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **_ENVIRONMENT},
        )
        theirs.close()
        self.connection = Connection(ours, MAX_PLANE_BYTES)
        self._bells: BellsOut | None = None
        if bells is not None:
            self._bells = BellsOut(bells[0])
            bells[1].close()
        self.started = False
        self.dying = False
        self.job: Job | None = None
        self.job_since = self.deadline = 0.0
        """Monotonic; of the job."""
        self.last_path = ""
        self.overdue = ""
        """For people: on what it took too long and was killed."""
        self.reads = 0
        self.slot_held: Slot | None = None
        """A slot that this process may still write into although its job has moved on."""

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def knows(self, bell: ClientBell) -> bool:
        """Tell whether the process can ring a bell, which is handed over if need be."""
        return self._bells is not None and self._bells.hand_over(bell)

    def send(self, message: AnyMessage) -> None:
        """Send a task or memory. Raises `UnreachableError` if the process is gone."""
        self.connection.send(message)

    def kill(self) -> None:
        """End the process without asking it. Its channel closes when its memory is unmapped."""
        self.dying = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def reap(self, timeout_s: float = 0.5) -> "Death":
        """Collect the dead process; return how it ended."""
        self.connection.close()
        if self._bells is not None:
            self._bells.close()
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return Death("was killed and did not end", from_outside=False)
        if code >= 0:
            return Death(f"ended with exit code {code}", from_outside=False)
        name = f"signal {-code}"
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
        return Death(f"was killed by {name}", from_outside=-code == signal.SIGKILL)


class Death(NamedTuple):
    """How a reader process ended."""

    how: str
    """For people."""
    from_outside: bool
    """Somebody killed it, such as the system when memory was short: no library does that."""
