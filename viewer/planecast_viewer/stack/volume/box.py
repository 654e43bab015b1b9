"""The box around a volume, with the length of its sides: drawn over the picture by Qt."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from planecast_viewer.stack.volume.camera import Camera, Vector

FRONT, BACK = QColor(255, 255, 255, 150), QColor(255, 255, 255, 60)
TEXT = QColor(255, 255, 255, 230)
SHADOW = QColor(0, 0, 0, 140)
AWAY_PX = 18.0

Corner = tuple[int, int, int]
"""0 or 1 along x, y and z."""


def paint_box(
    painter: QPainter,
    camera: Camera,
    extent: Vector,
    size: tuple[float, float],
    texts: tuple[str, str, str],
) -> None:
    """Draw the edges, and a text at the outermost edge along x, y and z."""
    width, height = size

    def place(corner: Corner) -> QPointF:
        point = tuple(side * at for side, at in zip(extent, corner, strict=True))
        return QPointF(*camera.on_screen((point[0], point[1], point[2]), extent, width, height))

    hidden = _hidden_corner(camera)
    for start, end in edges():
        painter.setPen(QPen(BACK if hidden in (start, end) else FRONT, 1))
        painter.drawLine(QLineF(place(start), place(end)))
    room = QRectF(0, 0, width, height)
    for axis, text in enumerate(texts):
        at, middle = _outermost(axis, place)
        if room.contains(at):
            _paint_text(painter, text, at, middle, room)


def edges() -> list[tuple[Corner, Corner]]:
    """Return the twelve edges."""
    corners: list[Corner] = [(x, y, z) for x, y, z in itertools.product((0, 1), repeat=3)]
    return [
        (one, other)
        for one, other in itertools.combinations(corners, 2)
        if sum(a != b for a, b in zip(one, other, strict=True)) == 1
    ]


def _hidden_corner(camera: Camera) -> Corner:
    """Return the corner that is farthest away: its edges lie behind the volume."""
    x, y, z = (0 if part > 0 else 1 for part in camera.axes().toward)
    return x, y, z


def _outermost(axis: int, place: Callable[[Corner], QPointF]) -> tuple[QPointF, QPointF]:
    """Return the middle of the edge along an axis that lies farthest out, and the box's middle."""
    middle = (place((0, 0, 0)) + place((1, 1, 1))) / 2
    along = [(a, b) for a, b in edges() if a[axis] != b[axis]]
    middles = [(place(start) + place(end)) / 2 for start, end in along]

    def rank(point: QPointF) -> float:
        away = point - middle
        # Of two that are as far, the lower one: it lies before the volume.
        return math.hypot(away.x(), away.y()) + 0.01 * away.y()

    return max(middles, key=rank), middle


def _paint_text(painter: QPainter, text: str, at: QPointF, middle: QPointF, room: QRectF) -> None:
    away = at - middle
    length = math.hypot(away.x(), away.y())
    if length < 1:
        return
    metrics = painter.fontMetrics()
    box = QRectF(0, 0, metrics.horizontalAdvance(text) + 10, metrics.height() + 2)
    reach = AWAY_PX + abs(away.x() / length) * box.width() / 2
    box.moveCenter(at + away / length * reach)
    box.moveRight(min(box.right(), room.right() - 4))
    box.moveBottom(min(box.bottom(), room.bottom() - 4))
    box.moveTopLeft(QPointF(max(box.left(), 4.0), max(box.top(), 4.0)))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(SHADOW)
    painter.drawRoundedRect(box, 4, 4)
    painter.setPen(TEXT)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
