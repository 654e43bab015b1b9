"""Counts what was really on the canvas: the instrument behind `--report` and `--screenshots`.

It looks at the frames that were painted, not at what the program meant to paint: planes of
test acquisitions carry their index as a block of bits (`identity.py`), which is read back from
the picture and compared with what the session said.
"""

import json
import os
import time
from array import array
from collections import deque
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Qt, QThreadPool, QTimer, Signal
from PySide6.QtGui import QImage

from planecast_viewer.follow import Presenter
from planecast_viewer.frame import Frame
from planecast_viewer.identity import Identity, cell_centers, decode, truncated
from planecast_viewer.main_window import MainWindow
from planecast_viewer.session import Session
from planecast_viewer.settings import Settings

CELL_PX_VARIABLE = "PLANECAST_PROBE_CELL"
HEARTBEAT_MS = 5
REPORT_EVERY_MS = 1000
GIVE_UP_AFTER_S = 30.0
"""With `--exit-when-done`: how long after the end the newest plane may still come."""
MAX_GAPS = 1_000_000


class Probe(QObject):
    """Watches the canvas and the GUI thread. Lives in the GUI thread."""

    done = Signal()
    """With `--exit-when-done`: the acquisition has ended and its newest plane was shown."""

    def __init__(
        self, window: MainWindow, session: Session, presenter: Presenter, settings: Settings
    ) -> None:
        super().__init__(window)
        self._window, self._session, self._presenter = window, session, presenter
        self._settings = settings
        self._cell_px = int(os.environ.get(CELL_PX_VARIABLE, "8"))
        self._started = time.monotonic()
        self._first_frame_s: float | None = None
        self._handed_over: deque[Frame] = deque(maxlen=64)
        self._seen: set[Identity] = set()
        self._seen_frame: Frame | None = None
        self._n_frames = self._n_wrong = self._n_undecoded = 0
        self._wrong_examples: list[str] = []
        self._delays_ms = array("d")
        self._frame_delays_ms = array("d")
        self._gaps_ms = array("d")
        self._last_beat: float | None = None
        self._pictures: list[str] = []
        self._ended_at: float | None = None
        self._finished = False
        presenter.frame_ready.connect(self._on_frame_ready)
        window.view.canvas.frame_shown.connect(self._on_frame_shown)
        session.state_changed.connect(self._on_state_changed)
        self._heartbeat = self._timer(HEARTBEAT_MS, self._on_heartbeat)
        self._reporter = self._timer(REPORT_EVERY_MS, self._on_report)

    def _timer(self, interval_ms: int, slot: object) -> QTimer:
        timer = QTimer(self, interval=interval_ms, timerType=Qt.TimerType.PreciseTimer)
        timer.timeout.connect(slot)
        timer.start()
        return timer

    def finish(self) -> None:
        """Write the last report. May be called twice."""
        if self._finished:
            return
        self._finished = True
        self._heartbeat.stop()
        self._reporter.stop()
        QThreadPool.globalInstance().waitForDone()
        if self._settings.report is not None:
            write_json(self._settings.report, self.report())

    def report(self) -> dict[str, object]:
        """Return what was counted, JSON-able."""
        session = self._session
        planes = session.planes
        return {
            "acquisition": None if session.facts is None else session.facts.identity,
            "state": session.state,
            "end_reason": session.end_reason,
            "position": tuple(session.shown),
            "following": session.following,
            "canvas": type(self._window.view.canvas).__name__,
            "pid": os.getpid(),
            "seconds": round(time.monotonic() - self._started, 3),
            "first_frame_s": self._first_frame_s,
            "planes_registered": 0 if planes is None else planes.n_planes,
            "frames": self._n_frames,
            "shown": len(self._seen),
            "shown_planes": sorted(self._seen),
            "wrong": self._n_wrong,
            "wrong_examples": self._wrong_examples,
            "undecoded": self._n_undecoded,
            "newest_shown": self._newest_shown(),
            "register_to_shown_ms": spread(self._delays_ms),
            "complete_to_shown_ms": spread(self._frame_delays_ms),
            "gui_gap_ms": spread(self._gaps_ms),
            "gui_longest_stall_ms": round(max(self._gaps_ms, default=0.0), 2),
            "screenshots": [f"{name}.png" for name in self._pictures],
            "link_state": session.link_state.state,
            "worker_connected": session.worker_connected,
        }

    # ------------------------------------------------------------ the canvas

    def _on_frame_ready(self, frame: Frame) -> None:
        self._handed_over.append(frame)

    def _on_frame_shown(self, picture: QImage | None) -> None:
        if picture is None:
            picture = self._window.view.canvas.shown_image
            self._last_beat = None  # reading it back from OpenGL was no stall of the viewer
        if picture is None or not self._handed_over:
            return
        self._n_frames += 1
        if self._first_frame_s is None:
            self._first_frame_s = round(time.monotonic() - self._started, 3)
        pixels = pixels_of(picture)
        found = {c: self._read(picture, pixels, c) for c in self._handed_over[-1].wanted}
        known = {channel: identity for channel, identity in found.items() if identity is not None}
        self._compare(known)
        self._take_pictures()

    def _read(
        self, picture: QImage, pixels: npt.NDArray[np.uint8], channel: int
    ) -> Identity | None:
        """Return the identity in one channel's block of the picture, if it can be read."""
        canvas = self._window.view.canvas
        view = canvas.view
        centers = cell_centers(channel, self._cell_px)
        ratio = picture.devicePixelRatio()
        points = (centers - (view.x0, view.y0)) / view.world_per_px * ratio
        x, y = points.astype(np.intp).T
        height, width, _colors = pixels.shape
        if x.min() < 0 or y.min() < 0 or x.max() >= width or y.max() >= height:
            return None
        # A channel has one colour: its brightest part is its brightness.
        return decode(pixels[y, x].max(axis=-1).astype(np.float64))

    def _compare(self, known: dict[int, Identity]) -> None:
        """Look for the frame that the picture shows among those handed over lately.

        The raster canvas composes in a thread: a picture may be one or two frames late, but
        never older than the one before it.
        """
        if not known:
            self._n_undecoded += 1
            return
        for frame in reversed(self._handed_over):
            if all(truncated(*frame.position, c) == known[c] for c in known):
                while self._handed_over[0] is not frame:
                    self._handed_over.popleft()
                self._count(frame, known)
                return
        self._n_wrong += 1
        if len(self._wrong_examples) < 10:
            expected = self._handed_over[-1].position
            self._wrong_examples.append(f"expected {tuple(expected)}, saw {known}")

    def _count(self, frame: Frame, known: dict[int, Identity]) -> None:
        self._seen_frame = frame
        now = time.time()
        delays_ms = array("d")
        for channel, identity in known.items():
            plane = frame.planes[channel]
            if identity in self._seen or plane is None:
                continue
            self._seen.add(identity)
            if plane.registered_at is not None:
                delays_ms.append((now - plane.registered_at) * 1000)
        self._delays_ms.extend(delays_ms)
        if delays_ms:
            # Of the plane that came last: the others have waited for it.
            self._frame_delays_ms.append(min(delays_ms))

    def _newest_shown(self) -> bool:
        target = self._session.follow_target()
        if self._session.state == "file":
            target = self._session.shown
        frame = self._presenter.frame
        if target is None or frame is None or self._n_frames == 0:
            return False
        whole = frame.complete and not frame.is_draft
        return frame.position == target and whole and frame is self._handed_over[0]

    # ------------------------------------------------------------ the GUI thread

    def _on_heartbeat(self) -> None:
        now = time.perf_counter()
        if self._last_beat is not None and len(self._gaps_ms) < MAX_GAPS:
            self._gaps_ms.append((now - self._last_beat) * 1000)
        self._last_beat = now

    # ------------------------------------------------------------ pictures and the end

    def _take_pictures(self) -> None:
        planes = self._session.planes
        frame = self._seen_frame
        if planes is None or frame is None or not frame.complete:
            return
        total = None if self._session.facts is None else self._session.facts.num_planes
        self._take_picture("first")
        if total is not None and planes.n_planes >= total / 2:
            self._take_picture("middle")
        if not self._session.running and self._newest_shown():
            self._take_picture("end")

    def _take_picture(self, name: str) -> None:
        folder = self._settings.screenshots
        if folder is None or name in self._pictures:
            return
        self._pictures.append(name)
        picture = self._window.grab().toImage()
        self._last_beat = None  # taking it was no stall of the viewer
        QThreadPool.globalInstance().start(lambda: save(picture, folder / f"{name}.png"))

    def _on_state_changed(self) -> None:
        self._ended_at = time.monotonic()

    def _on_report(self) -> None:
        if self._settings.report is not None:
            path, facts = self._settings.report, self.report()
            QThreadPool.globalInstance().start(lambda: write_json(path, facts))
        self._last_beat = None
        ended = self._ended_at is not None or self._session.state == "file"
        if not self._settings.exit_when_done or not ended:
            return
        since = self._started if self._ended_at is None else self._ended_at
        if self._newest_shown() or time.monotonic() - since > GIVE_UP_AFTER_S:
            self._take_picture("end")
            self.done.emit()


