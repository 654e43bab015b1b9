"""A plot of dots, one colour a series: painted as one picture, however many there are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from planecast_viewer import theme

LEFT_PX, BOTTOM_PX, TOP_PX, RIGHT_PX = 62, 34, 24, 12
LINES_UP_TO = 2000
"""So many dots are joined by lines; more would be a blot."""
NEAR_PX = 12.0

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """Dots of one colour."""

    name: str
    color: str
    x: Values
    y: Values
    rows: npt.NDArray[np.intp]
    """What each dot stands for."""


@dataclass(frozen=True)
class Scale:
    """From values to pixels, along one axis."""

    low: float
    high: float
    ticks: tuple[float, ...]
    step: float
    """Between ticks."""

    def share(self, values: Values) -> Values:
        """Return where values lie, 0 to 1."""
        return (values - self.low) / (self.high - self.low)


def scale_of(values: Values, n_ticks: int) -> Scale:
    """Return a scale with round ticks around the values, of which at least one is finite."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = (high - low) * 0.04 or abs(low) * 0.05 or 0.5
    low, high = low - margin, high + margin
    rough = 0.7 * (high - low) / n_ticks
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step)
    count = int((high - first * step) / step) + 1
    return Scale(low, high, tuple((first + n) * step for n in range(max(count, 0))), step)


