"""Shows what is being kept: how far it is, a button to cancel it, and how it ended."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget

from planecast_viewer import theme
from planecast_viewer.keep.job import Job

TOLD_FOR_MS = 8000
BAR_WIDTH_PX = 110
MAX_TEXT_PX = 360


class JobBar(QWidget):
    """One job at a time, for the line at the bottom. Empty without one. GUI thread only."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.job: Job | None = None
        self.text = QLabel(self)
        self.text.setMaximumWidth(MAX_TEXT_PX)
        self.bar = QProgressBar(self)
        self.bar.setFixedWidth(BAR_WIDTH_PX)
        self.bar.setMaximumHeight(self.fontMetrics().height() + 2)
        self.button = QToolButton(self)
        self.button.setText("Cancel")
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.button.clicked.connect(self._on_cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.text, self.bar, self.button):
            layout.addWidget(widget)
        self._timer = QTimer(self, singleShot=True, interval=TOLD_FOR_MS)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def show_job(self, job: Job) -> None:
        """Show how this job goes on; it is not started here."""
        self._timer.stop()
        self.job = job
        self._say(job.title, "")
        self.bar.setRange(0, 0)
        self.bar.show()
        self.button.setEnabled(True)
        self.button.show()
        self.show()
        job.progressed.connect(self._on_progressed)
        job.ended.connect(self._on_ended)

    def say(self, text: str, level: str) -> None:
        """Tell why something is not done at all; `level` is info, warning or error."""
        self._on_ended({"info": "done", "error": "failed"}.get(level, "cancelled"), text)
        self.show()

    def _on_progressed(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setFormat(f"{done:,} of {total:,}")

    def _on_ended(self, outcome: str, text: str) -> None:
        self.job = None
        self.bar.hide()
        self.button.hide()
        colors = {"done": theme.good(), "failed": theme.bad(), "cancelled": theme.warning()}
        self._say(text, colors[outcome])
        self._timer.start()

    def _on_cancel(self) -> None:
        if self.job is not None:
            self.button.setEnabled(False)
            self.job.cancel()

    def _say(self, text: str, color: str) -> None:
        shown = self.text.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideMiddle, MAX_TEXT_PX - 4
        )
        self.text.setText(shown)
        self.text.setToolTip(text)
        self.text.setStyleSheet(f"color: {color}" if color else "")
