"""What a person can do while there is nothing to show: open a file, or one of before again."""

from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from planecast_viewer import theme
from planecast_viewer.memory import Memory
from planecast_viewer.opening import OpenDialogs
from planecast_viewer.wishes import Wishes

MAX_RECENT = 5


class Welcome(QWidget):
    """The ways to something to see, and the files that were shown last."""

    def __init__(self, memory: Memory, dialogs: OpenDialogs, wishes: Wishes) -> None:
        super().__init__()
        self._memory, self._wishes = memory, wishes
        self.file, self.folder = QPushButton("Open file…", self), QPushButton("Open folder…", self)
        self.file.clicked.connect(dialogs.ask_file)
        self.folder.clicked.connect(dialogs.ask_folder)
        self.agent = QPushButton("Find an agent…", self)
        self.agent.clicked.connect(wishes.other_agent_wanted)
        buttons = QHBoxLayout()
        buttons.addWidget(self.file)
        buttons.addWidget(self.folder)
        buttons.addWidget(self.agent)
        self.drop = QLabel("or drop a file onto this window", self)
        self.before = QLabel("Shown before", self)
        self.recent: list[QToolButton] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.drop, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(10)
        layout.addWidget(self.before, 0, Qt.AlignmentFlag.AlignHCenter)
        for _number in range(MAX_RECENT):
            button = QToolButton(self)
            button.setAutoRaise(True)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.clicked.connect(self._on_clicked)
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
            self.recent.append(button)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """List the files of now."""
        super().showEvent(event)
        self._refresh()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Take the colours of another theme."""
        super().changeEvent(event)
        if theme.is_change(event):
            self._refresh()

    def _refresh(self) -> None:
        paths = self._memory.recent_files
        self.before.setVisible(bool(paths))
        for label in (self.drop, self.before):
            label.setStyleSheet(f"color: {theme.muted()}")
        for number, button in enumerate(self.recent):
            button.setVisible(number < len(paths))
            if number < len(paths):
                button.setText(Path(paths[number]).name)
                button.setToolTip(paths[number])
                button.setStyleSheet(f"color: {theme.link()}")

    def _on_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, QToolButton):
            self._wishes.file_wanted.emit(button.toolTip())
