"""Makes the pictures of the viewer in this documentation, so that they can be made again.

    python docs/make_pictures.py [--out docs/images] [--only empty,programs]

It starts an agent, a reader worker and a simulated microscope in a folder of its own, and a real
window. Without a display Qt's offscreen platform will do. Takes about a minute.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, Literal

SIZE = (1180, 760)
COLORS = 256
MAX_BYTES = 200_000
WAIT_S = 90.0
PROGRAMS_PX, LOW_PX = 250, 130
THUMBNAILS_BYTES = 6 * 96 * 96
"""Some are there."""
CHANNELS = {"BF": "#808080", "DAPI": "#3f6cff", "GFP": "#2fe04b"}
LABELS = [f"{row}{column}:{fov}" for row in "ABCD" for column in range(1, 7) for fov in range(2)]
NUM_Z = 3
SHARE = 0.62
"""Of the plate that is acquired when the pictures are taken."""


def main() -> int:
    """Make the pictures; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--only", default="", help="names of pictures, with commas between")
    given = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["QT_API"] = "pyside6"
    only = set(filter(None, given.only.split(",")))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pictures-")))
        for name in ("RUNTIME", "CONFIG", "SPOOL", "CACHE"):
            os.environ[f"PLANECAST_{name}_DIR"] = str(folder / name.lower())
            (folder / name.lower()).mkdir(mode=0o700)
        agent = stack.enter_context(program("planecast_agent", "--state-dir", folder / "state"))
        stack.enter_context(program("planecast_reader", "--readers", "2"))
        return Studio(folder, given.out, only, agent).run()


