"""An agent, a worker and a viewer as processes, for adapters that run in the test."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from planecast.demo.audit import fetch_all
from planecast.demo.identity import decode, stamp
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.columns import INTEGER_COLUMNS, Columns
from planecast_protocol.planes import PlaneSource
from planecast_protocol.reader_messages import PlaneArea, ReadPixels
from planecast_reader.client import Answer, PixelAnswer, ReaderClient

CELL = 8
SIZE = 256
TIMEOUT_S = 30.0


def plane(t: int, fov: int, z: int, channel: int, n_channels: int) -> npt.NDArray[np.uint16]:
    """Return a plane (y, x) that says which one it is. Its last row is not zero."""
    pixels = np.full((SIZE, SIZE), 300, np.uint16)
    stamp(pixels, PlaneIndex(t, fov, z, channel), n_channels, CELL)
    return pixels


class Line:
    """Agent, worker, and a viewer that reports what is on its canvas."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.agent = f"ipc://{folder}/agent"
        self.worker = f"unix://{folder}/worker"
        self.spool_dir = folder / "spool"
        self.report_path = folder / "viewer.json"
        self._processes: list[subprocess.Popen[str]] = []
        self.environment = {
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "PLANECAST_RUNTIME_DIR": str(folder),
            "PLANECAST_AGENT": self.agent,
            "PLANECAST_SPOOL_DIR": str(self.spool_dir),
            "PLANECAST_PROBE_CELL": str(CELL),
        }

    def start(self) -> None:
        """Start all, and wait until each is ready."""
        folder = self.folder
        self._start(
            *("planecast_agent", "--address", self.agent, "--worker", self.worker),
            *("--state-dir", str(folder / "state"), "--spool-dir", str(self.spool_dir)),
        )
        self._start("planecast_reader", "--address", self.worker, "--readers", "2")
        self._start(
            *("planecast_viewer", "--canvas", "raster", "--agent", self.agent),
            *("--report", str(self.report_path)),
        )

    def _start(self, *command: str) -> None:
        log = (self.folder / f"{command[0]}.log").open("w")
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=self.environment,
        )
        log.close()
        self._processes.append(process)
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("ready"), self.log(command[0])

    def log(self, program: str) -> str:
        """Return what a program said."""
        return (self.folder / f"{program}.log").read_text()

    def report(self) -> dict[str, Any]:
        """Return what the viewer has reported so far."""
        with contextlib.suppress(OSError, ValueError):
            told: dict[str, Any] = json.loads(self.report_path.read_text())
            return told
        return {}

    def wait_shown(self, *positions: tuple[int, int, int, int]) -> dict[str, Any]:
        """Wait until planes (t, fov, z, channel) were on the canvas; return the report."""
        wanted = {tuple(position) for position in positions}

        def all_shown() -> bool:
            return wanted <= {tuple(one) for one in self.report().get("shown_planes", ())}

        self.wait(all_shown, f"{sorted(wanted)} on the canvas")
        return self.report()

    def wait_state(self, acquisition: str, state: str) -> dict[str, Any]:
        """Wait until the viewer shows the newest plane of an acquisition in this state."""

        def is_so() -> bool:
            told = self.report()
            is_it = (told.get("acquisition"), told.get("state")) == (acquisition, state)
            return is_it and bool(told["newest_shown"])

        self.wait(is_so, f"the newest plane of {acquisition}, {state}, on the canvas")
        return self.report()

    def wait_ended(self, acquisition: str) -> dict[str, Any]:
        """Return the viewer's report when it knows that an acquisition has ended."""

        def has_ended() -> bool:
            told = self.report()
            return told.get("acquisition") == acquisition and told["state"] != "running"

        self.wait(has_ended, f"the end of {acquisition}")
        return self.report()

    def wait(self, is_so: Callable[[], bool], what: str) -> None:
        """Look again and again."""
        never = threading.Event()
        deadline = time.monotonic() + TIMEOUT_S
        while not is_so():
            assert time.monotonic() < deadline, f"not within {TIMEOUT_S:g} s: {what}\n" + "\n".join(
                [json.dumps(self.report()), *map(self.log, ("planecast_viewer", "planecast_agent"))]
            )
            never.wait(0.02)

    def published(self) -> dict[str, dict[PlaneIndex, PlaneSource]]:
        """Return acquisition to its planes, and where each was last said to be."""
        found: dict[str, dict[PlaneIndex, PlaneSource]] = {}
        for acquisition, columns in fetch_all(self.agent):
            found.setdefault(acquisition, {}).update(sources(columns))
        return found

    def identities(self, planes: dict[PlaneIndex, PlaneSource]) -> dict[PlaneIndex, object]:
        """Read every plane through the worker; return what each says it is, or the error."""
        return {
            index: decode(pixels, CELL, index.channel * 8 * CELL)
            if isinstance(pixels, np.ndarray)
            else pixels
            for index, pixels in self.pixels(planes).items()
        }

    def pixels(self, planes: dict[PlaneIndex, PlaneSource]) -> dict[PlaneIndex, Any]:
        """Read every plane through the worker; return its pixels, or the error."""
        found: dict[PlaneIndex, Any] = {}
        answered = threading.Semaphore(0)

        def take(index: PlaneIndex, answer: Answer) -> None:
            found[index] = answer.pixels.copy() if isinstance(answer, PixelAnswer) else answer
            answered.release()

        client = ReaderClient(self.worker)
        try:
            for index, source in planes.items():
                message = ReadPixels(
                    request=0,
                    path=source.path,
                    scene=source.scene,
                    index=source.index,
                    area=PlaneArea(page=source.page),
                )
                client.submit(message, partial(take, index))
            for _ in planes:
                assert answered.acquire(timeout=TIMEOUT_S)
        finally:
            client.close()
        return found

    def close(self) -> None:
        """End all programs."""
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(TIMEOUT_S)
            assert process.stdout is not None
            process.stdout.close()


def sources(columns: Columns) -> Iterator[tuple[PlaneIndex, PlaneSource]]:
    """Yield each plane in a chunk of events, and its source."""
    if not columns.planes:
        return
    table = np.frombuffer(columns.integers, "<i4").reshape(len(INTEGER_COLUMNS), -1)
    for row, path in enumerate(columns.paths.split("\0")):
        t, fov, z, channel, scene, page, *tzc = table[:, row].tolist()
        index = {axis: value for axis, value in zip("TZC", tzc, strict=True) if value >= 0}
        yield (
            PlaneIndex(t, fov, z, channel),
            PlaneSource(
                path=path,
                scene=max(scene, 0),
                page=None if page < 0 else page,
                index=columns.odd_indices.get(row, index),
            ),
        )


@contextlib.contextmanager
def running_line() -> Iterator[Line]:
    """Run the programs in a folder whose name is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="pcad", dir="/tmp"))
    line = Line(folder)
    try:
        line.start()
        yield line
    finally:
        line.close()
        # A data set that an adapter loaded is watched by a process that nobody waits for.
        _gone, alive = psutil.wait_procs(list(watchers()), timeout=20)
        assert not alive
        shutil.rmtree(folder)


def watchers() -> Iterator[psutil.Process]:
    """Yield the watchers that this process has started: it has other children, a display say."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "planecast_agent.watchers" in child.cmdline():
                yield child
