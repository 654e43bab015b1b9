"""The button that plays along an axis."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget
from superqt.iconify import QIconifyIcon

from planecast_viewer import theme
from planecast_viewer.playback import RATES_FPS, AtEnd, Player

AT_END: tuple[tuple[AtEnd, str], ...] = (
    ("again", "Begin again at the end"),
    ("back", "Go back and forth"),
    ("stop", "Stop at the end"),
)


class PlayButton(QToolButton):
    """Plays and pauses; its menu has the rate and what comes at the end."""

    def __init__(
        self, axis: str, title: str, player: Player, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._axis, self._player = axis, player
        self._make_icons()
        self.setAutoRaise(True)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setToolTip(f"Play along {title}; the arrow: how fast, and what comes at the end")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.setMenu(self._menu)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self.showMenu)
        self.clicked.connect(lambda: player.toggle(axis))
        player.changed.connect(self._refresh)
        self._refresh()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Take the colours of another theme."""
        super().changeEvent(event)
        if theme.is_change(event):
            self._make_icons()
            self._refresh()

    def _make_icons(self) -> None:
        self._play = QIconifyIcon("bi:play-fill", color=theme.muted())
        self._pause = QIconifyIcon("bi:pause-fill", color=theme.accent())

    def _refresh(self) -> None:
        playing = self._player.axis == self._axis
        self.setChecked(playing)
        self.setIcon(self._pause if playing else self._play)

    def _fill_menu(self) -> None:
        self._menu.clear()
        fill_play_menu(self._menu, self._player)


def fill_play_menu(menu: QMenu, player: Player) -> None:
    """Add rates, and what comes at the end."""
    rates = QActionGroup(menu)
    for rate in RATES_FPS:
        action = rates.addAction(f"{rate:g} per second")
        action.setCheckable(True)
        action.setChecked(rate == player.rate_fps)
        action.triggered.connect(lambda _on, r=rate: player.set_rate(r))
    menu.addActions(rates.actions())
    menu.addSeparator()
    ends = QActionGroup(menu)
    for end, text in AT_END:
        action = ends.addAction(text)
        action.setCheckable(True)
        action.setChecked(end == player.at_end)
        action.triggered.connect(lambda _on, e=end: player.set_at_end(e))
    menu.addActions(ends.actions())