class PlotView(QWidget):
    """Shows series; a click on a dot chooses its row. GUI thread only."""

    row_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series: list[Series] = []
        self._titles = ("", "")
        self._scales: tuple[Scale, Scale] | None = None
        self._marked = -1
        self._has_dots = True
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Plot")

    def sizeHint(self) -> QSize:  # noqa: N802
        """See Qt."""
        return QSize(360, 200)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """See Qt."""
        return QSize(160, 100)

    def set_series(
        self, series: Sequence[Series], x_title: str, y_title: str, *, dots: bool = True
    ) -> None:
        """Show these; dots without a finite x and y are left out. Without `dots`: lines only."""
        self._has_dots = dots
        self._titles = (x_title, y_title)
        self._series = [_finite(one) for one in series]
        self._series = [one for one in self._series if len(one.x)]
        self._scales = None
        if self._series:
            x = np.concatenate([one.x for one in self._series])
            y = np.concatenate([one.y for one in self._series])
            room = self._room()
            ticks = max(3, int(room.width() / 90)), max(3, int(room.height() / 40))
            self._scales = (scale_of(x, ticks[0]), scale_of(y, ticks[1]))
        self.update()

    def mark(self, row: int) -> None:
        """Draw a ring around a row's dot; -1: around none."""
        if row != self._marked:
            self._marked = row
            self.update()

    def point_of(self, row: int) -> QPointF | None:
        """Return where a row's dot is drawn."""
        for one in self._series:
            found = np.flatnonzero(one.rows == row)
            if len(found):
                x, y = self._pixels(one)
                return QPointF(float(x[found[0]]), float(y[found[0]]))
        return None

    # ------------------------------------------------------------ painting

    def _room(self) -> QRectF:
        width = max(20, self.width() - LEFT_PX - RIGHT_PX)
        return QRectF(LEFT_PX, TOP_PX, width, max(20, self.height() - TOP_PX - BOTTOM_PX))

    def _pixels(self, one: Series) -> tuple[Values, Values]:
        assert self._scales is not None
        room = self._room()
        x = room.left() + self._scales[0].share(one.x) * room.width()
        y = room.bottom() - self._scales[1].share(one.y) * room.height()
        return x, y

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Paint axes and dots."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Base))
        if self._scales is None:
            painter.setPen(theme.color(theme.muted()))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "nothing to plot")
            return
        self._paint_axes(painter)
        if sum(len(one.x) for one in self._series) <= LINES_UP_TO:
            self._paint_lines(painter)
        else:
            self._paint_dots(painter)
        marked = self.point_of(self._marked) if self._marked >= 0 else None
        if marked is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.color(theme.mark()), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(marked, 6, 6)
        self._paint_names(painter)
        painter.end()

    def _paint_axes(self, painter: QPainter) -> None:
        assert self._scales is not None
        room = self._room()
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        line = QColor(theme.muted())
        line.setAlpha(60)
        text = theme.color(theme.muted())
        for tick, share in _ticks(self._scales[0]):
            x = room.left() + share * room.width()
            painter.setPen(line)
            painter.drawLine(QPointF(x, room.top()), QPointF(x, room.bottom()))
            painter.setPen(text)
            place = QRectF(x - 40, room.bottom() + 2, 80, 14)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, tick)
        for tick, share in _ticks(self._scales[1]):
            y = room.bottom() - share * room.height()
            painter.setPen(line)
            painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))
            painter.setPen(text)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(2, y - 8, LEFT_PX - 7, 16), right, tick)
        below = QRectF(room.left(), room.bottom() + 16, room.width(), 16)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self._titles[0])

    def _paint_lines(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for one in self._series:
            x, y = self._pixels(one)
            points = [QPointF(*point) for point in zip(x.tolist(), y.tolist(), strict=True)]
            faint = QColor(one.color)
            faint.setAlpha(110 if self._has_dots else 255)
            painter.setPen(QPen(faint, 1.2))
            # Several dots above one another are of several scenes or tiles: no line joins them.
            if len(np.unique(one.x)) == len(one.x):
                painter.drawPolyline(points)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(one.color))
            for point in points if self._has_dots else ():
                painter.drawEllipse(point, 2.4, 2.4)

    def _paint_dots(self, painter: QPainter) -> None:
        ratio = self.devicePixelRatioF()
        width, height = math.ceil(self.width() * ratio), math.ceil(self.height() * ratio)
        pixels = np.zeros((height, width), dtype=np.uint32)
        for one in self._series:
            x, y = ((values * ratio).astype(np.intp) for values in self._pixels(one))
            for dy in (0, 1):
                for dx in (0, 1):
                    across, down = np.clip(x + dx, 0, width - 1), np.clip(y + dy, 0, height - 1)
                    pixels[down, across] = QColor(one.color).rgba()
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32)
        image.setDevicePixelRatio(ratio)
        painter.drawImage(0, 0, image)

    def _paint_names(self, painter: QPainter) -> None:
        room = self._room()
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        inside = QRectF(6, 3, room.right() - 12, 16)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(inside, left, self._titles[1])
        if len(self._series) < 2:
            return
        right = room.right()
        for one in reversed(self._series[:8]):
            width = painter.fontMetrics().horizontalAdvance(one.name) + 6
            right -= width
            painter.setPen(self.palette().color(QPalette.ColorRole.Text))
            painter.drawText(QRectF(right, 3, width, 16), left, one.name)
            right -= 12
            painter.fillRect(QRectF(right, 7, 8, 8), QColor(one.color))
            right -= 8

    # ------------------------------------------------------------ mouse

    def row_at(self, point: QPointF) -> int:
        """Return the row of the nearest dot; -1: none is near."""
        best, row = NEAR_PX**2, -1
        for one in self._series:
            x, y = self._pixels(one)
            away = (x - point.x()) ** 2 + (y - point.y()) ** 2
            nearest = int(np.argmin(away))
            if away[nearest] < best:
                best, row = float(away[nearest]), int(one.rows[nearest])
        return row

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the nearest dot's row."""
        row = self.row_at(event.position()) if self._scales is not None else -1
        if row >= 0:
            self.row_chosen.emit(row)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Say what is under the mouse."""
        if self._scales is None:
            return
        row = self.row_at(event.position())
        for one in self._series:
            found = np.flatnonzero(one.rows == row)
            if len(found):
                x, y = one.x[found[0]], one.y[found[0]]
                text = f"{self._titles[0]} {x:.8g}\n{self._titles[1]} {y:.8g}"
                name = f"{one.name}\n" if len(self._series) > 1 else ""
                QToolTip.showText(event.globalPosition().toPoint(), name + text, self)
                return
        QToolTip.hideText()


def _finite(one: Series) -> Series:
    known = np.isfinite(one.x) & np.isfinite(one.y)
    return Series(one.name, one.color, one.x[known], one.y[known], one.rows[known])


def _ticks(scale: Scale) -> list[tuple[str, float]]:
    """Return the text of each tick and where it is, 0 to 1."""
    if not scale.ticks:
        return []
    shares = scale.share(np.array(scale.ticks)).tolist()
    digits = max(0, -math.floor(math.log10(scale.step)))
    texts = [f"{0.0 if abs(tick) < 1e-12 else tick:.{digits}f}" for tick in scale.ticks]
    return list(zip(texts, shares, strict=True))