def pixels_of(picture: QImage) -> npt.NDArray[np.uint8]:
    """View a picture as blue, green and red, shape (y, x, 3), without a copy where it can."""
    rgb = picture
    if picture.format() not in (QImage.Format.Format_RGB32, QImage.Format.Format_ARGB32):
        rgb = picture.convertToFormat(QImage.Format.Format_RGB32)
    height, width = rgb.height(), rgb.width()
    rows = np.frombuffer(rgb.constBits(), dtype=np.uint8).reshape(height, rgb.bytesPerLine())
    return rows[:, : 4 * width].reshape(height, width, 4)[..., :3]


def spread(values: "array[float]") -> dict[str, float | int]:
    """Return count, percentiles and maximum."""
    if not values:
        return {"n": 0}
    p50, p95, p99 = np.percentile(np.frombuffer(values), (50, 95, 99))
    return {
        "n": len(values),
        "p50": round(float(p50), 2),
        "p95": round(float(p95), 2),
        "p99": round(float(p99), 2),
        "max": round(max(values), 2),
    }


def write_json(path: Path, facts: dict[str, object]) -> None:
    """Write a file at once: who reads it never sees half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(json.dumps(facts))
    partial.replace(path)


def save(picture: QImage, path: Path) -> None:
    """Save a picture as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(str(path))
