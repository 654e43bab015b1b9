"""Asks the reader worker for planes and drops what nobody wants any more."""

import itertools
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from planecast_protocol.axes import PlaneIndex
from planecast_protocol.errors import PlanecastError
from planecast_protocol.planes import PlaneSource, PlaneStatistics, Seen
from planecast_protocol.reader_messages import PlaneArea, Priority, ReadPixels
from planecast_viewer.mailbox import Mailbox
from planecast_viewer.projection import Member, Projected, Projector

CACHE_BYTES = 112 << 20
"""Pixels are leases on the worker's shared memory: keep few. It has the others."""
REMOTE_CACHE_BYTES = 512 << 20
"""Of another machine's planes: going back to one of these costs no network."""


class Pixels(Protocol):
    """What the reader's client answers with, as far as the viewer looks at it."""

    @property
    def pixels(self) -> npt.NDArray[Any]:
        """Shape (y, x) or (y, x, rgb), read-only."""

    @property
    def statistics(self) -> PlaneStatistics | None:
        """Computed where the plane was read."""

    @property
    def draft(self) -> bool:
        """Not all pixels are exact yet."""


class PixelSource(Protocol):
    """The part of `planecast_reader.client.ReaderClient` that the feed calls."""

    @property
    def is_remote(self) -> bool:
        """Whether planes come from another machine."""

    def submit(
        self,
        message: ReadPixels,
        on_answer: Callable[[Any], None],
        on_pending: Callable[[str], None] | None = None,
        on_draft: Callable[[Any], None] | None = None,
    ) -> int:
        """Ask; all are called from the client's thread."""

    def look_at(self, seen: Seen, *requests: int) -> None:
        """Tell what is seen by now of planes that are on their way."""

    def cancel(self, *requests: int) -> None:
        """Withdraw requests."""


@dataclass(frozen=True, slots=True)
class PlaneKey:
    """A plane as it was at one of its registrations."""

    acquisition: str
    index: PlaneIndex
    revision: int
    depth: int = 0
    """Above 0: the brightest of so many z planes; `revision` is the sum of theirs."""


class WantedPlane(NamedTuple):
    """A plane and where it is."""

    key: PlaneKey
    source: PlaneSource
    running: bool
    """Its acquisition is not ended: what is missing may still come."""
    stack: tuple["WantedPlane", ...] = ()
    """Not empty: the brightest of these is wanted, and `source` is not looked at."""


@dataclass(slots=True)
class PlaneState:
    """How it stands with a wanted plane."""

    state: Literal["asked", "pending", "draft", "failed", "here"]
    """`draft`: there is something to see, and the plane itself is on its way."""
    since: float
    """By the monotonic clock."""
    why: str = ""
    answer: Pixels | None = None
    n_drafts: int = 0

    @property
    def settled(self) -> bool:
        """Tell whether waiting is over, for better or worse."""
        return self.state in ("here", "failed")

    @property
    def to_be_seen(self) -> bool:
        """Tell whether there is nothing better to wait for before it is shown."""
        return self.settled or self.state == "draft"


@dataclass(slots=True)
class _Flight:
    ticket: int
    request: int
    running: bool


