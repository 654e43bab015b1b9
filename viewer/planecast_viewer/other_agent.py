"""The way to an agent of another machine, while the viewer runs."""

import sys

from PySide6.QtCore import QObject, QProcess, QTimer
from PySide6.QtWidgets import QWidget

from planecast_viewer.agents_dialog import AgentsDialog
from planecast_viewer.session import Session

REPLACED_AFTER_MS = 3000
"""So long the other window may take to appear, before an empty one makes room for it."""


class OtherAgent(QObject):
    """Asks for an agent, and opens a window for it. GUI thread only.

    A window belongs to one agent, as to one acquisition and its place: another has its own.
    """

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._window = session, window
        self._dialog: AgentsDialog | None = None
        session.wishes.other_agent_wanted.connect(self.ask)

    def ask(self) -> None:
        """Open the list of agents."""
        if self._dialog is None:
            self._dialog = AgentsDialog(self._window)
            self._dialog.chosen.connect(self.open)
        self._dialog.ask()

    def open(self, address: str) -> None:
        """Open a window for an agent; one that shows nothing and hears nobody makes room."""
        words = ["-m", "planecast_viewer", "--agent", address]
        started, _pid = QProcess.startDetached(sys.executable, words)
        if not started:
            self._session.logged.emit("error", f"no window could be opened for {address}")
            return
        self._session.logged.emit("info", f"{address} is shown in a window of its own")
        if self._session.facts is None and self._session.link_state.state != "live":
            QTimer.singleShot(REPLACED_AFTER_MS, self._window, self._window.close)

    def close(self) -> None:
        """End what listens to the network. May be called twice."""
        if self._dialog is not None:
            self._dialog.close_threads()
