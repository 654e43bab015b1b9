"""The buttons above the picture."""

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QPushButton, QSizePolicy, QToolBar, QToolButton, QWidget

from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_viewer import theme
from planecast_viewer.session import Session

MAX_LISTED = 30
BADGE_STYLE = (
    "QPushButton {{ background: {background}; color: white; border: none; border-radius: 9px;"
    " margin-left: 8px; padding: 4px 12px; font-weight: 600; }}"
)


class MainToolBar(QToolBar):
    """Follow, the way back to the newest, the acquisitions, and how the picture is shown."""

    acquisition_chosen = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Tools", parent)
        self._session = session
        self._newer: AcquisitionSummary | None = None
        self.setObjectName("tools")
        self.setMovable(False)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.follow = self._action("Follow newest", "F", "Show each new plane as it comes (F)")
        self.follow.setCheckable(True)
        self.follow.setChecked(session.following)
        self.follow.toggled.connect(session.set_following)
        self.badge = QPushButton(self)
        self.badge.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.badge.setStyleSheet(BADGE_STYLE.format(background=theme.accent()))
        self.badge.clicked.connect(self._on_badge)
        self._badge_action = self.addWidget(self.badge)
        self._badge_action.setVisible(False)
        spring = QWidget(self)
        spring.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        # The bar must not grow, and the picture jump, when the badge comes.
        spring.setMinimumHeight(self.badge.sizeHint().height())
        self.addWidget(spring)
        self.acquisitions = QToolButton(self)
        self.acquisitions.setText("Acquisitions")
        self.acquisitions.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.acquisitions.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._menu = QMenu(self.acquisitions)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.acquisitions.setMenu(self._menu)
        self._acquisitions_action = self.addWidget(self.acquisitions)
        self._acquisitions_action.setVisible(session.agent_address is not None)
        self._badge_timer = QTimer(self, singleShot=True, interval=200)
        self._badge_timer.timeout.connect(self._refresh_badge)
        session.follow_changed.connect(self._on_follow_changed)
        session.planes_registered.connect(self._on_planes_registered)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.newer_available.connect(self._on_newer_available)
        self._on_acquisition_changed()

    def add_button(
        self, text: str, key: str, tip: str, slot: Callable[..., None], *, checkable: bool = False
    ) -> QAction:
        """Add a button at the right, with its key."""
        action = self._action(text, key, f"{tip} ({key})")
        action.setCheckable(checkable)
        (action.toggled if checkable else action.triggered).connect(slot)
        return action

    def add_actions(self, actions: list[QAction]) -> None:
        """Add buttons at the right that exist already."""
        self.addActions(actions)

    def add_widget(self, widget: QToolButton) -> None:
        """Add a button of another kind at the right; it leaves the keyboard to the picture."""
        widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.addWidget(widget)

    def _action(self, text: str, key: str, tip: str) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(key))
        action.setToolTip(tip)
        self.addAction(action)
        return action

    # ------------------------------------------------------------ the way back

    def _on_follow_changed(self, following: bool) -> None:
        self.follow.setChecked(following)
        self._refresh_badge()

    def _on_planes_registered(self) -> None:
        if not self._session.following and not self._badge_timer.isActive():
            self._badge_timer.start()

    def _on_acquisition_changed(self) -> None:
        facts = self._session.facts
        if facts is not None and self._newer and facts.identity == self._newer.acquisition:
            self._newer = None
        self.follow.setVisible(self._session.agent_address is not None)
        self._refresh_badge()

    def _on_newer_available(self, newer: AcquisitionSummary) -> None:
        if self._session.following:
            self.acquisition_chosen.emit(newer.acquisition)
        else:
            self._newer = newer
            self._refresh_badge()

    def _refresh_badge(self) -> None:
        text = ""
        if self._newer is not None:
            text = f"New acquisition: {self._newer.name}"
        elif not self._session.following and self._session.missed:
            n = self._session.missed
            text = f"{n:,} new plane{'' if n == 1 else 's'} – show newest"
        self.badge.setText(text)
        self._badge_action.setVisible(bool(text))

    def _on_badge(self) -> None:
        if self._newer is not None:
            self.acquisition_chosen.emit(self._newer.acquisition)
            self._newer = None
        self._session.set_following(True)
        self._refresh_badge()

    def _fill_menu(self) -> None:
        self._menu.clear()
        shown = self._session.facts.identity if self._session.facts else ""
        for summary in reversed(self._session.acquisitions[-MAX_LISTED:]):
            text = f"{summary.name}   {summary.planes:,} planes, {summary.state}"
            action = self._menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(summary.acquisition == shown)
            identity = summary.acquisition
            action.triggered.connect(lambda _on, i=identity: self.acquisition_chosen.emit(i))
        if self._menu.isEmpty():
            self._menu.addAction("none yet").setEnabled(False)