class PlaneFeed(QObject):
    """The planes that are wanted now, and those that were shown lately. GUI thread."""

    changed = Signal()
    """The state of at least one wanted plane; many changes make one signal."""
    failed = Signal(object, str)
    """(`PlaneKey`, why)."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client: PixelSource | None = None
        self._tickets = itertools.count(1)
        self._wanted: dict[PlaneKey, WantedPlane] = {}
        self._flights: dict[PlaneKey, _Flight] = {}
        self._states: dict[PlaneKey, PlaneState] = {}
        self._cache: OrderedDict[PlaneKey, PlaneState] = OrderedDict()
        self._cache_bytes = 0
        self._prefetched: list[int] = []
        self._seen: Seen | None = None
        self._projector = Projector()
        self._mailbox = Mailbox(parent=self)
        self._mailbox.delivered.connect(self._on_delivered)

    def set_client(self, client: PixelSource) -> None:
        """Take the client that planes are asked from."""
        self._client = client
        self._submit_missing()

    def see(self, seen: Seen | None) -> None:
        """Take what the screen shows of each plane: over a network that comes first."""
        if seen == self._seen:
            return
        self._seen = seen
        requests = [flight.request for flight in self._flights.values() if flight.request > 0]
        if seen is not None and requests and self._client is not None and self._client.is_remote:
            self._client.look_at(seen, *requests)

    def state(self, key: PlaneKey) -> PlaneState | None:
        """Return how it stands with a plane; `None`: it was not asked for."""
        here = self._cache.get(key)
        if here is not None:
            self._cache.move_to_end(key)
            return here
        return self._states.get(key)

    def want(self, wanted: Sequence[WantedPlane]) -> None:
        """Ask for these planes, and for no others any more."""
        self._wanted = {plane.key: plane for plane in wanted}
        obsolete = [
            key
            for key, flight in self._flights.items()
            if key not in self._wanted or flight.running != self._wanted[key].running
        ]
        self._withdraw(obsolete)
        self._states = {key: state for key, state in self._states.items() if key in self._wanted}
        self._submit_missing()

    def prefetch(self, planes: Sequence[WantedPlane]) -> None:
        """Have the worker read these while it is idle, and those of before no more.

        They come into its cache, not here: a step to one of them then takes a round trip, and over
        a network nothing but that.
        """
        if self._client is None:
            return
        if self._prefetched:
            self._client.cancel(*self._prefetched)
        self._prefetched = [
            self._client.submit(
                msgspec.structs.replace(plane_message(plane, "prefetch"), warm=True), _let_go
            )
            for wanted in planes
            if wanted.key not in self._cache
            for plane in wanted.stack or (wanted,)
        ]

    def forget(self) -> None:
        """Drop everything: another acquisition is shown."""
        self.want([])
        self.prefetch([])
        self._projector.stop()
        self._states.clear()
        self._cache.clear()
        self._cache_bytes = 0

    def close(self) -> None:
        """Withdraw what is asked for and let go of all pixels. May be called twice."""
        self.forget()
        self._client = None

    # ------------------------------------------------------------ inside

    def _withdraw(self, keys: list[PlaneKey]) -> None:
        requests = [self._flights.pop(key).request for key in keys]
        for key in keys:
            self._states.pop(key, None)
        planes = [request for request in requests if request > 0]
        if planes and self._client is not None:
            self._client.cancel(*planes)
        self._projector.cancel(*(request for request in requests if request < 0))

    def _submit_missing(self) -> None:
        if self._client is None:
            return
        for key, plane in self._wanted.items():
            if key not in self._cache and key not in self._states:
                self._submit(self._client, plane)

    def _submit(self, client: PixelSource, plane: WantedPlane) -> None:
        key, ticket = plane.key, next(self._tickets)
        post = self._mailbox.post
        # Both run in another thread, the first perhaps before this returns.
        self._states[key] = PlaneState("asked", time.monotonic())

        def on_answer(answer: Any) -> None:
            post((key, ticket, answer))

        if plane.stack:
            members = [
                Member(one.key.index.z, one.key.revision, plane_message(one, "screen"))
                for one in plane.stack
            ]
            stack = (key.acquisition, key.index)
            request = self._projector.submit(client, stack, members, on_answer, on_answer)
        else:
            request = self._ask(client, plane_message(plane, "screen"), on_answer)
        self._flights[key] = _Flight(ticket, request, plane.running)

    def _ask(
        self, client: PixelSource, message: ReadPixels, on_answer: Callable[[Any], None]
    ) -> int:
        if not client.is_remote:
            return client.submit(message, on_answer, on_answer)
        seen_first = msgspec.structs.replace(message, seen=self._seen)
        return client.submit(seen_first, on_answer, on_answer, on_answer)

    def _on_delivered(self, items: list[tuple[PlaneKey, int, Any]]) -> None:
        moved = False
        for key, ticket, answer in items:
            flight = self._flights.get(key)
            if flight is not None and flight.ticket == ticket:
                self._take(key, answer)
                moved = True
        if moved:
            self.changed.emit()

    def _take(self, key: PlaneKey, answer: str | PlanecastError | Pixels) -> None:
        state = self._states[key]
        if isinstance(answer, str):
            state.state, state.why = "pending", answer
            return
        if not isinstance(answer, PlanecastError) and answer.draft:
            state.state, state.answer, state.why = "draft", answer, ""
            state.n_drafts += 1
            return
        del self._flights[key]
        if isinstance(answer, PlanecastError):
            state.state, state.why = "failed", answer.message
            self.failed.emit(key, answer.message)
            return
        if isinstance(answer, Projected):
            for z, why in answer.missing:
                at = key.index
                index = PlaneIndex(at.t, at.fov, z, at.channel)
                self.failed.emit(replace(key, index=index, depth=0), why)
        state.state, state.answer, state.why = "here", answer, ""
        del self._states[key]
        self._cache[key] = state
        self._cache_bytes += answer.pixels.nbytes
        self._shrink()

    def _shrink(self) -> None:
        is_remote = self._client is not None and self._client.is_remote
        most_bytes = REMOTE_CACHE_BYTES if is_remote else CACHE_BYTES
        for key in list(self._cache):
            if self._cache_bytes <= most_bytes:
                return
            if key not in self._wanted:
                state = self._cache.pop(key)
                assert state.answer is not None
                self._cache_bytes -= state.answer.pixels.nbytes


def plane_message(plane: WantedPlane, priority: Priority) -> ReadPixels:
    """Return the request for a plane."""
    source = plane.source
    return ReadPixels(
        request=0,
        path=source.path,
        scene=source.scene,
        index=source.index,
        area=PlaneArea(page=source.page),
        priority=priority,
        running=plane.running,
        # What is not written yet is not worth a place in the queue before it is looked at.
        wait=plane.running and priority == "screen",
        statistics=True,
        revision=plane.key.revision,
        registered=source.stamp,
    )


def _let_go(_answer: object) -> None:
    """Drop an answer: its pixels stay in the worker's cache."""