@contextmanager
def program(module: str, *options: object) -> Iterator["subprocess.Popen[str]"]:
    """Run one of our programs, from when it says that it is ready."""
    command = [sys.executable, "-m", module, *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.terminate()


def smooth(plane: Any) -> Any:
    """Return a plane without the camera's noise, which makes pictures large."""
    import numpy as np

    padded = np.pad(plane.astype(np.float32), 2, mode="edge")
    height, width = plane.shape
    parts = [
        padded[y : y + height, x : x + width] for y, x in itertools.product(range(5), repeat=2)
    ]
    return (sum(parts) / len(parts)).astype(plane.dtype)


class Microscope:
    """Acquires a part of a plate and then waits, as one does between two time points."""

    def __init__(self, folder: Path, name: str) -> None:
        import msgspec

        import planecast
        from planecast.demo.specimen import Specimen

        self._folder = folder / name
        self._specimen = Specimen(512, 512, NUM_Z, seed=1)
        self._acquisition = planecast.Acquisition.start(
            name,
            list(CHANNELS),
            NUM_Z,
            512,
            512,
            LABELS,
            num_t=1,
            pixel_size_um=0.325,
            z_step_um=1.5,
            channel_colors=list(CHANNELS.values()),
        )

        def set_exposure(
            ms: Annotated[float, msgspec.Meta(ge=0.1, le=1000)],
            channel: Literal["BF", "DAPI", "GFP"] = "BF",
        ) -> float:
            """Expose each plane of a channel for so long."""
            del channel
            return ms

        def move_stage(x_um: float, y_um: float) -> None:
            """Drive the stage there."""
            del x_um, y_um

        self._acquisition.on_command("move_stage", move_stage)
        self._acquisition.on_command("set_exposure", set_exposure)

    def acquire(self, share: float) -> None:
        """Write and register so much of the plate."""
        import tifffile

        from planecast_protocol.axes import PlaneIndex

        self._folder.mkdir()
        names = list(CHANNELS)
        planes = list(itertools.product(range(len(LABELS)), range(NUM_Z), range(len(names))))
        n = int(share * len(planes))
        for fov, z, channel in planes[:n]:
            path = self._folder / f"{LABELS[fov].replace(':', '_')}_{z}_{names[channel]}.tiff"
            plane = self._specimen.photograph(PlaneIndex(0, fov, z, channel), names[channel])
            tifffile.imwrite(path, smooth(plane))
            self._acquisition.register_image(0, fov, z, names[channel], path)
        stage = {"x_um": 12034.25, "y_um": -803.5, "z_um": 4021.1}
        self._acquisition.publish_state("stage", stage)
        self._acquisition.publish_state("exposure_ms", {"BF": 10.0, "DAPI": 100.0, "GFP": 50.0})
        self._acquisition.publish_state("progress", f"{n} of {len(planes)}")
        self._acquisition.wait_delivered(WAIT_S)

    def end(self) -> None:
        """End the acquisition; an agent that is no more is not waited for."""
        self._acquisition.end()


class Studio:
    """Puts the window into a state, waits until it is there, and takes its picture."""

    def __init__(
        self, folder: Path, out: Path, only: set[str], agent: "subprocess.Popen[str]"
    ) -> None:
        from PySide6.QtWidgets import QApplication

        from planecast_protocol.endpoints import default_agent_address
        from planecast_viewer.app import Viewer
        from planecast_viewer.settings import Settings

        self._folder, self._out, self._only, self._agent = folder, out, only, agent
        self._application = QApplication([])
        settings = Settings(
            agent=default_agent_address(), canvas="raster", memory=folder / "config" / "viewer.ini"
        )
        self._viewer: Any = Viewer(settings)
        self._window: Any = self._viewer.window
        self._session: Any = self._viewer.session
        self._window.resize(*SIZE)

    def run(self) -> int:
        """Take all pictures; return the exit code."""
        session, window = self._session, self._window
        self._viewer.menus.theme.choose("light")
        self._viewer.start()
        self._until(lambda: session.link_state.state == "live")
        self._take("empty")
        self._agents()
        past = Microscope(self._folder, "calibration")
        past.acquire(0.1)
        past.end()
        self._until(lambda: any(one.state == "done" for one in session.acquisitions))
        microscope = Microscope(self._folder, "plate 24")
        microscope.acquire(SHARE)
        self._until(lambda: self._shown() and session.facts.name == "plate 24")
        self._picture_and_themes()
        self._panels()
        self._troubles()
        microscope.end()
        window.close()
        return 0

    def _agents(self) -> None:
        """Show what two machines would announce, one of which is known."""
        from planecast_protocol.discovery import AnnouncedAgent
        from planecast_protocol.keys.folder import KeyFolder
        from planecast_protocol.keys.guest_list import id_prefix

        os.environ["PLANECAST_KEYS"] = str(self._folder / "keys")
        KeyFolder().put_server("confocal-2", bytes(32))
        self._session.wishes.other_agent_wanted.emit()
        dialog = self._dialog("AgentsDialog")
        announced = [
            AnnouncedAgent("confocal-2", ("10.0.3.17",), 5810, "0.1.0", id_prefix(bytes(32))),
            AnnouncedAgent("lightsheet", ("10.0.3.21",), 5810, "0.1.0", ""),
        ]
        dialog.found.post(announced)
        self._until(lambda: dialog.agents.topLevelItemCount() == len(announced))
        self._take("agents", dialog)
        dialog.close()

    def _picture_and_themes(self) -> None:
        from planecast_agent.subscriber.known_planes import Position

        session, window = self._session, self._window
        self._take("live")
        session.show(Position(0, 7, 1))
        self._take("held")
        window.channels.set_single(True)
        self._open("display")
        self._take("one-channel")
        window.channels.set_single(False)
        self._theme("dark")
        self._take("dark")
        self._open("thumbnails")
        self._until(lambda: window.docks["thumbnails"].widget().store.n_bytes > THUMBNAILS_BYTES)
        self._take("thumbnails")
        self._theme("light")

    def _panels(self) -> None:
        window = self._window
        self._open("plate", "controller")
        form = window.docks["controller"].widget().form
        for field, text in zip(form.findChildren(self._line_edit()), ("1200", "800"), strict=False):
            field.setText(text)
        form.send.click()
        for name in ("plate", "thumbnails"):
            window.docks[name].hide()
        self._take("controller")
        self._open("plate", "info", "programs")
        window.resizeDocks([window.docks["programs"]], [PROGRAMS_PX], self._vertical())
        self._take("programs")
        self._open("acquisitions")
        self._take("acquisitions")
        window.resizeDocks([window.docks["programs"]], [LOW_PX], self._vertical())
        window.docks["acquisitions"].hide()
        window.docks["programs"].hide()

    def _troubles(self) -> None:
        session, window = self._session, self._window
        broken = self._folder / "cut in the middle.czi"
        broken.write_bytes(b"ZISRAWFILE" + bytes(200))
        session.wishes.file_wanted.emit(str(broken))
        self._until(lambda: self._box() is not None)
        self._take("error", self._box())
        self._box().close()
        window.show_keys()
        self._take("keys", self._dialog("KeysDialog"))
        self._dialog("KeysDialog").close()
        self._open("log")
        self._agent.kill()
        self._until(lambda: session.link_state.state == "silent")
        self._take("agent-away")

    # ------------------------------------------------------------ inside

    def _take(self, name: str, widget: Any = None) -> None:
        """Save a picture of the window, or of another widget."""
        if self._only and name not in self._only:
            return
        self._settle()
        data = png_of((widget or self._window).grab().toImage())
        assert len(data) <= MAX_BYTES, f"{name}: {len(data):,} bytes"
        self._out.mkdir(parents=True, exist_ok=True)
        path = self._out / f"viewer-{name}.png"
        path.write_bytes(data)
        print(f"{path}  {len(data):,} bytes", flush=True)

    def _settle(self) -> None:
        """Let whatever is under way come to its end."""
        if self._session.facts is not None:
            self._until(self._shown)
        quiet_at = time.monotonic() + 1.5
        self._until(lambda: time.monotonic() > quiet_at)

    def _until(self, there: Callable[[], object]) -> None:
        """Run the window until it is so."""
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        timer = QTimer(interval=50)
        timer.timeout.connect(lambda: loop.quit() if there() else None)
        timer.start()
        QTimer.singleShot(int(WAIT_S * 1000), loop, lambda: loop.exit(1))
        if loop.exec():
            raise TimeoutError("the window did not come to the state that was waited for")
        timer.stop()

    def _open(self, *names: str) -> None:
        for name in names:
            self._window.docks[name].show()
            self._window.docks[name].raise_()

    def _theme(self, choice: str) -> None:
        self._viewer.menus.theme.choose(choice)

    def _shown(self) -> bool:
        """Tell whether all channels that are visible are in the picture."""
        frame, visible = self._viewer.presenter.frame, self._session.visible_channels()
        return frame is not None and frame.complete and list(frame.wanted) == visible

    @staticmethod
    def _vertical() -> Any:
        from PySide6.QtCore import Qt

        return Qt.Orientation.Vertical

    @staticmethod
    def _line_edit() -> Any:
        from PySide6.QtWidgets import QLineEdit

        return QLineEdit

    def _box(self) -> Any:
        from PySide6.QtWidgets import QMessageBox

        return self._window.findChild(QMessageBox)

    def _dialog(self, kind: str) -> Any:
        from PySide6.QtWidgets import QDialog

        found = self._window.findChildren(QDialog)
        return next(one for one in found if type(one).__name__ == kind)


def png_of(image: Any) -> bytes:
    """Return a small PNG: a palette is enough for a window."""
    from PIL import Image
    from PySide6.QtGui import QImage

    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    width, height = rgb.width(), rgb.height()
    data = bytes(rgb.constBits())
    picture = Image.frombuffer("RGB", (width, height), data, "raw", "RGB", rgb.bytesPerLine(), 1)
    palette = picture.quantize(COLORS, method=Image.Quantize.FASTOCTREE)
    small = picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    file = BytesIO()
    small.save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    raise SystemExit(main())
