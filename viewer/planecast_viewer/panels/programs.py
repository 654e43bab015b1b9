"""How the programs are that work together: restarts, lag, cache, what was left out."""

from html import escape
from typing import ClassVar, Literal

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QTextEdit, QWidget

from planecast_viewer import theme
from planecast_viewer.panels.panel import Panel
from planecast_viewer.program_facts import Section, Tone, describe_programs
from planecast_viewer.session import Session

REFRESH_MS = 500
COLUMNS = (("Agent", "This viewer"), ("Others", "Reader processes"), ("Reader worker",))
"""Which sections stand below one another where there is room beside one another."""
NARROW_PX = 640
"""A narrower panel has one column."""


class ProgramsPanel(Panel):
    """Facts of agent, viewers, reader worker and reader processes, twice a second while open."""

    title: ClassVar[str] = "Programs"
    area: ClassVar[Literal["right", "bottom"]] = "bottom"
    open_at_start: ClassVar[bool] = False

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._html = ""
        self.text = QTextEdit(self)
        self.text.setReadOnly(True)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.viewport().setAutoFillBackground(False)
        self.copy = QPushButton("Copy", self)
        self.copy.setToolTip("All of it as text, for a question or a report")
        self.copy.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.copy.clicked.connect(self._on_copy)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Look again and again."""
        super().showEvent(event)
        self.refresh()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Rest."""
        super().hideEvent(event)
        self._timer.stop()

    def theme_changed(self) -> None:
        """See `Panel`."""
        if self.isVisible():
            self.refresh()

    def refresh(self) -> None:
        """Show how all are now; a text that is being marked stays as it is."""
        html = _html(describe_programs(self.session), narrow=self.width() < NARROW_PX)
        if html == self._html or self.text.textCursor().hasSelection():
            return
        self._html = html
        bar = self.text.verticalScrollBar()
        at = bar.value()
        self.text.setHtml(html)
        bar.setValue(at)

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(as_text(describe_programs(self.session)))


def as_text(sections: tuple[Section, ...]) -> str:
    """Return the facts as plain text."""
    lines = []
    for section in sections:
        lines += [section.title, *(f"  {fact.name}: {fact.text}" for fact in section.facts)]
    return "\n".join(lines)


def _html(sections: tuple[Section, ...], *, narrow: bool) -> str:
    by_title = {section.title: section for section in sections}
    columns = [tuple(by_title)] if narrow else COLUMNS
    cells = []
    for titles in columns:
        tables = [_table(by_title[title]) for title in titles if title in by_title]
        cells.append(f"<td style='padding-right: 24px'>{''.join(tables)}</td>")
    return f"<table><tr>{''.join(cells)}</tr></table>"


def _table(section: Section) -> str:
    pre = "white-space: pre;"
    name = f"padding-right: 10px; {pre} color: {theme.muted()}"
    rows = "".join(
        f"<tr><td style='{name}'>{escape(fact.name)}</td>"
        f"<td style='{pre} {_style(fact.tone)}'>{escape(fact.text)}</td></tr>"
        for fact in section.facts
    )
    return f"<p style='margin: 6px 0 2px 0'><b>{section.title}</b></p><table>{rows}</table>"


def _style(tone: Tone) -> str:
    colors = {
        "good": theme.good, "warning": theme.warning, "bad": theme.bad, "muted": theme.muted,
    }  # fmt: skip
    return f"color: {colors[tone]()}" if tone else ""
