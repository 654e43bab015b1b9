"""Orthogonal views: XY, XZ and YZ, cut where the cross is, which can be dragged."""

from __future__ import annotations

import math

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from planecast_viewer.canvas.compositing import Packed
from planecast_viewer.canvas.overlay import paint_scale_bar
from planecast_viewer.newest_wins import NewestWins
from planecast_viewer.stack.orthogonal.cut import OrthogonalWish, Pixels, draw
from planecast_viewer.stack.orthogonal.panes import AXES_OF, Pane, Panes, Point, fitted
from planecast_viewer.stack.planes import Stack
from planecast_viewer.stack.view import StackSource, StackView
from planecast_viewer.stack.voxel import Voxel, voxel_of

CROSS = QColor(255, 225, 77, 190)
SHADOW = QColor(0, 0, 0, 150)
MISSING = QColor("#ffb84d")
MISSING_PX = 4
ZOOM_PER_NOTCH = 1.25
WHEEL_NOTCH = 120.0
PANES: tuple[Pane, ...] = ("xy", "xz", "yz")
CUT_AXIS: dict[Pane, str] = {"xy": "z", "xz": "y", "yz": "x"}


class OrthogonalView(StackView):
    """Drag with the left button: the cross; with another: the views. Wheel: zoom."""

    hovered = Signal(object)
    """(x, y) of the picture's pixel under the mouse, or `None`."""
    drawn = Signal()
    """What was wanted last is on the screen."""
    _done = Signal(object)

    def __init__(self, source: StackSource, parent: QWidget | None = None) -> None:
        super().__init__(source, parent)
        self.panes: Panes = fitted(self.width(), self.height(), Point(1, 1, 1))
        self._fitted = True
        self._voxel = Voxel(1.0, 1.0, is_um=False)
        self._stack: Stack | None = None
        self._image: QImage | None = None
        self._dragging: Pane | None = None
        self._panning: tuple[Pane, QPointF] | None = None
        self._thread = NewestWins("orthogonal views", self._done.emit)
        self._done.connect(self._on_done)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)

    # ------------------------------------------------------------ what is drawn

    def submit(self) -> None:
        """See `StackView`: an empty stack whose planes come soon leaves the picture before it."""
        session, feed = self.source.session, self.source.feed
        stack, facts = feed.stack(), session.facts
        if stack is None or facts is None or (stack.is_empty and feed.state().n_coming):
            return
        self._stack, self._voxel = stack, voxel_of(facts)
        self._lay_out()
        wish = OrthogonalWish(
            stack=stack,
            luts=self.source.luts(session.visible_channels()),
            voxel=self._voxel,
            cross=self.cross(),
            panes=self.panes,
            device_pixel_ratio=self.devicePixelRatioF(),
            background=self.palette().color(QPalette.ColorRole.Window).rgb() & 0xFFFFFF,
            sharp=self._sharp(stack),
        )
        self._thread.submit(lambda: (wish, draw(wish)))
        self.update()

    def cross(self) -> tuple[int, int, int]:
        """Return where the stack is cut: pixels and plane, (x, y, z)."""
        height, width = self.size_yx(self._stack)
        x, y = self.source.session.stack.cross
        return (
            min(max(int(x), 0), width - 1),
            min(max(int(y), 0), height - 1),
            self.source.session.shown.z,
        )

    def _cross_point(self) -> Point:
        """Return the middle of the voxel at the cross, in the stack's units."""
        x, y, z = self.cross()
        xy = self._voxel.xy
        return Point((x + 0.5) * xy, (y + 0.5) * xy, (z + 0.5) * self._voxel.z)

    def _sharp(self, stack: Stack) -> dict[int, Pixels]:
        """Return the planes of the picture, if they are those at the cross."""
        frame, session = self.source.frame(), self.source.session
        shown = session.shown
        if (
            frame is None
            or session.projection.on
            or frame.position != shown
            or stack.place[1:] != (shown.t, shown.fov)
        ):
            return {}
        return {
            channel: plane.pixels
            for channel, plane in enumerate(frame.planes)
            if plane is not None and channel in stack.planes
        }

    def _lay_out(self) -> None:
        height, width = self.size_yx(self._stack)
        num_z = self.source.session.extents.z if self._stack is None else self._stack.num_z
        xy, z = self._voxel.xy, self._voxel.z
        extent = Point(width * xy, height * xy, num_z * z)
        if self._fitted or extent != self.panes.extent:
            self._fitted = True
            self.panes = fitted(self.width(), self.height(), extent)
        elif (self.panes.width, self.panes.height) != (self.width(), self.height()):
            self.panes = self.panes.resized(self.width(), self.height())

    def _on_done(self, result: tuple[OrthogonalWish, Packed]) -> None:
        if self._closed:
            return
        wish, pixels = result
        height, width = pixels.shape
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()
        image.setDevicePixelRatio(wish.device_pixel_ratio)
        self._image = image
        self.update()
        self.drawn.emit()

    # ------------------------------------------------------------ as people want it

    def fit(self) -> None:
        """See `StackView`."""
        self._fitted = True
        self.refresh()

    def one_to_one(self) -> None:
        """See `StackView`."""
        ratio = self._voxel.xy / self.devicePixelRatioF()
        self.zoom_by(self.panes.scale / ratio)

    def zoom_by(self, factor: float) -> None:
        """See `StackView`: the cross stays where it is."""
        self._zoom(factor, self._cross_point()._asdict())

    def nudge(self, right: int, down: int) -> None:
        """See `StackView`: the cross, by pixels."""
        x, y, _z = self.cross()
        height, width = self.size_yx(self._stack)
        self.source.session.stack.move_cross(
            min(max(x + right, 0), width - 1), min(max(y + down, 0), height - 1)
        )

    def note(self) -> str:
        """See `StackView`."""
        return ""

    def stop(self) -> None:
        """See `StackView`."""
        self._thread.stop()
        self._stack = self._image = None

    def _zoom(self, factor: float, kept: dict[str, float]) -> None:
        self._fitted = False
        self.panes = self.panes.zoomed(factor, kept)
        self.refresh()

    def _move_cross(self, pane: Pane, at: QPointF) -> None:
        found = self.panes.to_stack(pane, at.x(), at.y())
        session, (x, y, z) = self.source.session, self.cross()
        height, width = self.size_yx(self._stack)
        xy = self._voxel.xy
        session.stack.move_cross(
            _place(found.get("x"), xy, width, x), _place(found.get("y"), xy, height, y)
        )
        z = _place(found.get("z"), self._voxel.z, session.extents.z, z)
        if z != session.shown.z:
            session.show(session.shown._replace(z=z))

    # ------------------------------------------------------------ the mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Move the cross, or begin to move the views."""
        pane = self.panes.pane_at(event.position().x(), event.position().y())
        if pane is None:
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self._dragging = pane
            self._move_cross(pane, event.position())
        else:
            self._panning = (pane, event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Drag what was taken; tell what is under the mouse."""
        at = event.position()
        if self._dragging is not None:
            self._move_cross(self._dragging, at)
        elif self._panning is not None:
            pane, before = self._panning
            self._panning = (pane, at)
            self._fitted = False
            self.panes = self.panes.panned(pane, at.x() - before.x(), at.y() - before.y())
            self.refresh()
        self._tell_hover(at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002, N802
        """Let go."""
        self._dragging = self._panning = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Show the whole stack."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom about the mouse."""
        at = event.position()
        pane = self.panes.pane_at(at.x(), at.y())
        if pane is not None:
            notches = event.angleDelta().y() / WHEEL_NOTCH
            self._zoom(ZOOM_PER_NOTCH**notches, self.panes.to_stack(pane, at.x(), at.y()))
        event.accept()

    def leaveEvent(self, event: object) -> None:  # noqa: ARG002, N802
        """Tell that there is nothing under the mouse."""
        self.hovered.emit(None)

    def _tell_hover(self, at: QPointF) -> None:
        if self.panes.pane_at(at.x(), at.y()) != "xy":
            self.hovered.emit(None)
            return
        found = self.panes.to_stack("xy", at.x(), at.y())
        self.hovered.emit((found["x"] / self._voxel.xy, found["y"] / self._voxel.xy))

    # ------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Paint the views, the cross over them, and what each is."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Window))
        for pane in PANES:
            painter.fillRect(self._rectangle(pane), Qt.GlobalColor.black)
        if self._image is not None:
            painter.drawImage(0, 0, self._image)
        for pane in PANES:
            painter.save()
            painter.setClipRect(self._rectangle(pane))
            self._paint_missing(painter, pane)
            self._paint_cross(painter, pane)
            self._paint_name(painter, pane)
            painter.restore()
        if self._voxel.is_um:
            place = self.panes.rectangle("xy")
            paint_scale_bar(painter, self.panes.scale, place.width, place.height)
        painter.end()

    def _rectangle(self, pane: Pane) -> QRectF:
        return QRectF(*self.panes.rectangle(pane))

    def _paint_cross(self, painter: QPainter, pane: Pane) -> None:
        across, down = self.panes.to_widget(pane, self._cross_point())
        place = self._rectangle(pane)
        painter.setPen(QPen(CROSS, 1))
        painter.drawLine(QLineF(across, place.top(), across, place.bottom()))
        painter.drawLine(QLineF(place.left(), down, place.right(), down))

    def _paint_name(self, painter: QPainter, pane: Pane) -> None:
        axis = CUT_AXIS[pane]
        value = dict(zip("xyz", self.cross(), strict=True))[axis]
        text = f"{pane.upper()}   {axis} {value}"
        place = self._rectangle(pane)
        metrics = painter.fontMetrics()
        box = QRectF(
            place.left() + 6,
            place.top() + 6,
            metrics.horizontalAdvance(text) + 12,
            metrics.height() + 4,
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(SHADOW)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(Qt.GlobalColor.white)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_missing(self, painter: QPainter, pane: Pane) -> None:
        """Mark the planes that are left out, at the edge along z."""
        if "z" not in AXES_OF[pane] or self._stack is None:
            return
        place = self._rectangle(pane)
        for z in {one.z for one in self.source.feed.state().missing}:
            start = self.panes.to_widget(pane, Point(0, 0, z * self._voxel.z))
            end = self.panes.to_widget(pane, Point(0, 0, (z + 1) * self._voxel.z))
            if pane == "xz":
                mark = QRectF(place.left(), start[1], MISSING_PX, max(end[1] - start[1], 1))
            else:
                mark = QRectF(start[0], place.top(), max(end[0] - start[0], 1), MISSING_PX)
            painter.fillRect(mark, MISSING)


def _place(at: float | None, side: float, length: int, before: int) -> int:
    """Return which of `length` voxels a point lies in; `None`: the one of before."""
    return before if at is None else min(max(math.floor(at / side), 0), length - 1)
