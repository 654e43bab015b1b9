"""What the window shows: a file, or an acquisition; and the way from one to the other."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.errors import PlanecastError
from planecast_protocol.images import ImageInfo
from planecast_viewer.link import AgentLink
from planecast_viewer.memory import Memory
from planecast_viewer.session import Session
from planecast_viewer.worker import WorkerConnection

REOPEN_AFTER_MS = 1500
"""So long an agent may take to answer, before the file of the last run is shown instead."""


class Targets(QObject):
    """Opens files and chooses acquisitions, as people wish. GUI thread only."""

    opening = Signal(str)
    """Path of a file or folder that is being opened."""
    failed = Signal(str, str)
    """(path, why it can't be shown)."""

    def __init__(
        self,
        session: Session,
        worker: WorkerConnection,
        memory: Memory,
        listen: Callable[[], AgentLink],
        parent: QObject | None = None,
    ) -> None:
        """`listen` begins to listen to the agent, if that was not done yet."""
        super().__init__(parent)
        self._session, self._worker, self._memory = session, worker, memory
        self._listen = listen
        self._path = ""
        """The file that is shown; empty: none is."""
        self._untouched = False
        """The file was opened without anybody's wish, and nobody has moved in it yet."""
        self._link: AgentLink | None = None
        self._reopen_timer = QTimer(self, singleShot=True, interval=REOPEN_AFTER_MS)
        self._reopen_timer.timeout.connect(self._reopen)
        session.wishes.file_wanted.connect(self.open_file)
        session.wishes.acquisition_wanted.connect(self.choose_acquisition)
        session.wishes.agent_wanted.connect(self.listen)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.newer_available.connect(self._on_newer_available)
        session.shown_changed.connect(self._on_touched)

    def open_file(self, path: str) -> None:
        """Show a file or folder, once the reader has described it."""
        self._reopen_timer.stop()
        # A name on the wire has no '..', and only the file system knows where a link's leads.
        given = Path(path).absolute()
        absolute = str(given.resolve() if ".." in given.parts else given)
        self.opening.emit(absolute)
        try:
            self._worker.open_image(absolute, lambda answer: self._on_opened(absolute, answer))
        except PlanecastError as trouble:
            self._on_opened(absolute, trouble)

    def choose_acquisition(self, identity: str) -> None:
        """Show an acquisition instead of what is shown."""
        self._reopen_timer.stop()
        self._session.expect(identity)
        self.listen().choose(identity)

    def listen(self) -> AgentLink:
        """Listen to the agent; a file that is shown stays."""
        if self._link is None:
            self._link = self._listen()
            if self._path:
                self._link.leave()
        return self._link

    def set_link(self, link: AgentLink) -> None:
        """Take the link of a viewer that listens from its start."""
        self._link = link

    def reopen_last(self) -> None:
        """Show the last run's file if no agent answers soon: people go on where they were."""
        if self._memory.last_file:
            self._reopen_timer.start()

    def _reopen(self) -> None:
        if self._session.facts is None and self._session.link_state.state != "live":
            self.open_file(self._memory.last_file)
            self._untouched = True

    # ------------------------------------------------------------ what happens

    def _on_opened(self, path: str, answer: ImageInfo | PlanecastError) -> None:
        if isinstance(answer, PlanecastError):
            # People know the file by the name they gave, not by its name on the wire.
            self._fail(path, answer.message.replace(answer.path or path, path))
        elif not answer.scenes:
            self._fail(path, f"{path}: there is no image in it")
        else:
            untouched, self._path = self._untouched, path
            if self._link is not None:
                self._link.leave()
            self._session.open_image(answer)
            self._untouched = untouched
            self._memory.add_recent_file(path)
            self._memory.last_file = path

    def _fail(self, path: str, why: str) -> None:
        self._untouched = False
        self._session.logged.emit("error", why)
        self.failed.emit(path, why)

    def _on_acquisition_changed(self) -> None:
        if self._session.facts is not None and self._session.state != "file":
            self._path = self._memory.last_file = ""

    def _on_newer_available(self, newer: AcquisitionSummary) -> None:
        if self._untouched and self._path and newer.state == "running":
            self.choose_acquisition(newer.acquisition)

    def _on_touched(self) -> None:
        self._untouched = False
