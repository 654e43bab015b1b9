"""The connections to reader workers, made when it is known which one."""

from collections.abc import Callable
from typing import Any, Protocol

from planecast_protocol.configuration import known_roots
from planecast_protocol.errors import PlanecastError
from planecast_protocol.images import ImageInfo
from planecast_protocol.paths import to_wire_path
from planecast_protocol.reader_messages import OpenImage, ReadPlanetable
from planecast_reader.client import ReaderClient
from planecast_viewer.mailbox import Mailbox
from planecast_viewer.plane_table import PlaneTable
from planecast_viewer.session import Session

RESIDENT_BYTES = 128 << 20
"""Of the worker's shared memory; more than what `PlaneFeed` keeps."""
OWN = ""
"""Instead of an address: this user's worker, or a private one that ends with us."""

OnOpened = Callable[[ImageInfo | PlanecastError], None]


class Feed(Protocol):
    """What asks the reader for planes."""

    def set_client(self, client: Any) -> None:
        """Take the client that planes are asked from."""

    def close(self) -> None:
        """Withdraw what is asked for."""


class WorkerConnection:
    """Owns the readers' clients: of a live acquisition the agent's, of files the user's own.

    GUI thread only; the clients have their own threads.
    """

    def __init__(self, session: Session, feed: Feed, address: str | None) -> None:
        """`address` is the worker for everything, where a person has named one."""
        self._session = session
        self._feeds = [feed]
        self._address = address
        self._clients: dict[str, ReaderClient] = {}
        self._in_use: str | None = None
        self._live: str | None = None
        """The worker of acquisitions, once it is known."""
        self._states = Mailbox()
        self._states.delivered.connect(self._on_states)
        self._known_states: dict[str, tuple[bool, str]] = {}
        self._opened = Mailbox()
        self._n_opened = 0
        self._on_opened: OnOpened | None = None
        self._opened.delivered.connect(self._on_opened_delivered)
        self._table: tuple[str, PlaneTable] | None = None
        self._table_asked = ""
        self._tables = Mailbox()
        self._tables.delivered.connect(self._on_tables_delivered)
        session.acquisitions_changed.connect(self.connect_now)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.wishes.planetable_wanted.connect(self.read_planetable)

    def add_feed(self, feed: Feed) -> None:
        """Give this one the client in use, too."""
        self._feeds.append(feed)
        if self._in_use is not None:
            feed.set_client(self._clients[self._in_use])

    def connect_now(self) -> None:
        """Connect for live acquisitions, if that was not done yet."""
        if self._live is None:
            self._live = self._address or self._session.worker_address or OWN
        if self._session.state != "file":
            self._use(self._live)

    def open_image(self, path: str, on_opened: OnOpened) -> None:
        """Describe a file or folder; `on_opened` is called later, in the GUI thread.

        Of several that are opened at once the last counts. Raises `BadPathError` for a path
        that can't be named on the wire.
        """
        wire_path = to_wire_path(path, known_roots())
        self._n_opened += 1
        number = self._n_opened
        self._on_opened = on_opened
        if self._session.facts is None:
            self._use(self._address or OWN)
        self._client_of_files().submit(
            OpenImage(request=0, path=wire_path),
            lambda answer: self._opened.post((number, answer)),
        )

    def read_planetable(self, wire_path: str) -> None:
        """Read a file's planetable; the answer comes as `Wishes.planetable_ready`.

        The last one is kept: several panels may want it.
        """
        if self._table is not None and self._table[0] == wire_path:
            self._tables.post(self._table)
        elif wire_path != self._table_asked:
            self._table_asked = wire_path
            self._client_of_files().submit(
                ReadPlanetable(request=0, path=wire_path, norm_time=True),
                lambda answer: self._tables.post((wire_path, _table_of(answer))),
            )

    def close(self) -> None:
        """End the clients. May be called twice."""
        for feed in self._feeds:
            feed.close()
        for client in self._clients.values():
            client.close()

    # ------------------------------------------------------------ inside

    def _client_of_files(self) -> ReaderClient:
        return self._client(self._address or OWN)

    def _client(self, address: str) -> ReaderClient:
        if address not in self._clients:
            self._clients[address] = ReaderClient(
                address or None,
                resident_bytes=RESIDENT_BYTES,
                on_state=lambda connected, text: self._states.post((address, connected, text)),
            )
        return self._clients[address]

    def _use(self, address: str) -> None:
        """Ask this worker for planes from now on."""
        client = self._client(address)
        if address == self._in_use:
            return
        self._in_use = address
        self._session.worker_in_use = address
        for feed in self._feeds:
            feed.set_client(client)
        if address in self._known_states:
            self._session.set_worker_state(*self._known_states[address])

    def _on_acquisition_changed(self) -> None:
        if self._live is not None and self._session.state != "file":
            self._use(self._live)

    def _on_states(self, states: list[tuple[str, bool, str]]) -> None:
        for address, connected, text in states:
            self._known_states[address] = (connected, text)
        if self._in_use in {address for address, _connected, _text in states}:
            assert self._in_use is not None
            self._session.set_worker_state(*self._known_states[self._in_use])

    def _on_opened_delivered(self, answers: list[tuple[int, ImageInfo | PlanecastError]]) -> None:
        for number, answer in answers:
            if number == self._n_opened and self._on_opened is not None:
                if isinstance(answer, ImageInfo):
                    # Before the session tells of it: planes are asked for at once.
                    self._use(self._address or OWN)
                self._on_opened(answer)

    def _on_tables_delivered(self, tables: list[tuple[str, PlaneTable | PlanecastError]]) -> None:
        for wire_path, answer in tables:
            self._table_asked = ""
            self._table = (wire_path, answer) if isinstance(answer, PlaneTable) else None
            self._session.wishes.planetable_ready.emit(wire_path, answer)


def _table_of(answer: Any) -> PlaneTable | PlanecastError:
    """Make a table of an answer; in the client's thread, because it takes its time."""
    return answer if isinstance(answer, PlanecastError) else PlaneTable.of(answer)
