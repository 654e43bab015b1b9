"""Has the reader worker read planes while it is idle, and makes thumbnails of them."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from PySide6.QtCore import QObject

from planecast_protocol.errors import PlanecastError
from planecast_viewer.mailbox import Mailbox
from planecast_viewer.planes import Pixels, PixelSource, PlaneKey, WantedPlane, plane_message
from planecast_viewer.thumbnail import SAMPLES, SIDE_PX, Thumbnail, shrink
from planecast_viewer.wishes import Wishes

MAX_IN_FLIGHT = 3
"""One is read, one waits, and one is on its way: the reader is never idle for want of a request."""

Outcome = Thumbnail | str
"""A thumbnail, or why there is none."""


class ThumbnailFeed(QObject):
    """Fulfils the wish for thumbnails, the most urgent first. GUI thread only.

    Planes are made small in the client's thread, and let go there.
    """

    def __init__(self, wishes: Wishes, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wishes = wishes
        self._client: PixelSource | None = None
        self._tickets = itertools.count(1)
        self._waiting: dict[PlaneKey, WantedPlane] = {}
        self._flights: dict[PlaneKey, tuple[int, int]] = {}
        """Key to (ticket, request)."""
        self._mailbox = Mailbox(parent=self)
        self._mailbox.delivered.connect(self._on_delivered)
        wishes.thumbnails_wanted.connect(self.want)

    def set_client(self, client: PixelSource) -> None:
        """Take the client that planes are asked from."""
        self._withdraw(list(self._flights))
        self._client = client
        self._submit()

    def want(self, planes: Sequence[WantedPlane]) -> None:
        """Make thumbnails of these, and of no others any more."""
        wanted = {plane.key: plane for plane in planes}
        self._withdraw([key for key in self._flights if key not in wanted])
        self._waiting = {key: one for key, one in wanted.items() if key not in self._flights}
        self._submit()

    def close(self) -> None:
        """Withdraw what is asked for. May be called twice."""
        self.want([])
        self._client = None

    # ------------------------------------------------------------ inside

    def _withdraw(self, keys: list[PlaneKey]) -> None:
        requests = [self._flights.pop(key)[1] for key in keys]
        if requests and self._client is not None:
            self._client.cancel(*requests)

    def _submit(self) -> None:
        while self._client is not None and self._waiting and len(self._flights) < MAX_IN_FLIGHT:
            key = next(iter(self._waiting))
            plane = self._waiting.pop(key)
            ticket = next(self._tickets)
            # Very many planes pass by; they must not take the place of those that are looked at.
            message = msgspec.structs.replace(
                plane_message(plane, "prefetch"), keep=False, most_px=SAMPLES * SIDE_PX
            )
            request = self._client.submit(message, self._post(key, ticket))
            self._flights[key] = (ticket, request)

    def _post(self, key: PlaneKey, ticket: int) -> Callable[[Any], None]:
        def post(answer: Pixels | PlanecastError) -> None:
            if isinstance(answer, PlanecastError):
                self._mailbox.post((key, ticket, answer.message))
            else:
                self._mailbox.post((key, ticket, shrink(answer.pixels, answer.statistics)))

        return post

    def _on_delivered(self, items: list[tuple[PlaneKey, int, Outcome]]) -> None:
        ready = []
        for key, ticket, outcome in items:
            flight = self._flights.get(key)
            if flight is not None and flight[0] == ticket:
                del self._flights[key]
                ready.append((key, outcome))
        self._submit()
        if ready:
            self._wishes.thumbnails_ready.emit(ready)
