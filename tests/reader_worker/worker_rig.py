"""A real worker process for tests, and what tests do with it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import tifffile

from planecast_protocol.errors import PlanecastError
from planecast_protocol.paths import local_roots, to_wire_path
from planecast_protocol.reader_messages import AskWorkerStatus, ReadPixels, WorkerStatus
from planecast_reader.client import Answer, PixelAnswer, ReaderClient

TIMEOUT_S = 30.0


class Worker:
    """`python -m planecast_reader` at an address of its own."""

    def __init__(self, *options: str, max_files: int | None = None) -> None:
        """`max_files` is how many it may have open."""
        self._few = ["sh", "-c", f'ulimit -n {max_files}; exec "$@"', "sh"] if max_files else []
        self.folder = Path(tempfile.mkdtemp(prefix="pc", dir="/tmp"))
        self.address = f"unix://{self.folder}/w"
        self._options = options
        self.process = self.start()

    def start(self) -> "subprocess.Popen[str]":
        command = [*self._few, sys.executable, "-m", "planecast_reader", "--address", self.address]
        self.process = subprocess.Popen(
            [*command, "--readers", "2", *self._options], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("ready")
        self.process.stdout.close()
        return self.process

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.process.terminate()
        assert self.process.wait(10) == 0
        shutil.rmtree(self.folder)


@contextmanager
def running_worker(*options: str, max_files: int | None = None) -> Iterator[Worker]:
    worker = Worker(*options, max_files=max_files)
    readers = psutil.Process(worker.process.pid).children()
    try:
        yield worker
    finally:
        worker.close()
        _gone, alive = psutil.wait_procs(readers, timeout=5)
        assert not alive


class Asked:
    """One request without waiting, and all that came of it."""

    def __init__(self, client: ReaderClient, request: ReadPixels) -> None:
        self.pending: list[str] = []
        self._answers: list[Answer] = []
        self._event = threading.Event()
        self.number = client.submit(request, self._on_answer, self.pending.append)

    def _on_answer(self, answer: Answer) -> None:
        self._answers.append(answer)
        self._event.set()

    def answer(self) -> Answer:
        assert self._event.wait(TIMEOUT_S), f"no answer; pending: {self.pending}"
        assert len(self._answers) == 1
        return self._answers[0]

    def pixels(self) -> npt.NDArray[Any]:
        answer = self.answer()
        assert isinstance(answer, PixelAnswer), answer
        return answer.pixels

    def error(self) -> PlanecastError:
        answer = self.answer()
        assert isinstance(answer, PlanecastError), answer
        return answer

    @property
    def answered(self) -> bool:
        return self._event.is_set()


def wire(path: Path) -> str:
    return to_wire_path(path.absolute(), local_roots())


def plane_request(path: Path, **options: Any) -> ReadPixels:
    return ReadPixels(request=0, path=wire(path), **options)


def status(client: ReaderClient) -> WorkerStatus:
    answer = client.request(AskWorkerStatus(request=0), TIMEOUT_S)
    assert isinstance(answer, WorkerStatus)
    return answer


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Look again and again, for things that tell nobody."""
    deadline = time.monotonic() + TIMEOUT_S
    while not true():
        assert time.monotonic() < deadline, f"not within {TIMEOUT_S:g} s: {what}"
        time.sleep(0.01)


def picture(seed: int, size: int = 256) -> npt.NDArray[np.uint16]:
    """Pixels that no other seed makes, none of them 0."""
    return np.random.default_rng(seed).integers(1, 4000, (size, size)).astype(np.uint16)


def write_stack(path: Path, planes: int, size: int = 256) -> None:
    stack = np.stack([picture(n, size) for n in range(planes)])
    tifffile.imwrite(path, stack, metadata={"axes": "ZYX"}, ome=True)


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be dead by now."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """Have processes do nothing for a while, as in a hanging read."""
    for pid in pids:
        send(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            send(pid, signal.SIGCONT)
