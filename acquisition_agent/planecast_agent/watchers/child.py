"""A watcher beside an agent, in a process of its own.

A folder with a million files, a share that hangs or a fault in a parser must not hold the agent
up for a moment, nor share its interpreter. The child publishes as every controller does; killed,
it is started again and goes on where it was.
"""

import argparse
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from planecast_agent.watchers.command import parse
from planecast_protocol.configuration import configuration

AGAIN_AFTER_S = 1.0
AGAIN_AT_MOST_S = 60.0
END_TIMEOUT_S = 5.0

logger = logging.getLogger(__name__)


def add_watch_options(parser: argparse.ArgumentParser) -> None:
    """Add what an agent is told of folders to watch."""
    add = parser.add_argument
    add("--watch", action="append", metavar="DIR", help="turn files that appear there into events")
    add("--watch-preset", action="append", metavar="NAME", help="layouts to look for")
    add("--watch-pattern", metavar="PATTERN", help="names of the files, instead of presets")
    add("--watch-end-after-idle", metavar="SECONDS", help="end when no file came for so long")


def watch_commands(given: argparse.Namespace) -> list[list[str]]:
    """Return the arguments of a watcher for each folder, given or configured.

    Raises `PlanecastError` for what no watcher would take.
    """
    said = configuration().watch
    words: list[str] = []
    chosen = given.watch_preset or given.watch_pattern
    for name in given.watch_preset or (() if chosen else said.presets):
        words += ["--preset", name]
    if pattern := given.watch_pattern or (None if chosen else said.pattern):
        words += ["--pattern", pattern]
    if idle := given.watch_end_after_idle or said.end_after_idle_s:
        words += ["--end-after-idle", str(idle)]
    commands = [[*words, str(Path(folder).absolute())] for folder in given.watch or said.folders]
    for one in commands:
        parse(one)
    return commands


class WatcherChild:
    """Runs `python -m planecast_agent.watchers`, and again if it ends by itself."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._command = [sys.executable, "-m", "planecast_agent.watchers", *arguments]
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process = self._start()
        self._thread = threading.Thread(target=self._keep_running, name="watcher", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def close(self) -> None:
        """End the child; its acquisitions stay open, for the next one. May be called twice."""
        with self._lock:
            self._stopping.set()
            process = self._process
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
        self._thread.join()

    def _start(self) -> "subprocess.Popen[bytes]":
        # It ends when its stdin does, so it can't outlive us; what it tells goes to our log.
        return subprocess.Popen(
            [*self._command, "--while-stdin"], stdin=subprocess.PIPE, stdout=sys.stderr.fileno()
        )

    def _keep_running(self) -> None:
        delay_s = AGAIN_AFTER_S
        while True:
            code = self._process.wait()
            if self._stopping.is_set():
                return
            logger.error("the watcher ended with code %d; started again in %g s", code, delay_s)
            if self._stopping.wait(delay_s):
                return
            delay_s = min(2 * delay_s, AGAIN_AT_MOST_S)
            with self._lock:
                if self._stopping.is_set():
                    return
                if self._process.stdin is not None:
                    self._process.stdin.close()
                self._process = self._start()
