"""The demo's processes: started, watched, started again when one dies, and ended together."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from planecast_protocol.errors import PlanecastError

START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 8.0
MAX_RESTARTS = 50
_LOG_TAIL_BYTES = 2000


class Ended(NamedTuple):
    """A process ended by itself."""

    name: str
    code: int
    """Negative: killed by that signal."""


class Kept:
    """One of our programs. With `restart`, another is started when it dies of a signal."""

    def __init__(
        self,
        name: str,
        command: Callable[[int], Sequence[str]],
        *,
        environment: Mapping[str, str],
        log: Path,
        news: "queue.SimpleQueue[Ended]",
        restart: bool,
    ) -> None:
        """`command` is given how often the program was started before."""
        self.name = name
        self.restarts = 0
        self._command = command
        self._environment = {**os.environ, **environment}
        self._log = log
        self._news = news
        self._restart = restart
        self._ending = threading.Event()
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self.output: list[str] = []
        """Lines it printed on standard output."""
        self._process = self._start()
        self._thread = threading.Thread(target=self._watch, name=f"keep-{name}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        return self._process.pid

    def wait_ready(self) -> None:
        """Wait until it printed its first line; raise `PlanecastError` with its last words."""
        if not self._ready.wait(START_TIMEOUT_S) or not self.output:
            raise PlanecastError(f"the {self.name} did not start: {self.last_words()}")

    def last_words(self) -> str:
        """Return the end of its log."""
        with contextlib.suppress(OSError):
            return self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
        return "it left no log"

    def end(self) -> None:
        """Ask it to end, then kill it, and wait. May be called twice."""
        self._ending.set()
        with self._lock, contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()

    def _start(self) -> "subprocess.Popen[str]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *self._command(self.restarts)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment,
            )

    def _watch(self) -> None:
        while True:
            code = self._follow()
            with self._lock:
                again = self._restart and code < 0 and self.restarts < MAX_RESTARTS
                if self._ending.is_set() or not again:
                    break
                self.restarts += 1
                self._process = self._start()
        self._ready.set()
        if not self._ending.is_set():
            self._news.put(Ended(self.name, code))

    def _follow(self) -> int:
        """Read what it prints until it ends; return its exit code."""
        process = self._process
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.output.append(line.rstrip("\n"))
                self._ready.set()
        return process.wait()
