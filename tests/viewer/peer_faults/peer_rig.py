"""A microscope, an agent, a worker and the viewer's window: all real, and files that are too."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PySide6.QtCore import QCoreApplication, QElapsedTimer, QEventLoop
from PySide6.QtGui import QImage

from planecast.demo.identity import stamp
from planecast_agent.acquisition import Acquisition
from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.axes import PlaneIndex
from planecast_viewer.identity import Identity, cell_centers, decode
from planecast_viewer.probe import pixels_of

CELL_PX = 8
SIZE = 256
TIMEOUT_MS = 30_000
Plane = npt.NDArray[Any]


def plane(
    t: int,
    fov: int = 0,
    z: int = 0,
    channel: int = 0,
    *,
    n_channels: int = 1,
    size: int = SIZE,
    dtype: Any = np.uint16,
) -> Plane:
    """Return a plane (y, x) that says which one it is, dark at the right and bright below."""
    pixels = np.full((size, size), 300, np.uint16)
    stamp(pixels, PlaneIndex(t, fov, z, channel), n_channels, CELL_PX)
    return pixels.astype(dtype)


def save(path: Path, pixels: Plane) -> Path:
    """Save a plane as microscopes do: it is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.part")
    tifffile.imwrite(hidden, pixels, photometric="minisblack")
    hidden.replace(path)
    return path


class Line:
    """What every test of this folder has: the programs, and the window that shows them."""

    def __init__(self, viewer: Any, agent: str, folder: Path) -> None:
        self.viewer, self.session, self.window = viewer, viewer.session, viewer.window
        self.canvas = viewer.window.view.canvas
        self.agent, self.folder = agent, folder
        self._acquisitions: list[Acquisition] = []

    # ------------------------------------------------------------ the microscope

    def start(self, name: str = "run", n_channels: int = 1, **facts: Any) -> Acquisition:
        """Start an acquisition and wait until the viewer shows it; it is ended after the test.

        A viewer that follows an acquisition goes on to the newer one by itself.
        """
        given = {"channels": ["BF", "DAPI", "GFP", "Cy3", "Cy5", "RFP"][:n_channels], "num_z": 1}
        given |= {"height": SIZE, "width": SIZE, "fov_labels": ["A1:0"], **facts}
        acquisition = Acquisition.start(
            name, agent=self.agent, spool_dir=self.folder / "spool", **given
        )
        self._acquisitions.append(acquisition)
        if self.session.facts is None or not self.session.following:
            self.viewer.targets.choose_acquisition(acquisition.id)
        self.wait(lambda: self.shows(acquisition.id), f"{name} in the window")
        return acquisition

    def shows(self, identity: str) -> bool:
        """Tell whether this acquisition, or file, is the one in the window."""
        facts = self.session.facts
        return facts is not None and facts.identity == identity

    def end_all(self) -> None:
        """End what runs, and wait until the agent knows."""
        for acquisition in self._acquisitions:
            acquisition.end()
            acquisition.wait_delivered(10)
            acquisition.close()

    # ------------------------------------------------------------ the window

    def open(self, path: Path) -> None:
        """Open a file or folder, as the menu does, and wait until it is in the window."""
        self.session.wishes.file_wanted.emit(str(path))
        self.wait(
            lambda: self.session.state == "file" and self.session.facts.name == path.name,
            f"{path} in the window",
        )

    def go(self, t: int = 0, fov: int = 0, z: int = 0) -> None:
        """Move the sliders there by hand."""
        for axis, value in (("t", t), ("fov", fov), ("z", z)):
            self.window.axes.rows[axis].slider.setValue(value)
        if self.session.shown != Position(t, fov, z):
            self.session.show(Position(t, fov, z))

    def wait_shown(self, *planes: tuple[int, int, int, int]) -> None:
        """Wait until the canvas shows these planes (t, fov, z, channel), by their pixels."""
        wanted = {Identity(*one) for one in planes}
        channels = [one.channel for one in wanted]
        self.wait(lambda: {self.seen(c) for c in channels} == wanted, f"{sorted(wanted)} on screen")

    def wait_message(self, part: str) -> None:
        """Wait until the canvas says this over the picture."""
        self.wait(lambda: part in (self.canvas.message or ""), f"the message {part!r}")

    def seen(self, channel: int = 0) -> Identity | None:
        """Return which plane of a channel the pixels of the canvas are, if any."""
        centers = cell_centers(channel, CELL_PX)
        colors = self._colors(centers)
        return None if colors is None else decode(colors.max(axis=-1).astype(np.float64))

    def color(self, x: float, y: float) -> tuple[int, int, int] | None:
        """Return the canvas's red, green and blue over a pixel of the plane."""
        colors = self._colors(np.array([[x + 0.5, y + 0.5]]))
        if colors is None:
            return None
        blue, green, red = (int(value) for value in colors[0])
        return red, green, blue

    def _colors(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8] | None:
        picture: QImage | None = self.canvas.shown_image
        if picture is None or not self.canvas.is_current:
            return None
        view, ratio = self.canvas.shown_view, picture.devicePixelRatio()
        places = (points - (view.x0, view.y0)) / view.world_per_px * ratio
        x, y = places.astype(np.intp).T
        pixels = pixels_of(picture)
        height, width, _colors = pixels.shape
        if x.min() < 0 or y.min() < 0 or x.max() >= width or y.max() >= height:
            return None
        return pixels[y, x]

    def wait(self, is_so: Callable[[], bool], what: str) -> None:
        """Run the window until it is so."""
        timer = QElapsedTimer()
        timer.start()
        while not is_so():
            assert timer.elapsed() < TIMEOUT_MS, (
                f"not there: {what}; canvas: {self.canvas.message!r}, seen {self.seen()}, "
                f"shown {self.session.shown}, following {self.session.following}, "
                f"link {self.session.link_state}, worker {self.session.worker_text}"
            )
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 20)


@contextmanager
def running_programs() -> Iterator[tuple[Path, str]]:
    """Run an agent and a worker; yield their folder and the agent's address."""
    # Its name is short enough for sockets.
    folder = Path(tempfile.mkdtemp(prefix="pcpf", dir="/tmp"))
    agent, worker = f"ipc://{folder}/agent", f"unix://{folder}/worker"
    environment = {**os.environ, "PLANECAST_RUNTIME_DIR": str(folder)}
    state = ("--state-dir", str(folder / "state"), "--spool-dir", str(folder / "spool"))
    commands = (
        ("planecast_agent", "--address", agent, "--worker", worker, *state),
        ("planecast_reader", "--address", worker, "--readers", "2"),
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, env=environment
        )
        for command in commands
    ]
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready")
            process.stdout.close()
        yield folder, agent
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            process.wait(20)
        shutil.rmtree(folder)
