"""What the window says while there is nothing to show."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from planecast_viewer import theme
from planecast_viewer.address_check import is_local
from planecast_viewer.icons.offline import application_icon
from planecast_viewer.session import Session

ICON_PX = 72
NO_ACQUISITION = "Waiting for an acquisition"


class EmptyState(QWidget):
    """Says what is waited for, and what a person can do."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._opening: str | None = None
        self._failure = ""
        self.title, self.body, self.command = QLabel(self), QLabel(self), QLabel(self)
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        picture = QLabel(self)
        picture.setPixmap(application_icon().pixmap(ICON_PX, ICON_PX))
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(picture)
        for label in (self.title, self.body, self.command):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setTextFormat(Qt.TextFormat.PlainText)
            layout.addWidget(label)
        self._layout = layout
        layout.addStretch(3)
        layout.setSpacing(10)
        font = self.title.font()
        font.setPointSizeF(font.pointSizeF() * 1.7)
        self.title.setFont(font)
        session.link_state_changed.connect(self._refresh)
        session.acquisitions_changed.connect(self._refresh)
        self._refresh()

    def put_below(self, widget: QWidget) -> None:
        """Show a widget below the texts."""
        self._layout.insertWidget(
            self._layout.count() - 1, widget, 0, Qt.AlignmentFlag.AlignHCenter
        )

    def set_opening(self, path: str) -> None:
        """Say that a file is being opened."""
        self._opening, self._failure = path, ""
        self._refresh()

    def set_failure(self, why: str) -> None:
        """Say that the file can't be opened, and why."""
        self._failure = why
        self._refresh()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Take the colours of another theme."""
        super().changeEvent(event)
        if theme.is_change(event):
            self._refresh()

    def _refresh(self) -> None:
        title, body, command = self._texts()
        self.title.setText(title)
        self.body.setText(body)
        self.command.setText(command)
        self.body.setStyleSheet(f"color: {theme.bad() if self._failure else theme.muted()}")
        style = f"font-family: monospace; padding: 6px; color: {theme.text()}"
        self.command.setStyleSheet(style)

    def _texts(self) -> tuple[str, str, str]:
        if self._failure:
            return "Can't open this", self._failure, ""
        if self._opening is not None:
            return "Opening …", self._opening, ""
        address = self._session.agent_address or ""
        link = self._session.link_state
        if link.state == "live" and self._session.acquisitions:
            return "Loading the acquisition …", address, ""
        if link.state == "live":
            body = f"The agent at {address} is ready. Start an acquisition, or look at a demo:"
            return NO_ACQUISITION, body, "planecast demo"
        heard = "has been silent" if link.state == "silent" else "does not answer yet"
        why = f": {self._session.agent_trouble}" if self._session.agent_trouble else ""
        body = f"The agent at {address} {heard}{why}."
        if not is_local(address):
            return NO_ACQUISITION, f"{body}\nThis window connects by itself as soon as it can.", ""
        return (
            NO_ACQUISITION,
            f"{body}\nStart it; this window connects by itself:",
            "planecast agent",
        )
