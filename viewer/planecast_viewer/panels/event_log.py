"""What happened, with its time."""

import time
from collections import deque
from typing import ClassVar, Literal

from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from planecast_viewer import theme
from planecast_viewer.panels.panel import Panel
from planecast_viewer.session import Session

MAX_LINES = 2000


class EventLogPanel(Panel):
    """Starts, ends, losses and failures, the newest last. Old lines are dropped."""

    title: ClassVar[str] = "Events"
    area: ClassVar[Literal["right", "bottom"]] = "bottom"
    open_at_start: ClassVar[bool] = False

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._lines: deque[tuple[str, str]] = deque(maxlen=MAX_LINES)
        """(level, line), to be written again in the colours of another theme."""
        self.text = QPlainTextEdit(self)
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(MAX_LINES)
        self.text.setPlaceholderText("nothing has happened yet")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        session.logged.connect(self._on_logged)

    def theme_changed(self) -> None:
        """See `Panel`."""
        self.text.clear()
        for level, line in self._lines:
            self._append(level, line)

    def _on_logged(self, level: str, text: str) -> None:
        line = f"{time.strftime('%H:%M:%S')}  {text}"
        self._lines.append((level, line))
        self._append(level, line)

    def _append(self, level: str, line: str) -> None:
        form = QTextCharFormat()
        colors = {"warning": theme.warning, "error": theme.bad}
        if level in colors:
            form.setForeground(theme.color(colors[level]()))
        self.text.moveCursor(QTextCursor.MoveOperation.End)
        cursor = self.text.textCursor()
        if not self.text.document().isEmpty():
            cursor.insertBlock()
        cursor.insertText(line, form)
        self.text.ensureCursorVisible()
