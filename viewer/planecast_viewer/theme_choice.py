"""Light or dark: as the system has it, as it changes, or as a person wishes."""

from typing import Literal, get_args

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from planecast_viewer import theme
from planecast_viewer.memory import Memory

Choice = Literal["system", "light", "dark"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
TEXTS = {"system": "Like the &system", "light": "&Light", "dark": "&Dark"}
SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}


class ThemeChoice(QObject):
    """Gives the application its colours, and the menu its entries. GUI thread only."""

    def __init__(self, memory: Memory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._memory = memory
        self._applying = False
        self.choice: Choice = next((one for one in CHOICES if one == memory.theme), "system")
        self._group = QActionGroup(self)
        for choice in CHOICES:
            action = QAction(TEXTS[choice], self._group)
            action.setCheckable(True)
            action.setChecked(choice == self.choice)
            action.triggered.connect(lambda _on, c=choice: self.choose(c))
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_changed)
        if self.choice != "system":
            self._apply()

    def actions(self) -> list[QAction]:
        """Return an entry for each choice."""
        return self._group.actions()

    def choose(self, choice: Choice) -> None:
        """Take these colours, and remember that."""
        self.choice = self._memory.theme = choice
        self._group.actions()[CHOICES.index(choice)].setChecked(True)
        self._apply()

    def _on_system_changed(self) -> None:
        if not self._applying:
            self._apply()

    def _apply(self) -> None:
        hints = QGuiApplication.styleHints()
        self._applying = True
        try:
            hints.setColorScheme(SCHEMES[self.choice])
            QApplication.setPalette(QPalette())
            scheme = SCHEMES[self.choice]
            if scheme == Qt.ColorScheme.Unknown:
                scheme = hints.colorScheme()
            if scheme != Qt.ColorScheme.Unknown:
                dark = scheme == Qt.ColorScheme.Dark
                # A plain X server knows no schemes.
                if theme.is_dark() != dark:
                    QApplication.setPalette(theme.palette(dark=dark))
        finally:
            self._applying = False
