"""A real `planecast watch`, and what it registered."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from agent_rig import TIMEOUT_S, AgentProcess, eventually

from planecast_agent.spool_reader import SpoolReader
from planecast_protocol.event_messages import RegisterImage, StartAcquisition
from planecast_protocol.messages import decode_event

WRITE_PROGRAM = Path(__file__).with_name("write_program.py")


class WatchProcess:
    """`planecast watch --json`, publishing to an agent that may run or not."""

    def __init__(self, agent: AgentProcess, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "planecast", "watch", "--json", "--agent", agent.address]
        self.process = subprocess.Popen(
            [*command, *options, str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PLANECAST_SPOOL_DIR": str(agent.spool_dir)},
        )
        self.said: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self._threads = [
            threading.Thread(target=self._listen), threading.Thread(target=self._hear)
        ]  # fmt: skip
        for thread in self._threads:
            thread.start()
        eventually(lambda: bool(self.told("watching")) or self.is_over(), "the watch begins")

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.said.append(json.loads(line))

    def _hear(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            self.complaints.extend(lines)

    def is_over(self) -> bool:
        return self.process.poll() is not None

    def told(self, event: str) -> list[dict[str, Any]]:
        """Return what it said of one kind."""
        return [one for one in list(self.said) if one["event"] == event]

    def wait_for(self, event: str, count: int = 1) -> dict[str, Any]:
        """Wait until it said something `count` times; return the last."""
        eventually(
            lambda: len(self.told(event)) >= count or self.is_over(),
            f"{count} × {event}; it said {self.said[-5:]} {self.complaints}",
        )
        assert len(self.told(event)) >= count, (self.said, self.complaints)
        return self.told(event)[count - 1]

    def send(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; return the exit code."""
        self.process.send_signal(number)
        return self.join()

    def join(self) -> int:
        code = self.process.wait(TIMEOUT_S)
        for thread in self._threads:
            thread.join()
        return code

    def close(self) -> None:
        if not self.is_over():
            self.process.kill()
        self.join()


def start_writer(kind: str, folder: Path, *words: object) -> "subprocess.Popen[bytes]":
    """Start `write_program.py`."""
    return subprocess.Popen(
        [sys.executable, str(WRITE_PROGRAM), kind, str(folder), *map(str, words)]
    )


def images(agent: AgentProcess, acquisition: str) -> list[RegisterImage]:
    """Return what was registered, in order."""
    return [one for one in events(agent, acquisition) if isinstance(one, RegisterImage)]


def started(agent: AgentProcess, acquisition: str) -> StartAcquisition:
    """Return what was announced."""
    return next(
        one for one in events(agent, acquisition) if isinstance(one, StartAcquisition)
    )  # fmt: skip


def events(agent: AgentProcess, acquisition: str) -> list[Any]:
    """Return all events that are in its spool, in order."""
    names = (agent.spool_dir / (acquisition + suffix) for suffix in (".spool", ".done"))
    path = next(one for one in names if one.exists())
    reader = SpoolReader(path, os.open(path, os.O_RDONLY), read_only=True)
    try:
        return [decode_event(body) for body in reader.sound_bodies()]
    finally:
        reader.close()
