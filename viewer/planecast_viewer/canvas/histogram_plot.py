"""A plot of histograms with contrast limits and gamma to drag, painted by Qt."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from ndv.views.bases._graphics._histogram_utils import Grabbable
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QWidget

BACKGROUND = QColor("#161616")
AXIS_COLOR = QColor("#9a9a9a")
AXIS_PX = 16
SIDE_PX = 8
TOP_PX = 6
GRAB_PX = 6
HANDLE_PX = 3.5
CURVE_POINTS = 48
MIN_GAMMA = 0.05
PX_PER_TICK = 90


@dataclass
class Trace:
    """The histogram of one channel, and how its values become colours."""

    color: QColor
    name: str = ""
    edges: npt.NDArray[np.float64] | None = None
    cumulated: npt.NDArray[np.float64] | None = None
    """Number of pixels below each of `edges`."""
    clims: tuple[float, float] | None = None
    gamma: float = 1.0
    is_visible: bool = True
    highlight: float | None = None
    """A value to point at."""

    def set_counts(self, counts: npt.NDArray[Any], edges: npt.NDArray[Any]) -> None:
        """Take the result of `numpy.histogram`."""
        self.edges = np.asarray(edges, np.float64)
        self.cumulated = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)])

    def occupied(self) -> tuple[float, float] | None:
        """Return the range of values that occur."""
        if self.edges is None or self.cumulated is None or self.cumulated[-1] == 0:
            return None
        first = int(np.searchsorted(self.cumulated, 0, side="right")) - 1
        last = int(np.searchsorted(self.cumulated, self.cumulated[-1], side="left"))
        return float(self.edges[first]), float(self.edges[last])

    def heights(self, low: float, high: float, n_columns: int) -> npt.NDArray[np.float64]:
        """Return the number of pixels in each of equal parts of low to high."""
        if self.edges is None or self.cumulated is None:
            return np.zeros(n_columns)
        at = np.linspace(low, high, n_columns + 1)
        return np.diff(np.interp(at, self.edges, self.cumulated))


class _Grabbed(NamedTuple):
    key: Hashable
    part: Grabbable


class HistogramPlot(QWidget):
    """Wheel and drag move along the values, a double click shows all of them."""

    clims_dragged = Signal(object, float, float)
    gamma_dragged = Signal(object, float)

    def __init__(self) -> None:
        super().__init__()
        self.traces: dict[Hashable, Trace] = {}
        self._range: tuple[float, float] | None = None
        self._is_log = False
        self._grabbed: _Grabbed | None = None
        self._drag_from: QPointF | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setMinimumHeight(60)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a flat size."""
        return QSize(400, 110)

    def set_log(self, is_log: bool) -> None:
        """Choose whether counts are shown by their logarithm."""
        self._is_log = is_log
        self.update()

    def set_range(self, x: tuple[float, float] | None = None) -> None:
        """Show the values from x[0] to x[1]; without them all that occur."""
        self._range = None if x is None else (min(x), max(x))
        self.update()

    def range(self) -> tuple[float, float]:
        """Return the values at the left and right end."""
        if self._range is not None:
            return self._range
        spans = [s for t in self._shown() for s in (t.occupied(), t.clims) if s is not None]
        if not spans:
            return 0.0, 1.0
        low, high = min(s[0] for s in spans), max(s[1] for s in spans)
        margin = max(high - low, 1e-9) * 0.03
        return low - margin, high + margin

    def to_value(self, x: float) -> float:
        """Return the value at the horizontal position `x` in pixels."""
        low, high = self.range()
        area = self._area()
        return low + (x - area.left()) / area.width() * (high - low)

    def to_x(self, value: float) -> float:
        """Return the horizontal position in pixels of a value."""
        low, high = self.range()
        area = self._area()
        return area.left() + (value - low) / (high - low) * area.width()

    def _shown(self) -> list[Trace]:
        return [trace for trace in self.traces.values() if trace.is_visible]

    def _area(self) -> QRectF:
        width = max(self.width() - 2 * SIDE_PX, 1)
        return QRectF(SIDE_PX, TOP_PX, width, max(self.height() - TOP_PX - AXIS_PX, 1))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Paint histograms, then what can be dragged, then words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), BACKGROUND)
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.8)
        painter.setFont(font)
        self._paint_axis(painter)
        painter.save()
        painter.setClipRect(self._area().adjusted(-SIDE_PX, -TOP_PX, SIDE_PX, 0))
        self._paint_histograms(painter)
        for trace in self._shown():
            self._paint_lut(painter, trace)
        painter.restore()
        self._paint_names(painter)
        painter.end()

    def _paint_axis(self, painter: QPainter) -> None:
        area = self._area()
        painter.setPen(AXIS_COLOR)
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        for value in ticks(*self.range(), max(int(area.width() / PX_PER_TICK), 1)):
            box = QRectF(self.to_x(value) - 50, area.bottom() + 1, 100, AXIS_PX - 2)
            if box.left() + 25 >= 0 and box.right() - 25 <= self.width():
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{value:g}")

    def _paint_histograms(self, painter: QPainter) -> None:
        area = self._area()
        n_columns = max(int(area.width()), 1)
        heights = [trace.heights(*self.range(), n_columns) for trace in self._shown()]
        if self._is_log:
            heights = [np.log10(1 + h) for h in heights]
        highest = max((float(h.max()) for h in heights), default=0.0)
        if highest <= 0:
            return
        x = area.left() + (np.arange(n_columns) + 0.5) * area.width() / n_columns
        for trace, height in zip(self._shown(), heights, strict=True):
            y = area.bottom() - height / highest * area.height()
            top = [QPointF(*point) for point in zip(x.tolist(), y.tolist(), strict=True)]
            outline = QPolygonF([QPointF(x[0], area.bottom()), *top, QPointF(x[-1], area.bottom())])
            fill = QColor(trace.color)
            fill.setAlphaF(0.35)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawPolygon(outline)
            painter.setPen(QPen(trace.color, 1))
            painter.drawPolyline(top)

    def _paint_lut(self, painter: QPainter, trace: Trace) -> None:
        area = self._area()
        if trace.highlight is not None:
            painter.setPen(QPen(trace.color, 1, Qt.PenStyle.DotLine))
            x = self.to_x(trace.highlight)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        if trace.clims is None:
            return
        low, high = (self.to_x(value) for value in trace.clims)
        line = QColor(trace.color).lighter(120)
        line.setAlphaF(0.8)
        painter.setPen(QPen(line, 1))
        for x in (low, high):
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        steps = np.linspace(0, 1, CURVE_POINTS)
        curve = [
            QPointF(low + s * (high - low), area.bottom() - s**trace.gamma * area.height())
            for s in steps.tolist()
        ]
        painter.drawPolyline(curve)
        painter.setBrush(trace.color)
        painter.drawEllipse(self._gamma_handle(trace.clims, trace.gamma), HANDLE_PX, HANDLE_PX)

    def _paint_names(self, painter: QPainter) -> None:
        right = self._area().right() - 2
        for trace in reversed(self._shown()):
            if trace.name:
                width = painter.fontMetrics().horizontalAdvance(trace.name)
                painter.setPen(trace.color.lighter(130))
                painter.drawText(QPointF(right - width, 16), trace.name)
                right -= width + 14

    def _gamma_handle(self, clims: tuple[float, float], gamma: float) -> QPointF:
        area = self._area()
        return QPointF(self.to_x(sum(clims) / 2), area.bottom() - 2.0**-gamma * area.height())

    def _grabbable_at(self, at: QPointF) -> _Grabbed | None:
        """Return the nearest thing to drag within a few pixels."""
        near: list[tuple[float, _Grabbed]] = []
        for key, trace in self.traces.items():
            if not trace.is_visible or trace.clims is None:
                continue
            handle = self._gamma_handle(trace.clims, trace.gamma) - at
            distances = {
                # The dot wins where it touches a line.
                Grabbable.GAMMA: math.hypot(handle.x(), handle.y()) - HANDLE_PX,
                Grabbable.RIGHT_CLIM: abs(self.to_x(trace.clims[1]) - at.x()),
                Grabbable.LEFT_CLIM: abs(self.to_x(trace.clims[0]) - at.x()),
            }
            near += [(d, _Grabbed(key, part)) for part, d in distances.items() if d < GRAB_PX]
        return min(near, key=lambda pair: pair[0])[1] if near else None

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take hold of a limit, of gamma, or of the axis."""
        self._grabbed = self._grabbable_at(event.position())
        self._drag_from = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002, N802
        """Let go."""
        self._grabbed = self._drag_from = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Set gamma back to 1 on its dot; elsewhere show all values."""
        grabbed = self._grabbable_at(event.position())
        if grabbed is not None and grabbed.part is Grabbable.GAMMA:
            self.gamma_dragged.emit(grabbed.key, 1.0)
        else:
            self.set_range()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Drag what was taken hold of."""
        if self._grabbed is not None:
            self._drag(self._grabbed, event.position())
        elif self._drag_from is not None:
            moved = self.to_value(self._drag_from.x()) - self.to_value(event.position().x())
            self._drag_from = event.position()
            low, high = self.range()
            self.set_range((low + moved, high + moved))
        else:
            self._show_cursor(self._grabbable_at(event.position()))

    def _drag(self, grabbed: _Grabbed, at: QPointF) -> None:
        trace = self.traces.get(grabbed.key)
        if trace is None or trace.clims is None:
            return
        low, high = trace.clims
        area = self._area()
        match grabbed.part:
            case Grabbable.LEFT_CLIM:
                self.clims_dragged.emit(grabbed.key, min(self.to_value(at.x()), high), high)
            case Grabbable.RIGHT_CLIM:
                self.clims_dragged.emit(grabbed.key, low, max(self.to_value(at.x()), low))
            case Grabbable.GAMMA:
                part = (area.bottom() - at.y()) / area.height()
                if 0 < part < 1:
                    self.gamma_dragged.emit(grabbed.key, max(-math.log2(part), MIN_GAMMA))

    def _show_cursor(self, grabbable: _Grabbed | None) -> None:
        if grabbable is None:
            self.unsetCursor()
        elif grabbable.part is Grabbable.GAMMA:
            self.setCursor(Qt.CursorShape.SizeVerCursor)
        else:
            self.setCursor(Qt.CursorShape.SizeHorCursor)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom along the values, about the cursor."""
        factor = 0.8 ** (event.angleDelta().y() / 120)
        center = self.to_value(event.position().x())
        low, high = self.range()
        self.set_range((center - (center - low) * factor, center + (high - center) * factor))
        event.accept()


def ticks(low: float, high: float, count: int) -> list[float]:
    """Return about `count` round values between low and high."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return []
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(s * power for s in (1, 2, 5, 10) if span / (s * power) <= count)
    first = math.ceil(low / step)
    return [round(n * step, 12) for n in range(first, math.floor(high / step) + 1)]
