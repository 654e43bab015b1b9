"""Looks at a viewer from inside: what the X server has on its screen, and the event loop's gaps."""

import time
from array import array
from collections import deque

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QImage

from benchmarks.viewing.pictures import CHANNELS, picture_number
from planecast_viewer.app import Viewer
from planecast_viewer.frame import Frame
from planecast_viewer.identity import Identity, cell_centers, decode
from planecast_viewer.probe import pixels_of

HEARTBEAT_MS = 1


class Instrument(QObject):
    """Tells when a position is on the screen. GUI thread."""

    seen = Signal(object)
    """The `Position` whose visible channels' marks were read from the screen just now."""

    def __init__(self, viewer: Viewer, cell_px: int) -> None:
        super().__init__(viewer.window)
        self._viewer = viewer
        self._cell_px = cell_px
        self._handed: deque[tuple[Frame, int]] = deque(maxlen=64)
        """Frames that were given to the canvas, and which of the pictures each has."""
        self.log: list[tuple[int, int, int, float]] = []
        """t, fov, z and wall time of every picture that came onto the screen."""
        self.planes = 0
        """Planes in those pictures."""
        self.wrong: list[str] = []
        self.unread = 0
        self.looking_ms = array("d")
        """What looking took, which counts as the viewer's time."""
        # What was shown before is nobody's any more, and may be painted once again.
        viewer.session.acquisition_changed.connect(self._handed.clear)
        viewer.presenter.frame_ready.connect(self._on_frame_ready)
        viewer.window.view.canvas.frame_shown.connect(self._on_frame_shown)

    def _on_frame_ready(self, frame: Frame) -> None:
        extents = self._viewer.session.extents
        number = picture_number(frame.position, extents.fov, extents.z)
        self._handed.append((frame, number))

    def _on_frame_shown(self) -> None:
        if not self._handed:
            return
        started = time.perf_counter()
        marks = self._marks(self._handed[-1][0].wanted)
        now = time.time()
        self.looking_ms.append(1000 * (time.perf_counter() - started))
        if any(mark is None for mark in marks.values()):
            self.unread += 1
            return
        # The canvas composes in a thread: a picture may be of a frame or two before the last.
        for frame, number in reversed(self._handed):
            if tuple(frame.wanted) == tuple(marks) and all(
                mark == Identity(number, 0, 0, channel) for channel, mark in marks.items()
            ):
                while self._handed[0][0] is not frame:
                    self._handed.popleft()
                self._take(frame, now)
                return
        frame, number = self._handed[-1]
        expected = f"picture {number} at {tuple(frame.position)}, channels {frame.wanted}"
        self.wrong.append(f"{expected}; on the screen {marks}")

    def _take(self, frame: Frame, now: float) -> None:
        entry = (*frame.position, now)
        if not self.log or self.log[-1][:3] != entry[:3]:
            self.planes += len(frame.wanted)
        self.log.append(entry)
        self.seen.emit(frame.position)

    def _marks(self, channels: tuple[int, ...]) -> dict[int, Identity | None]:
        """Read the channels' marks from the screen of the X server."""
        canvas = self._viewer.window.view.canvas
        view, widget = canvas.shown_view, canvas.frontend_widget()
        side = 8 * self._cell_px / view.world_per_px
        corner = QPoint(int(-view.x0 / view.world_per_px), int(-view.y0 / view.world_per_px))
        area = QRect(corner.x(), corner.y(), int(side * len(CHANNELS)) + 2, int(side) + 2)
        area &= widget.rect()
        picture = self._grab(area.translated(widget.mapTo(self._viewer.window, QPoint(0, 0))))
        pixels = pixels_of(picture)
        marks = {}
        for channel in channels:
            points = (cell_centers(channel, self._cell_px) - (view.x0, view.y0)) / view.world_per_px
            x, y = (points - (area.x(), area.y())).astype(np.intp).T
            marks[channel] = _read(pixels, x, y)
        return marks

    def _grab(self, area: QRect) -> QImage:
        window = self._viewer.window
        pixmap = window.screen().grabWindow(window.winId(), *area.getRect())
        return pixmap.toImage()


def _read(
    pixels: npt.NDArray[np.uint8], x: npt.NDArray[np.intp], y: npt.NDArray[np.intp]
) -> Identity | None:
    height, width, _colors = pixels.shape
    if x.min() < 0 or y.min() < 0 or x.max() >= width or y.max() >= height:
        return None
    # A channel has one colour: its brightest part is its brightness.
    return decode(pixels[y, x].max(axis=-1).astype(np.float64))


class Heartbeat(QObject):
    """A timer of 1 ms: the gaps between its beats are what a click would have waited for."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._gaps_ms = array("d")
        self._last: float | None = None
        self._timer = QTimer(self, interval=HEARTBEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_beat)

    def start(self) -> None:
        """Begin to count anew."""
        self._gaps_ms = array("d")
        self._last = None
        self._timer.start()

    def stop(self) -> dict[str, float]:
        """Return how long the gaps were, in ms."""
        self._timer.stop()
        return gap_figures(self._gaps_ms)

    def _on_beat(self) -> None:
        now = time.perf_counter()
        if self._last is not None:
            self._gaps_ms.append(1000 * (now - self._last))
        self._last = now


def gap_figures(gaps_ms: "array[float]") -> dict[str, float]:
    """Return p50, p99 and the longest of the gaps, and p99 as somebody meets them.

    `p99_met`: of clicks at any time, each hundredth falls into a gap of at least this length.
    """
    gaps = np.sort(np.frombuffer(gaps_ms))
    met = gaps[np.searchsorted(np.cumsum(gaps), 0.99 * gaps.sum())]
    p50, p99 = np.percentile(gaps, (50, 99))
    figures = {"p50": p50, "p99": p99, "p99_met": met, "max": gaps[-1]}
    return {name: round(float(value), 1) for name, value in figures.items()}
