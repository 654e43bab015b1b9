"""Which part of a map is seen, and how large: from a layout's units to a widget's pixels."""

import math

from PySide6.QtCore import QPointF, QRectF

from planecast_viewer.plate_layout import FovLayout

LEFT_PX, TOP_PX = 24, 18
"""Room for the names of rows and columns."""
MARGIN_PX = 4
MAX_ZOOM = 40.0
MIN_WELL_PX = 3


class PlateCamera:
    """Looks at a layout from a widget of some size. Points are in the widget's pixels."""

    def __init__(self, layout: FovLayout) -> None:
        self.layout = layout
        self._width, self._height, self._ratio = 1, 1, 1.0
        self._zoom = 1.0
        self._center = QPointF(0.5, 0.5)
        """Of the view, as a share of the layout."""

    def set_size(self, width: int, height: int, ratio: float) -> None:
        """Take the widget's size, and its physical pixels per pixel."""
        self._width, self._height, self._ratio = width, height, ratio

    @property
    def room(self) -> QRectF:
        """Return the part of the widget that fovs are drawn in."""
        named = self.layout.kind == "plate"
        left, top = (LEFT_PX, TOP_PX) if named else (MARGIN_PX, MARGIN_PX)
        width, height = self._width - left - MARGIN_PX, self._height - top - MARGIN_PX
        return QRectF(left, top, max(1, width), max(1, height))

    def transform(self) -> tuple[float, float, float]:
        """Return pixels per unit, and the pixels of the layout's corner."""
        room, ratio = self.room, self._ratio
        fitting = min(room.width() / self.layout.width, room.height() / self.layout.height)
        scale = fitting * self._zoom
        if self.layout.kind == "plate" and scale * ratio >= MIN_WELL_PX:
            # Wells of whole pixels: else some look larger than others.
            scale = math.floor(scale * ratio) / ratio
        left = room.center().x() - self._center.x() * self.layout.width * scale
        top = room.center().y() - self._center.y() * self.layout.height * scale
        return scale, round(left * ratio) / ratio, round(top * ratio) / ratio

    def rectangle_of(self, fov: int) -> QRectF:
        """Return where a fov is drawn."""
        x, y, width, height = self.layout.rectangles[fov]
        scale, left, top = self.transform()
        return QRectF(left + x * scale, top + y * scale, width * scale, height * scale)

    # ------------------------------------------------------------ moving

    def fit(self) -> None:
        """Show all."""
        self._zoom, self._center = 1.0, QPointF(0.5, 0.5)

    def zoom_by(self, factor: float, at: QPointF) -> None:
        """Zoom, with a point kept where it is."""
        before = self._share_at(at)
        self._zoom = min(max(self._zoom * factor, 1.0), MAX_ZOOM)
        self._move(before - self._share_at(at))

    def drag(self, dx: float, dy: float) -> None:
        """Move the map by so many pixels."""
        scale, _left, _top = self.transform()
        self._move(QPointF(-dx / scale / self.layout.width, -dy / scale / self.layout.height))

    def bring_into_view(self, fov: int) -> None:
        """Move to a fov that is out of sight."""
        middle = self.rectangle_of(fov).center()
        if not self.room.contains(middle):
            self._move(self._share_at(middle) - self._share_at(self.room.center()))

    def _share_at(self, point: QPointF) -> QPointF:
        """Return where a point is, as a share of the layout."""
        scale, left, top = self.transform()
        x, y = (point.x() - left) / scale, (point.y() - top) / scale
        return QPointF(x / self.layout.width, y / self.layout.height)

    def _move(self, by: QPointF) -> None:
        """Move the view, but not off the layout."""
        room = self.room
        scale, _left, _top = self.transform()
        half_x = min(0.5, room.width() / scale / self.layout.width / 2)
        half_y = min(0.5, room.height() / scale / self.layout.height / 2)
        center = self._center + by
        self._center = QPointF(
            min(max(center.x(), half_x), 1 - half_x), min(max(center.y(), half_y), 1 - half_y)
        )
