"""Asks for all planes of the shown stack, a few at a time, and keeps them small."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer, Signal

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.errors import PlanecastError
from planecast_viewer.keep.choice import plane_at
from planecast_viewer.mailbox import Mailbox
from planecast_viewer.planes import Pixels, PixelSource, WantedPlane, plane_message
from planecast_viewer.session import Session
from planecast_viewer.stack.planes import PlanePlace, Stack, StackPlace, StackPlane
from planecast_viewer.stack.reducer import Reducer
from planecast_viewer.stack.reduction import STACK_BYTES

IN_FLIGHT = 4
"""Planes that are read or reduced at a time; those that wait for their file not counted."""
SETTLE_MS = 120
"""Whoever scrubs through time or fields of view reads no stack on the way."""
LATE_FILES_MS = 15_000
"""Files may still come for so long after an acquisition's end."""
KEPT_BYTES = 256 << 20
"""A larger stack does not take the place of other planes in the worker's cache."""


@dataclass(slots=True)
class _Flight:
    ticket: int
    request: int
    revision: int
    why_pending: str = ""


@dataclass(frozen=True)
class StackState:
    """How far a stack is, for people."""

    n_planes: int
    """Planes that it will have, of the visible channels."""
    n_here: int
    n_coming: int
    """Asked for, or about to be."""
    missing: dict[PlanePlace, str]
    """Why these are not here and are not on their way."""


