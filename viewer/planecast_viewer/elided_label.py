"""A line of text that gives way: it never makes its window wider."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel

MIN_WIDTH_PX = 48


class ElidedLabel(QLabel):
    """Plain text on one line, with `…` at its end where there is no room for all of it."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """See Qt."""
        wanted = super().minimumSizeHint()
        return QSize(min(wanted.width(), MIN_WIDTH_PX), wanted.height())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Paint as much of the text as fits."""
        room = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter = QPainter(self)
        self.style().drawItemText(
            painter,
            room,
            int(self.alignment().value),
            self.palette(),
            self.isEnabled(),
            text,
            self.foregroundRole(),
        )
        painter.end()
