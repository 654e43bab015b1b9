"""Puts the window and what it shows back as they were, and notes how they are at the end."""

from PySide6.QtCore import QObject

from planecast_viewer.main_window import MainWindow
from planecast_viewer.memory import Memory, Place
from planecast_viewer.session import Session


class Remembering(QObject):
    """Ties the memory to the window and the session. GUI thread only."""

    def __init__(self, memory: Memory, session: Session, window: MainWindow) -> None:
        super().__init__(window)
        self._memory, self._session, self._window = memory, session, window
        self._identity = ""
        self._place: Place | None = None
        self._wanted: Place | None = None
        """To be gone to as soon as its planes are known."""
        if not memory.geometry.isEmpty():
            window.restoreGeometry(memory.geometry)
        if not memory.docks.isEmpty():
            window.restore_docks(memory.docks)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.planes_registered.connect(self._go_back)
        session.shown_changed.connect(self._note)
        session.channels_changed.connect(self._note)
        session.follow_changed.connect(self._on_follow_changed)
        window.closed.connect(self.save)

    def save(self) -> None:
        """Write all down. May be called twice."""
        self._keep_place()
        docks = self._window.saveState() if self._window.docks_were_shown else None
        self._memory.keep_window(self._window.saveGeometry(), docks)
        self._memory.save()

    # ------------------------------------------------------------ what happens

    def _on_acquisition_changed(self) -> None:
        self._keep_place()
        facts = self._session.facts
        self._identity = "" if facts is None else facts.identity
        self._place = None
        self._wanted = self._memory.place(self._identity) if self._is_past() else None
        self._go_back()

    def _is_past(self) -> bool:
        """Tell whether nothing new is to be watched, so that people go on where they were."""
        if self._session.state == "file":
            return True
        states = {one.acquisition: one.state for one in self._session.acquisitions}
        return states.get(self._identity, "running") != "running"

    def _go_back(self, _indices: object = None) -> None:
        wanted, session = self._wanted, self._session
        if wanted is None or session.planes is None:
            return
        if session.planes.has_any(wanted.position):
            self._wanted = None
            if len(wanted.channel_visible) == len(session.channel_visible):
                session.set_channel_visible(wanted.channel_visible)
            session.show(wanted.position)

    def _on_follow_changed(self, following: bool) -> None:
        if not following:
            self._note()

    def _note(self) -> None:
        """Note where somebody is by their own choice."""
        if self._session.following or self._session.facts is None:
            return
        self._wanted = None
        self._place = Place(self._session.shown, self._session.channel_visible)

    def _keep_place(self) -> None:
        if self._identity and self._place is not None:
            self._memory.set_place(self._identity, self._place)
            self._place = None