class StackFeed(QObject):
    """Has the stack at the shown place while somebody looks at it. GUI thread only."""

    changed = Signal()
    """Planes have come, or it is another stack."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._client: PixelSource | None = None
        self._active = False
        self._place: StackPlace | None = None
        self._waiting: dict[PlanePlace, None] = {}
        self._flights: dict[PlanePlace, _Flight] = {}
        self._here: dict[PlanePlace, tuple[int, StackPlane]] = {}
        """With the plane's revision."""
        self._failed: dict[PlanePlace, tuple[int, str]] = {}
        self._tickets = itertools.count(1)
        self._reducer = Reducer()
        self._mailbox = Mailbox(parent=self)
        self._mailbox.delivered.connect(self._on_delivered)
        self._settling = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settling.timeout.connect(self._ask_all)
        self._late = QTimer(self, singleShot=True, interval=LATE_FILES_MS)
        self._late.timeout.connect(self._give_up_waiting)
        session.acquisition_changed.connect(self._on_place_changed)
        session.shown_changed.connect(self._on_place_changed)
        session.channels_changed.connect(self._ask_all)
        session.planes_registered.connect(self._on_planes_registered)
        session.state_changed.connect(self._late.start)

    def set_client(self, client: PixelSource) -> None:
        """Take the client that planes are asked from."""
        self._withdraw()
        self._client = client
        self._ask_all()

    def set_active(self, active: bool) -> None:
        """Read the stack at the shown place from now on, or none and let go of all planes."""
        if active == self._active:
            return
        self._active = active
        if active:
            self._reducer.start()
            self._place = self._shown_place()
            self._ask_all()
        else:
            self._forget()
            self._reducer.stop()

    def close(self) -> None:
        """Withdraw what is asked for and end the thread. May be called twice."""
        self.set_active(False)
        self._client = None

    # ------------------------------------------------------------ questions

    def stack(self) -> Stack | None:
        """Return what is here of the visible channels; `None`: nothing is shown."""
        if self._place is None:
            return None
        z_range = range(self._session.extents.z)
        planes = {
            channel: tuple(self._plane(PlanePlace(z, channel)) for z in z_range)
            for channel in self._session.visible_channels()
        }
        return Stack(self._place, len(z_range), planes)

    def state(self) -> StackState:
        """Return how far it is."""
        places = self._places()
        missing = {}
        for place in places:
            if place in self._failed:
                missing[place] = self._failed[place][1]
            elif place in self._flights and self._flights[place].why_pending:
                missing[place] = "not written yet"
            elif not (place in self._here or place in self._flights or place in self._waiting):
                missing[place] = "not acquired yet" if self._session.running else "never acquired"
        return StackState(
            n_planes=len(places),
            n_here=sum(place in self._here for place in places),
            n_coming=len(places) - sum(p in self._here or p in missing for p in places),
            missing=missing,
        )

    # ------------------------------------------------------------ what happens

    def _on_place_changed(self) -> None:
        if self._active and self._shown_place() != self._place:
            self._forget()
            self._place = self._shown_place()
            self._settling.start()
            self.changed.emit()

    def _on_planes_registered(self, indices: npt.NDArray[np.int32]) -> None:
        if self._place is None or self._settling.isActive():
            return
        shown = np.array(self._place[1:], np.int32)[:, None]
        of_stack = indices[2:, (indices[:2] == shown).all(axis=0)]
        if of_stack.shape[1]:
            self._want(PlanePlace(int(z), int(channel)) for z, channel in of_stack.T)

    def _ask_all(self) -> None:
        self._settling.stop()
        visible = set(self._session.visible_channels())
        self._waiting = {one: None for one in self._waiting if one.channel in visible}
        self._withdraw([one for one in self._flights if one.channel not in visible])
        self._want(self._places())

    def _give_up_waiting(self) -> None:
        """Ask once more for what is not written: now it is an error, with its reason."""
        pending = [place for place, flight in self._flights.items() if flight.why_pending]
        self._withdraw(pending)
        self._want(pending)

    def _forget(self) -> None:
        self._settling.stop()
        self._withdraw()
        self._waiting.clear()
        self._here.clear()
        self._failed.clear()
        self._place = None

    # ------------------------------------------------------------ asking

    def _places(self) -> list[PlanePlace]:
        """Return all planes of the visible channels, those beside the shown one first."""
        shown = self._session.shown.z
        near = sorted(range(self._session.extents.z), key=lambda z: abs(z - shown))
        channels = self._session.visible_channels()
        return [PlanePlace(z, channel) for z in near for channel in channels]

    def _want(self, places: Iterable[PlanePlace]) -> None:
        """Ask for planes that are registered and not here, or here as they were before."""
        if self._place is None or self._session.planes is None:
            return
        visible = set(self._session.visible_channels())
        for place in places:
            if place.channel not in visible:
                continue
            index = Position(self._place.t, self._place.fov, place.z).plane(place.channel)
            if not self._session.planes.has(index):
                continue
            revision = self._session.planes.revision(index)
            known = self._here.get(place) or self._failed.get(place)
            flight = self._flights.get(place)
            if flight is not None and flight.revision != revision:
                self._withdraw([place])
            elif flight is not None or (known is not None and known[0] == revision):
                continue
            self._waiting[place] = None
        self._submit()
        self.changed.emit()

    def _submit(self) -> None:
        busy = sum(not flight.why_pending for flight in self._flights.values())
        while self._client is not None and self._waiting and busy < IN_FLIGHT:
            place = next(iter(self._waiting))
            del self._waiting[place]
            assert self._place is not None
            position = Position(self._place.t, self._place.fov, place.z)
            wanted = plane_at(self._session, position, place.channel)
            if wanted is not None:
                self._failed.pop(place, None)
                self._ask(self._client, place, wanted)
                busy += 1

    def _ask(self, client: PixelSource, place: PlanePlace, wanted: WantedPlane) -> None:
        ticket = next(self._tickets)
        running = wanted.running or self._late.isActive()
        message = msgspec.structs.replace(
            plane_message(wanted._replace(running=running), "script"),
            wait=running,
            statistics=False,
            keep=self._whole_bytes() <= KEPT_BYTES,
        )
        post = self._poster(place, ticket)
        request = client.submit(message, self._on_answer(post), post)
        self._flights[place] = _Flight(ticket, request, wanted.key.revision)

    def _poster(self, place: PlanePlace, ticket: int) -> Callable[[Any], None]:
        post = self._mailbox.post
        return lambda outcome: post((place, ticket, outcome))

    def _on_answer(self, post: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return what takes an answer in the client's thread, and has it made small."""
        assert self._session.facts is not None
        n_channels = len(self._session.facts.channels)
        n_planes = self._session.extents.z
        submit = self._reducer.submit

        def on_answer(answer: Pixels | PlanecastError) -> None:
            if isinstance(answer, PlanecastError):
                post(answer)
            else:
                submit(answer.pixels, n_planes, STACK_BYTES // n_channels, post_plane)

        def post_plane(outcome: StackPlane | str) -> None:
            post(PlanecastError(outcome) if isinstance(outcome, str) else outcome)

        return on_answer

    def _withdraw(self, places: list[PlanePlace] | None = None) -> None:
        chosen = list(self._flights) if places is None else places
        requests = [self._flights.pop(place).request for place in chosen]
        if requests and self._client is not None:
            self._client.cancel(*requests)

    # ------------------------------------------------------------ answers

    def _on_delivered(self, items: list[tuple[PlanePlace, int, Any]]) -> None:
        moved = False
        for place, ticket, outcome in items:
            flight = self._flights.get(place)
            if flight is not None and flight.ticket == ticket:
                self._take(place, flight, outcome)
                moved = True
        if moved:
            self._submit()
            self.changed.emit()

    def _take(self, place: PlanePlace, flight: _Flight, outcome: Any) -> None:
        if isinstance(outcome, str):
            flight.why_pending = outcome or "not written yet"
            return
        del self._flights[place]
        if isinstance(outcome, StackPlane) and (why := self._misfit(place, outcome)):
            outcome = PlanecastError(why)
        if isinstance(outcome, PlanecastError):
            self._here.pop(place, None)
            self._failed[place] = (flight.revision, outcome.message)
        else:
            self._failed.pop(place, None)
            self._here[place] = (flight.revision, outcome)

    def _misfit(self, place: PlanePlace, plane: StackPlane) -> str:
        """Return why a plane can't be in its channel's stack; empty: it can."""
        other = next(
            (one for at, (_r, one) in self._here.items() if at.channel == place.channel), None
        )
        if other is None or (other.pixels.shape, other.pixels.dtype, other.block) == (
            plane.pixels.shape, plane.pixels.dtype, plane.block,
        ):  # fmt: skip
            return ""
        return (
            f"a plane of {_size(plane)} {plane.pixels.dtype} among those of "
            f"{_size(other)} {other.pixels.dtype}"
        )

    def _plane(self, place: PlanePlace) -> StackPlane | None:
        known = self._here.get(place)
        return None if known is None else known[1]

    def _shown_place(self) -> StackPlace | None:
        facts, shown = self._session.facts, self._session.shown
        return None if facts is None else StackPlace(facts.identity, shown.t, shown.fov)

    def _whole_bytes(self) -> int:
        facts = self._session.facts
        assert facts is not None
        itemsize = np.dtype(facts.dtype or np.uint16).itemsize * (3 if facts.rgb else 1)
        n_planes = self._session.extents.z * len(facts.channels)
        return facts.height * facts.width * itemsize * n_planes


def _size(plane: StackPlane) -> str:
    height, width = plane.size_yx
    return f"{width} × {height}"
