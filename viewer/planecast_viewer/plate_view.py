"""Draws fovs where they lie, coloured by progress, and lets one be chosen."""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from planecast_viewer import theme
from planecast_viewer.focus_keys import FocusKeys
from planecast_viewer.plate_camera import LEFT_PX, MARGIN_PX, TOP_PX, PlateCamera
from planecast_viewer.plate_layout import FovLayout, row_name
from planecast_viewer.plate_raster import BACKGROUND, EMPTY_WELL, index_map

ZOOM_STEP = 1.25
MIN_MARK_PX = 7.0
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
COMPLETE = 255


class PlateView(QWidget):
    """One widget for all fovs, however many. GUI thread only."""

    fov_chosen = Signal(int)

    def __init__(self, describe: Callable[[int], str], parent: QWidget | None = None) -> None:
        """`describe` says what a tooltip says of a fov."""
        super().__init__(parent)
        self._describe = describe
        self._camera: PlateCamera | None = None
        self._levels = np.zeros(0, dtype=np.uint8)
        self._current = -1
        self.cursor_fov = -1
        """Where the arrow keys are."""
        self._index: npt.NDArray[np.int32] | None = None
        self._pressed_at: QPoint | None = None
        self._dragging = False
        self._keys = FocusKeys(self, (Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_Equal))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Map of wells and fovs")

    def sizeHint(self) -> QSize:  # noqa: N802
        """See Qt."""
        return QSize(260, 190)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """See Qt."""
        return QSize(160, 110)

    # ------------------------------------------------------------ what is shown

    def set_layout(self, layout: FovLayout | None) -> None:
        """Show other fovs, none of which has begun."""
        self._camera = None if layout is None else PlateCamera(layout)
        self._fit_to_size()
        self._levels = np.zeros(0 if layout is None else layout.n_fovs, dtype=np.uint8)
        self._current = self.cursor_fov = -1

    @property
    def kind(self) -> str | None:
        """Return how the fovs are laid out; `None`: there are none."""
        return None if self._camera is None else self._camera.layout.kind

    def set_shares(self, shares: npt.NDArray[np.float64]) -> None:
        """Colour the fovs by how much of each is there, 0 to 1."""
        wanted = np.where(shares >= 1.0, COMPLETE, np.ceil(shares * (COMPLETE - 1)))
        levels = wanted.astype(np.uint8)
        if not np.array_equal(levels, self._levels):
            self._levels = levels
            self.update()

    def set_current(self, fov: int) -> None:
        """Mark the fov that is shown."""
        if fov != self._current:
            self._current = self.cursor_fov = fov
            self.update()

    def fit(self) -> None:
        """Show all."""
        if self._camera is not None:
            self._camera.fit()
        self._moved()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom, with the point `at` of the widget kept where it is."""
        if self._camera is not None:
            self._camera.zoom_by(factor, self._camera.room.center() if at is None else at)
        self._moved()

    def fov_at(self, point: QPointF) -> int:
        """Return the fov under a point of the widget; -1: none."""
        index = self._indices()
        ratio = self.devicePixelRatioF()
        x, y = int(point.x() * ratio), int(point.y() * ratio)
        if index is None or not (0 <= y < index.shape[0] and 0 <= x < index.shape[1]):
            return -1
        return max(int(index[y, x]), -1)

    def rectangle_of(self, fov: int) -> QRectF:
        """Return where a fov is drawn, in pixels of the widget."""
        assert self._camera is not None
        return self._camera.rectangle_of(fov)

    # ------------------------------------------------------------ painting

    def _fit_to_size(self) -> None:
        if self._camera is not None:
            self._camera.set_size(self.width(), self.height(), self.devicePixelRatioF())
        self._moved()

    def _moved(self) -> None:
        self._index = None
        self.update()

    def _indices(self) -> npt.NDArray[np.int32] | None:
        """Return the fov of each physical pixel of the widget; remade after a move."""
        if self._index is None and self._camera is not None:
            layout = self._camera.layout
            scale, left, top = self._camera.transform()
            ratio = self.devicePixelRatioF()
            size = (math.ceil(self.height() * ratio), math.ceil(self.width() * ratio))
            self._index = index_map(layout, size, scale * ratio, left * ratio, top * ratio)
            if layout.kind == "plate":
                # What is zoomed out of the room must not cover the names.
                self._index[: int(TOP_PX * ratio)] = BACKGROUND
                self._index[:, : int(LEFT_PX * ratio)] = BACKGROUND
                self._index[:, -int(MARGIN_PX * ratio) :] = BACKGROUND
        return self._index

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Paint one picture of all fovs, the names, and the marks."""
        index = self._indices()
        if index is None or self._camera is None:
            return
        layout = self._camera.layout
        painter = QPainter(self)
        pixels = np.ascontiguousarray(self._colors()[index])
        height, width = pixels.shape
        picture = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        picture.setDevicePixelRatio(self.devicePixelRatioF())
        painter.drawImage(0, 0, picture)
        if layout.kind == "plate":
            self._paint_names(painter, self._camera)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(self._camera.room.adjusted(-3, -3, 3, 3))
        if self.hasFocus() and 0 <= self.cursor_fov != self._current:
            pen = QPen(self.palette().color(QPalette.ColorRole.Text), 1.5, Qt.PenStyle.DotLine)
            self._mark(painter, self.cursor_fov, pen)
        if 0 <= self._current < layout.n_fovs:
            self._mark(painter, self._current, QPen(theme.color(theme.mark()), 2.0))
        painter.end()

    def _colors(self) -> npt.NDArray[np.uint32]:
        """Return the colour of each fov; last those of an empty well and of the background."""
        window = self.palette().color(QPalette.ColorRole.Window)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        colors = _table(window.rgb(), text.rgb(), theme.accent(), theme.complete())
        assert (EMPTY_WELL, BACKGROUND) == (-2, -1)
        return np.concatenate([colors[self._levels], colors[-2:]])

    def _paint_names(self, painter: QPainter, camera: PlateCamera) -> None:
        scale, left, top = camera.transform()
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(theme.color(theme.muted()))
        room = camera.room
        every = max(1, math.ceil(18 / scale))
        for column in range(0, camera.layout.columns, every):
            x = left + (column + 0.5) * scale
            if room.left() <= x <= room.right():
                place = QRectF(x - 20, max(0.0, top - TOP_PX), 40, TOP_PX)
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, str(column + 1))
        every = max(1, math.ceil(13 / scale))
        for row in range(0, camera.layout.rows, every):
            y = top + (row + 0.5) * scale
            if room.top() <= y <= room.bottom():
                place = QRectF(max(0.0, left - LEFT_PX), y - 8, LEFT_PX - 3, 16)
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, row_name(row))

    def _mark(self, painter: QPainter, fov: int, pen: QPen) -> None:
        place = self.rectangle_of(fov)
        grow = max(1.5, (MIN_MARK_PX - place.width()) / 2)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(place.adjusted(-grow, -grow, grow, grow), 2, 2)

    # ------------------------------------------------------------ mouse and keys

    def event(self, event: QEvent) -> bool:
        """Show what is under the mouse."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            fov = self.fov_at(QPointF(event.pos()))
            if fov >= 0:
                QToolTip.showText(event.globalPos(), self._describe(fov), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a click or a drag."""
        self._pressed_at = event.position().toPoint()
        self._dragging = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Drag the map while a button is down."""
        here = event.position().toPoint()
        if self._pressed_at is not None and self._camera is not None:
            moved = here - self._pressed_at
            if self._dragging or moved.manhattanLength() > 5:
                self._dragging = True
                self._camera.drag(moved.x(), moved.y())
                self._pressed_at = here
                self._moved()
        over = self.fov_at(event.position()) >= 0
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the fov that was clicked."""
        clicked = self._pressed_at is not None and not self._dragging
        self._pressed_at, self._dragging = None, False
        fov = self.fov_at(event.position())
        if clicked and fov >= 0:
            self.cursor_fov = fov
            self.fov_chosen.emit(fov)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom about the mouse."""
        notches = event.angleDelta().y() / 120
        self.zoom_by(ZOOM_STEP**notches, event.position())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows move, Enter chooses, plus and minus zoom, Home shows all."""
        key = event.key()
        if key in ARROWS:
            self._step(*ARROWS[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.cursor_fov >= 0:
            self.fov_chosen.emit(self.cursor_fov)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(ZOOM_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(1 / ZOOM_STEP)
        elif key == Qt.Key.Key_Home:
            self.fit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, _event: object) -> None:  # noqa: N802
        """Lay out anew."""
        self._fit_to_size()

    def _step(self, dx: int, dy: int) -> None:
        """Move the keyboard's place to the nearest fov in a direction."""
        if self._camera is not None:
            self.cursor_fov = neighbour(self._camera.layout, max(self.cursor_fov, 0), dx, dy)
            self._camera.bring_into_view(self.cursor_fov)
            self._moved()


def neighbour(layout: FovLayout, fov: int, dx: int, dy: int) -> int:
    """Return the nearest fov to the left, right, above or below; itself if there is none."""
    middles = layout.rectangles[:, :2] + layout.rectangles[:, 2:] / 2
    away = middles - middles[fov]
    ahead = away[:, 0] * dx + away[:, 1] * dy
    aside = np.abs(away[:, 0] * dy) + np.abs(away[:, 1] * dx)
    cost = np.where(ahead > 1e-9, ahead + 3 * aside, np.inf)
    best = int(np.argmin(cost))
    return best if np.isfinite(cost[best]) else fov


@lru_cache(maxsize=4)
def _table(window: int, text: int, accent: str, complete: str) -> npt.NDArray[np.uint32]:
    """Return the colours of all levels, then those of an empty well and of the background."""
    paper, ink = QColor(window), QColor(text)
    waiting = _mixed(paper, ink, 0.22)
    steps = np.linspace(0.3, 1.0, COMPLETE - 1)
    colors = [waiting, *(_mixed(waiting, theme.color(accent), step) for step in steps)]
    colors += [theme.color(complete), _mixed(paper, ink, 0.07), paper]
    return np.array([color.rgb() for color in colors], dtype=np.uint32)


def _mixed(one: QColor, other: QColor, share: float) -> QColor:
    """Return a colour between two."""
    parts = ((one.red(), other.red()), (one.green(), other.green()), (one.blue(), other.blue()))
    return QColor(*(round(a + (b - a) * share) for a, b in parts))
