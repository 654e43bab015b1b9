"""Lies over the picture: draws the shape that is measured, and lets it be made by the mouse."""

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from planecast_viewer.canvas import CanvasExtras
from planecast_viewer.measure.choice import MeasureChoice, describe
from planecast_viewer.measure.shapes import Line, Point, Rectangle, Shape
from planecast_viewer.session import Session

COLOR = QColor("#ffe14d")
SHADOW = QColor(0, 0, 0, 160)
MIN_DRAG_PX = 3.0
END_RADIUS_PX = 3.5
HOLD = Qt.KeyboardModifier.ShiftModifier


class MeasureLayer(QWidget):
    """On any canvas. Takes the mouse only while a tool is chosen. GUI thread only."""

    def __init__(self, session: Session, canvas: CanvasExtras) -> None:
        widget = canvas.frontend_widget()
        super().__init__(widget)
        self._session, self._canvas = session, canvas
        self._choice: MeasureChoice = session.measuring
        self._from: Point | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.resize(widget.size())
        self.hide()
        widget.installEventFilter(self)
        canvas.frame_shown.connect(self._on_frame_shown)
        self._choice.tool_changed.connect(self._refresh)
        self._choice.shape_changed.connect(self._refresh)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Follow the size of the canvas."""
        if event.type() == QEvent.Type.Resize and isinstance(watched, QWidget):
            self.resize(watched.size())
        return False

    def _on_frame_shown(self, _image: object) -> None:
        self.update()

    def _refresh(self) -> None:
        active = self._choice.tool is not None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, not active)
        if active:
            self.setCursor(Qt.CursorShape.CrossCursor)
        else:
            self.unsetCursor()
        self.setVisible(active or self._choice.shape is not None)
        self.raise_()
        self.update()

    # ------------------------------------------------------------ the mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a shape, or with another button give the tool back."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._from = self._world(event.position())
        else:
            self._choice.set_tool(None)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Draw it out; with Shift a line is straight or diagonal, a rectangle square."""
        if self._from is None:
            return
        end = self._world(event.position())
        moved = (event.position() - self._canvas_point(self._from)).manhattanLength()
        if moved < MIN_DRAG_PX:
            return
        if event.modifiers() & HOLD:
            end = held(self._from, end, self._choice.tool or "line")
        kind = Line if self._choice.tool == "line" else Rectangle
        self._choice.set_shape(kind(self._from, end))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002, N802
        """End it; the tool stays for the next."""
        self._from = None

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Leave keys to the window."""
        event.ignore()

    def _world(self, point: QPointF) -> Point:
        x, y, *_z = self._canvas.canvas_to_world((point.x(), point.y()))
        return float(x), float(y)

    def _canvas_point(self, point: Point) -> QPointF:
        return QPointF(*self._canvas.world_to_canvas(point))

    # ------------------------------------------------------------ drawing

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Paint the shape, its size beside it."""
        shape = self._choice.shape
        if shape is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        start, end = self._canvas_point(shape.start), self._canvas_point(shape.end)
        for color, width in ((SHADOW, 3.5), (COLOR, 1.5)):
            painter.setPen(QPen(color, width))
            if isinstance(shape, Line):
                painter.drawLine(start, end)
                painter.drawEllipse(start, END_RADIUS_PX, END_RADIUS_PX)
                painter.drawEllipse(end, END_RADIUS_PX, END_RADIUS_PX)
            else:
                painter.drawRect(QRectF(start, end).normalized())
        self._paint_size(painter, shape, start, end)
        painter.end()

    def _paint_size(self, painter: QPainter, shape: Shape, start: QPointF, end: QPointF) -> None:
        facts = self._session.facts
        text = describe(shape, None if facts is None else facts.pixel_size_um)
        metrics = painter.fontMetrics()
        box = QRectF(0, 0, metrics.horizontalAdvance(text) + 12, metrics.height() + 6)
        corner = QPointF(end.x() + 10, end.y() + 6)
        if not isinstance(shape, Line):
            corner = QPointF(min(start.x(), end.x()), max(start.y(), end.y()) + 8)
        box.moveTopLeft(corner)
        box.moveRight(min(box.right(), self.width() - 4.0))
        box.moveBottom(min(box.bottom(), self.height() - 4.0))
        box.moveLeft(max(box.left(), 4.0))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(SHADOW)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(COLOR)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def held(start: Point, end: Point, tool: str) -> Point:
    """Return the end nearest to `end` of a straight or diagonal line, or of a square."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    side = max(abs(dx), abs(dy))
    straight = tool == "line" and min(abs(dx), abs(dy)) < side * 0.414
    if straight:
        return (end[0], start[1]) if abs(dx) >= abs(dy) else (start[0], end[1])
    return start[0] + (side if dx >= 0 else -side), start[1] + (side if dy >= 0 else -side)
