"""What is written over a picture: a message and a scale bar, on any canvas widget."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

BAR_MAX_PX = 140.0
MARGIN_PX = 14.0
BACKGROUND = QColor(0, 0, 0, 150)
MESSAGE_WIDTH_PX = 420.0


def scale_bar(um_per_px: float, max_px: float = BAR_MAX_PX) -> tuple[float, float]:
    """Return the longest bar of 1, 2 or 5 times a power of ten that fits: (µm, pixels)."""
    longest_um = um_per_px * max_px
    power = 10.0 ** math.floor(math.log10(longest_um))
    length_um = max(step * power for step in (1, 2, 5) if step * power <= longest_um * (1 + 1e-9))
    return length_um, length_um / um_per_px


def length_text(length_um: float) -> str:
    """Return a length in the unit that needs the fewest digits."""
    if length_um >= 1000:
        return f"{length_um / 1000:g} mm"
    if length_um < 1:
        return f"{length_um * 1000:g} nm"
    return f"{length_um:g} µm"


def paint_scale_bar(painter: QPainter, um_per_px: float, width: int, height: int) -> None:
    """Paint a scale bar into the bottom right corner of a picture of this size."""
    length_um, length_px = scale_bar(um_per_px, min(BAR_MAX_PX, max(width / 3, 1)))
    text = length_text(length_um)
    metrics = painter.fontMetrics()
    panel = QRectF(
        0, 0, max(length_px, metrics.horizontalAdvance(text)) + 16, metrics.height() + 16
    )
    panel.moveBottomRight(QPointF(width - MARGIN_PX, height - MARGIN_PX))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(BACKGROUND)
    painter.drawRoundedRect(panel, 5, 5)
    bar = QRectF(panel.center().x() - length_px / 2, panel.bottom() - 9, length_px, 3)
    painter.fillRect(bar, Qt.GlobalColor.white)
    painter.setPen(Qt.GlobalColor.white)
    painter.drawText(panel.adjusted(0, 3, 0, -11), Qt.AlignmentFlag.AlignCenter, text)


class CanvasOverlay(QWidget):
    """Lies over a canvas widget, follows its size and lets the mouse through."""

    frame_shown = Signal(object)
    """A new frame is on the screen; emitted by the canvas below."""
    view_changed = Signal()
    """Another part of the picture is seen, or seen at another size; emitted by the canvas below."""

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._text: str | None = None
        self._at_top = False
        self._um_per_px: float | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.resize(canvas.size())
        self.hide()
        canvas.installEventFilter(self)

    @property
    def message(self) -> str | None:
        """The text in the middle, if any."""
        return self._text

    @property
    def um_per_px(self) -> float | None:
        """The size of a logical screen pixel; `None`: there is no scale bar."""
        return self._um_per_px

    def set_message(self, text: str | None, *, at_top: bool = False) -> None:
        """Write `text` in the middle of the picture or at its top; `None` takes it away."""
        if ((text or None), at_top) != (self._text, self._at_top):
            self._text, self._at_top = text or None, at_top
            self._refresh()

    def set_um_per_screen_px(self, um_per_px: float | None) -> None:
        """Draw a scale bar for logical screen pixels of this size; `None` takes it away."""
        if um_per_px is not None and not (math.isfinite(um_per_px) and um_per_px > 0):
            um_per_px = None
        if um_per_px != self._um_per_px:
            self._um_per_px = um_per_px
            self._refresh()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Follow the size of the canvas."""
        if event.type() == QEvent.Type.Resize and isinstance(watched, QWidget):
            self.resize(watched.size())
        return False

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Paint the message and the scale bar."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._um_per_px is not None:
            paint_scale_bar(painter, self._um_per_px, self.width(), self.height())
        if self._text is not None:
            self._paint_message(painter, self._text)
        painter.end()

    def _refresh(self) -> None:
        self.setVisible(self._text is not None or self._um_per_px is not None)
        self.raise_()
        self.update()

    def _paint_message(self, painter: QPainter, text: str) -> None:
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 1.25)
        painter.setFont(font)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        room = QRectF(0, 0, max(min(MESSAGE_WIDTH_PX, self.width() - 60.0), 40.0), self.height())
        panel = painter.boundingRect(room, int(flags), text).adjusted(-18, -12, 18, 12)
        panel.moveCenter(QPointF(self.width() / 2, self.height() / 2))
        if self._at_top:
            panel.moveTop(MARGIN_PX)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(BACKGROUND)
        painter.drawRoundedRect(panel, 8, 8)
        painter.setPen(QColor("#ffd28a"))
        painter.drawText(panel, int(flags), text)
