"""A running `planecast demo`, for tests that kill parts of it."""

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

TIMEOUT_S = 90.0


class Demo:
    """`planecast demo --headless --json`, and what it says while it runs."""

    def __init__(self, *options: str, planes: int = 60, rate: float = 12.0) -> None:
        self.out = tempfile.TemporaryDirectory(prefix="pcdemo", dir="/tmp")
        command = [sys.executable, "-m", "planecast", "demo", "--headless", "--out", self.out.name]
        command += [
            "--planes",
            str(planes),
            "--rate",
            str(rate),
            "--size",
            "256",
            "--json",
            *options,
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.said: list[str] = []
        self.printed: list[str] = []
        self._threads = [
            threading.Thread(target=self._listen, args=(self.process.stderr, self.said)),
            threading.Thread(target=self._listen, args=(self.process.stdout, self.printed)),
        ]
        for thread in self._threads:
            thread.start()

    def _listen(self, stream: Any, lines: list[str]) -> None:
        with stream:
            lines.extend(stream)

    def pid(self, name: str) -> int:
        """Of the program `name`, as soon as it runs."""
        pattern = re.compile(rf"{name} runs as process (\d+)")

        def found() -> list[str]:
            return [m.group(1) for line in self.said if (m := pattern.search(line))]

        wait_until(lambda: bool(found()) or self.process.poll() is not None, f"{name} starts")
        assert found(), "".join(self.said)
        return int(found()[-1])

    @property
    def folder(self) -> Path:
        """Where its sockets are."""
        self.pid("agent")
        return next(
            Path(m.group(1)) for line in self.said if (m := re.search(r"logs in (\S+)", line))
        )

    def viewer_report(self) -> dict[str, Any]:
        """Return what its viewer has reported so far."""
        try:
            report: dict[str, Any] = json.loads((self.folder / "viewer-0.json").read_text())
        except (OSError, ValueError):
            return {}
        return report

    def report(self) -> dict[str, Any]:
        """Wait for its end, and return what it printed."""
        self.process.wait(TIMEOUT_S)
        for thread in self._threads:
            thread.join()
        text = "".join(self.printed)
        assert text.startswith("{"), "".join(self.said)
        report: dict[str, Any] = json.loads(text)
        report["exit_code"] = self.process.returncode
        return report


@contextmanager
def running_demo(*options: str, planes: int = 60, rate: float = 12.0) -> Iterator[Demo]:
    """Run a demo; at the end nothing of it may be left."""
    demo = Demo(*options, planes=planes, rate=rate)
    family: set[psutil.Process] = set()
    try:
        demo.pid("controller")
        family |= set(psutil.Process(demo.process.pid).children(recursive=True))
        yield demo
        demo.process.wait(TIMEOUT_S)
    finally:
        if demo.process.poll() is None:
            demo.process.terminate()
            demo.process.wait(TIMEOUT_S)
        _gone, alive = psutil.wait_procs(family, timeout=10)
        for process in alive:
            process.kill()
        demo.out.cleanup()
    assert not alive, f"left over: {alive}"
    assert not list(Path("/tmp").glob(demo.folder.name)), "its folder is left over"


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Look again and again, for things that tell nobody."""
    deadline = time.monotonic() + TIMEOUT_S
    while not true():
        assert time.monotonic() < deadline, f"not within {TIMEOUT_S:g} s: {what}"
        time.sleep(0.02)
