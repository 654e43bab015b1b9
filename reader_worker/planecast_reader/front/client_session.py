"""A client as the front sees it."""

import collections
import logging
import selectors
from dataclasses import dataclass, field

from planecast_protocol.errors import UnreachableError
from planecast_protocol.messages import AnyMessage
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.bells.front import ClientBell
from planecast_reader.connection import Connection
from planecast_reader.front.jobs import JobKey
from planecast_reader.front.travel import Travel

MAX_HELD_BYTES = 8 << 20
"""Answers that a client has not read: above it no further requests of it are taken."""

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class ClientSession:
    """A connection, its row of leases, and what it still waits for."""

    connection: Connection
    row: int | None
    """None: no shared memory on this connection."""
    bell: ClientBell | None = None
    """By which readers reach it."""
    alive: bool = True
    unanswered: set[int] = field(default_factory=set)
    """Requests that were neither answered nor withdrawn."""
    inbox: collections.deque[AnyMessage] = field(default_factory=collections.deque)
    """What has arrived, and waits until the client has read of its answers."""
    put_back: collections.deque[ReadPixels] = field(default_factory=collections.deque)
    """Planes that could be sent but for the client, who must read first; then they are found
    again."""
    has_asked: bool = False
    """Whether it ever sent a message: a stranger who only holds a connection does not."""
    interest: int = selectors.EVENT_READ
    """What its connection is watched for."""
    travel: Travel = field(default_factory=Travel)
    ahead: set[JobKey] = field(default_factory=set)
    """What is read because of `travel`."""
    views: dict[int, tuple[int, set[int]]] = field(default_factory=dict)
    """View to its newest turn, and the requests of that turn."""

    @property
    def reads(self) -> bool:
        """Whether it reads its answers: if not, it must first, before more are made."""
        return self.connection.unsent_bytes < MAX_HELD_BYTES

    @property
    def has_work(self) -> bool:
        """Whether anything that waited for it to read can go on."""
        return self.reads and bool(self.inbox or self.put_back)

    @property
    def needs_care(self) -> bool:
        """Whether there is anything to see to, besides what it sends."""
        return (
            not self.alive
            or self.connection.wants_to_send
            or self.interest != selectors.EVENT_READ
            or bool(self.inbox or self.put_back)
        )

    def turn_over(self, view: int, turn: int, request: int) -> list[int]:
        """Note a request of a view; return those of earlier turns that it withdraws.

        A request of an earlier turn than the newest withdraws itself.
        """
        newest, requests = self.views.get(view, (turn, set()))
        if turn < newest:
            return [request]
        if turn == newest:
            self.views[view] = (newest, requests | {request})
            return []
        self.views[view] = (turn, {request})
        return sorted(requests & self.unanswered)

    def answer(self, request: int, message: AnyMessage, payload: bytes | memoryview = b"") -> None:
        """Send the final answer to a request, unless the client is gone or withdrew it."""
        if request in self.unanswered:
            self.unanswered.discard(request)
            self._send(message, payload)

    def tell(self, request: int, message: AnyMessage) -> None:
        """Send news of a request that stays unanswered."""
        if request in self.unanswered:
            self._send(message)

    def _send(self, message: AnyMessage, payload: bytes | memoryview = b"") -> None:
        """Send; a broken connection ends the session, which the front then buries."""
        if not self.alive:
            return
        try:
            self.connection.send(message, payload)
        except UnreachableError as trouble:
            logger.info("a client is gone: %s", trouble)
            self.alive = False
