"""The connection to the reader worker, made when it is known which one."""

from collections.abc import Callable

from planecast_protocol.errors import PlanecastError
from planecast_protocol.images import ImageInfo
from planecast_protocol.paths import local_roots, to_wire_path
from planecast_protocol.reader_messages import OpenImage
from planecast_reader.client import ReaderClient
from planecast_viewer.mailbox import Mailbox
from planecast_viewer.planes import PlaneFeed
from planecast_viewer.session import Session


class WorkerConnection:
    """Owns the reader's client. GUI thread only; the client has its own."""

    def __init__(self, session: Session, feed: PlaneFeed, address: str | None) -> None:
        self._session = session
        self._feed = feed
        self._address = address
        self._client: ReaderClient | None = None
        self._states = Mailbox()
        self._states.delivered.connect(self._on_states)
        self._opened = Mailbox()
        self._on_opened: Callable[[ImageInfo | PlanecastError], None] | None = None
        self._opened.delivered.connect(self._on_opened_delivered)
        session.acquisitions_changed.connect(self.connect_now)

    def connect_now(self) -> None:
        """Connect, if that was not done yet: to the address given, else the agent's own."""
        if self._client is None:
            address = self._address or self._session.worker_address or None
            # `None` joins this user's worker, or starts a private one that ends with us.
            self._client = ReaderClient(address, on_state=self._on_state)
            self._feed.set_client(self._client)

    def open_image(
        self, path: str, on_opened: Callable[[ImageInfo | PlanecastError], None]
    ) -> None:
        """Describe a file or folder; `on_opened` is called later, in the GUI thread.

        Raises `BadPathError` for a path that can't be named on the wire.
        """
        wire_path = to_wire_path(path, local_roots())
        self.connect_now()
        assert self._client is not None
        self._on_opened = on_opened
        self._client.submit(OpenImage(request=0, path=wire_path), self._opened.post)

    def close(self) -> None:
        """End the client. May be called twice."""
        self._feed.close()
        if self._client is not None:
            self._client.close()

    def _on_state(self, connected: bool, text: str) -> None:
        self._states.post((connected, text))

    def _on_states(self, states: list[tuple[bool, str]]) -> None:
        self._session.set_worker_state(*states[-1])

    def _on_opened_delivered(self, answers: list[ImageInfo | PlanecastError]) -> None:
        if self._on_opened is not None:
            self._on_opened(answers[-1])
