"""The real processes: agent, reader worker, viewer, and the controller that is this process."""

import compileall
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.viewing.pictures import CELL_PX, CHANNELS, Pictures, picture_number
from planecast_agent.acquisition import Acquisition
from planecast_agent.subscriber.known_planes import Position

CHECKOUT = Path(__file__).parents[2]
START_TIMEOUT_S = 60.0
PACKAGES = ("planecast", "protocol", "acquisition_agent", "reader_worker", "viewer")


class Site:
    """A folder in which agent and worker run, and the environment of all programs."""

    def __init__(self, folder: Path, display: dict[str, str]) -> None:
        self.folder = folder
        self.agent = f"ipc://{folder}/agent"
        self.worker = f"unix://{folder}/worker"
        self.log = folder / "log.txt"
        self.environment = {
            **os.environ,
            **display,
            "PLANECAST_RUNTIME_DIR": str(folder),
            "PLANECAST_CONFIG_DIR": str(folder / "config"),
            "PLANECAST_SPOOL_DIR": str(folder / "spool"),
        }
        self._processes = ExitStack()

    def start(self) -> None:
        """Start agent and worker, and wait until both are ready."""
        _compile()
        agent = ["planecast_agent", "--address", self.agent, "--worker", self.worker]
        agent += ["--state-dir", str(self.folder / "state")]
        agent += ["--spool-dir", str(self.folder / "spool")]
        for words in (agent, ["planecast_reader", "--address", self.worker]):
            process = self.popen([sys.executable, "-m", *words])
            self._processes.callback(end, process)
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError(f"{words[0]} did not start: {self.log.read_text()[-2000:]}")

    def popen(self, command: Sequence[str]) -> "subprocess.Popen[str]":
        """Start a program that is spoken to by lines."""
        with self.log.open("a") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self.environment,
                cwd=CHECKOUT,
            )

    def close(self) -> None:
        """End agent and worker."""
        self._processes.close()


class WatchedViewer:
    """The viewer's process, spoken to by `program.py`'s commands."""

    def __init__(self, site: Site, size: tuple[int, int], cell_px: int) -> None:
        self._site = site
        options = ["--canvas", "raster", "--agent", site.agent]
        command = [sys.executable, "-m", "benchmarks.viewing.program", str(cell_px), *options]
        self._process = site.popen(command)
        if self._line() != "ready":
            raise RuntimeError("the viewer did not say that it is ready")
        self.do("resize", width=size[0], height=size[1])
        self.do("rest")
        self._memory = psutil.Process(self._process.pid)

    def do(self, name: str, **words: object) -> Any:
        """Have it do something; return its answer."""
        assert self._process.stdin is not None
        print(json.dumps({"do": name, **words}), file=self._process.stdin, flush=True)
        return json.loads(self._line())

    def rss_mb(self) -> float:
        """Return what the process has in memory, the worker's shared planes included."""
        return float(self._memory.memory_info().rss) / 1e6

    def private_mb(self) -> float:
        """Return what it has for itself alone."""
        return float(self._memory.memory_full_info().uss) / 1e6

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"the viewer ended: {self._site.log.read_text()[-2000:]}")
        return line

    def close(self) -> None:
        """Close its window and wait."""
        if self._process.poll() is None:
            self.do("close")
        end(self._process)


def _compile() -> None:
    """Have the sources' bytecode, as pip makes it where it installs.

    Python does by itself unless `PYTHONDONTWRITEBYTECODE` is set, and then each start takes 0.3 s
    longer.
    """
    for package in PACKAGES:
        compileall.compile_dir(CHECKOUT / package, quiet=1)


def end(process: "subprocess.Popen[str]") -> None:
    """End a process that was started here, if it has not ended, and wait."""
    process.terminate()
    try:
        process.communicate(timeout=8)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


class Microscope:
    """An acquisition whose files are there before they are registered. This process's own."""

    def __init__(
        self, site: Site, pictures: Pictures, *, n_fovs: int, n_z: int, n_channels: int
    ) -> None:
        self._sizes = (n_fovs, n_z)
        self._pictures = pictures
        self._folder = pictures.new_folder()
        self._channels = CHANNELS[:n_channels]
        self.acquisition = Acquisition.start(
            name="bench",
            channels=self._channels,
            num_z=n_z,
            height=pictures.size,
            width=pictures.size,
            fov_labels=[f"{'ABCDEFGH'[n // 12]}{n % 12 + 1}:0" for n in range(n_fovs)],
            dtype="uint16",
            pixel_size_um=0.325,
            agent=site.agent,
            spool_dir=site.folder / "spool",
        )

    def prepare(self, n_t: int) -> list[Position]:
        """Give all files their names; return the positions in the order of an acquisition."""
        n_fovs, n_z = self._sizes
        positions = [
            Position(t, fov, z) for t in range(n_t) for fov in range(n_fovs) for z in range(n_z)
        ]
        for position in positions:
            number = picture_number(position, n_fovs, n_z)
            for channel in range(len(self._channels)):
                self._pictures.link(self._path(position, channel), number, channel)
        return positions

    def _path(self, position: Position, channel: int) -> Path:
        return self._folder / f"{position.t}_{position.fov}_{position.z}_{channel}.tiff"

    def register(self, position: Position) -> float:
        """Register all channels of a position; return when the last call began."""
        began = 0.0
        for channel, name in enumerate(self._channels):
            began = time.time()
            self.acquisition.register_image(*position, name, self._path(position, channel))
        return began

    def register_paced(
        self, positions: Iterable[Position], images_per_s: float
    ) -> dict[Position, float]:
        """Register images at a steady pace; return when each position's last call began."""
        began: dict[Position, float] = {}
        started = time.monotonic()
        number = 0
        for position in positions:
            for channel, name in enumerate(self._channels):
                due = started + number / images_per_s
                time.sleep(max(0.0, due - time.monotonic()))
                began[position] = time.time()
                path = self._path(position, channel)
                self.acquisition.register_image(*position, name, path)
                number += 1
        return began

    def close(self) -> None:
        """End the acquisition and wait until the agent has all of it."""
        self.acquisition.end()
        self.acquisition.wait_delivered(20)
        self.acquisition.close()


@contextmanager
def microscope(
    site: Site, pictures: Pictures, *, n_fovs: int = 1, n_z: int = 1, n_channels: int = 1
) -> Iterator[Microscope]:
    """Yield a microscope whose acquisition ends with this."""
    one = Microscope(site, pictures, n_fovs=n_fovs, n_z=n_z, n_channels=n_channels)
    try:
        yield one
    finally:
        one.close()


def cell_px(size: int) -> int:
    """Return the side of a mark's cells in planes of this size."""
    return max(1, CELL_PX * size // 2048)
