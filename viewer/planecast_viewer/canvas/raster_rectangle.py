"""The rectangle of a region of interest on the raster canvas."""

from __future__ import annotations

import cmap
from ndv._types import CursorType, MouseMoveEvent, MousePressEvent, MouseReleaseEvent
from ndv.views.bases import RectangularROIHandle
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from planecast_viewer.canvas.raster_widget import RasterWidget

HANDLE_PX = 10.0

Point = tuple[float, float]


class RasterRectangle(RectangularROIHandle):
    """Drawn by the widget, moved by its middle and resized by its corners. GUI thread only."""

    def __init__(self, widget: RasterWidget) -> None:
        self._widget = widget
        self._corners: tuple[Point, Point] = ((0.0, 0.0), (0.0, 0.0))
        self._is_visible = False
        self._is_selected = False
        self._fill = QColor(0, 0, 0, 0)
        self._border = QColor("yellow")
        self._handle_color = QColor("white")
        self._fixed_corner: Point | None = None
        self._grabbed_at: Point | None = None
        widget.marks.append(self)

    def visible(self) -> bool:
        """Return whether the rectangle is drawn."""
        return self._is_visible

    def set_visible(self, visible: bool) -> None:
        """Show or hide the rectangle."""
        self._is_visible = visible
        self._widget.update()

    def can_select(self) -> bool:
        """Return True: it can be moved and resized."""
        return True

    def selected(self) -> bool:
        """Return whether the corners can be seen and dragged."""
        return self._is_selected

    def set_selected(self, selected: bool) -> None:
        """Show or hide the corners."""
        self._is_selected = selected
        self._widget.update()

    def set_bounding_box(self, minimum: Point, maximum: Point) -> None:
        """Set two opposite corners, in world units."""
        (x1, x2), (y1, y2) = sorted((minimum[0], maximum[0])), sorted((minimum[1], maximum[1]))
        self._corners = ((x1, y1), (x2, y2))
        self._widget.update()

    def set_fill(self, color: cmap.Color) -> None:
        """Set the colour of the area."""
        self._fill = _qcolor(color)
        self._widget.update()

    def set_border(self, color: cmap.Color) -> None:
        """Set the colour of the line."""
        self._border = _qcolor(color)
        self._widget.update()

    def set_handles(self, color: cmap.Color) -> None:
        """Set the colour of the corners."""
        self._handle_color = _qcolor(color)
        self._widget.update()

    def remove(self) -> None:
        """Take the rectangle off the canvas. May be called twice."""
        if self in self._widget.marks:
            self._widget.marks.remove(self)
            self._widget.update()

    def contains(self, x: float, y: float) -> bool:
        """Return whether the canvas point (x, y) is on the rectangle or on a corner of it."""
        if not self._is_visible:
            return False
        return self._on_screen().contains(x, y) or self._corner_at(x, y) is not None

    def get_cursor(self, event: MouseMoveEvent) -> CursorType | None:
        """Return arrows that tell what dragging would do."""
        corner = self._corner_at(event.x, event.y)
        if corner is None:
            return CursorType.ALL_ARROW
        return CursorType.FDIAG_ARROW if corner % 2 == 0 else CursorType.BDIAG_ARROW

    def begin_at(self, world: Point) -> None:
        """Show the rectangle at a world point, one corner held by the mouse."""
        # One pixel large, so that a click without a drag can be found again.
        self.boundingBoxChanged.emit((world, (world[0] + 1, world[1] + 1)))
        self._fixed_corner = world
        self.set_visible(True)
        self.set_selected(True)

    def on_mouse_press(self, event: MousePressEvent) -> bool:
        """Begin to drag a corner, or all of it."""
        self.set_selected(True)
        corner = self._corner_at(event.x, event.y)
        self._fixed_corner = None if corner is None else self._world_corners()[(corner + 2) % 4]
        self._grabbed_at = self._widget.view.to_world(event.x, event.y)
        return False

    def on_mouse_move(self, event: MouseMoveEvent) -> bool:
        """Announce where the drag wants the rectangle to be."""
        world = self._widget.view.to_world(event.x, event.y)
        if self._fixed_corner is not None:
            self.boundingBoxChanged.emit((world, self._fixed_corner))
        elif self._grabbed_at is not None:
            dx, dy = world[0] - self._grabbed_at[0], world[1] - self._grabbed_at[1]
            (x1, y1), (x2, y2) = self._corners
            self._grabbed_at = world
            self.boundingBoxChanged.emit(((x1 + dx, y1 + dy), (x2 + dx, y2 + dy)))
        return False

    def on_mouse_release(self, event: MouseReleaseEvent) -> bool:  # noqa: ARG002
        """End dragging."""
        self._fixed_corner = self._grabbed_at = None
        return False

    def paint(self, painter: QPainter) -> None:
        """Paint the rectangle, and its corners while it is selected."""
        if not self._is_visible:
            return
        painter.setPen(QPen(self._border, 1))
        painter.setBrush(self._fill)
        painter.drawRect(self._on_screen())
        if self._is_selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._handle_color)
            for corner in self._world_corners():
                center = QPointF(*self._widget.view.to_canvas(*corner))
                painter.drawEllipse(center, HANDLE_PX / 2, HANDLE_PX / 2)

    def _world_corners(self) -> tuple[Point, Point, Point, Point]:
        (x1, y1), (x2, y2) = self._corners
        return (x1, y1), (x2, y1), (x2, y2), (x1, y2)

    def _on_screen(self) -> QRectF:
        first, last = (QPointF(*self._widget.view.to_canvas(*c)) for c in self._corners)
        return QRectF(first, last)

    def _corner_at(self, x: float, y: float) -> int | None:
        for number, corner in enumerate(self._world_corners()):
            corner_x, corner_y = self._widget.view.to_canvas(*corner)
            if (corner_x - x) ** 2 + (corner_y - y) ** 2 <= (HANDLE_PX / 2) ** 2:
                return number
        return None


def _qcolor(color: cmap.Color) -> QColor:
    return QColor.fromRgbF(*color.rgba)
