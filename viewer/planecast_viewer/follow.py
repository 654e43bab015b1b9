"""Decides what is asked for and when a picture goes to the canvas: following, or holding.

Data-driven: while following, the newest complete position is asked for, and the sliders move
when its planes have arrived. So the sliders never name another picture than the one that is
shown, and a slow disk makes the picture late, not the sliders wrong.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.planes import Seen
from planecast_viewer.explain import explain, explain_nothing_to_follow
from planecast_viewer.frame import Frame, FramePlane
from planecast_viewer.likely_next import likely_next
from planecast_viewer.planes import PlaneFeed, PlaneKey, PlaneState, WantedPlane
from planecast_viewer.rest import Rest
from planecast_viewer.session import Session

MAX_FOLLOWED = 4
"""Positions in flight while following: those that wait for their files, and one that is read."""
STUCK_AFTER_S = 2.0
"""A followed position that takes longer gives its place to a newer one."""
GRACE_S = 0.15
"""While planes are on their way for no longer than this, the picture and its message stay."""
LATE_FILES_S = 15.0
"""Files may still come for so long after an acquisition's end; then missing is an error."""
MIN_FRAME_S = 1 / 30
BUSY_FACTOR = 3.0
"""A frame that took n ms of the GUI thread is followed by the next after this times n ms."""
TICK_MS = 100


@dataclass(slots=True)
class _Asked:
    position: Position
    since: float
    n_planes: int
    """Registered when it was asked for."""


class Presenter(QObject):
    """Ties the session, the feed and the canvas together. GUI thread only."""

    frame_ready = Signal(object, bool)
    """(`Frame`, calm): to be drawn within the signal; calm while following."""
    message_changed = Signal(str)
    """What to write over the picture; empty: nothing."""
    frame_measured = Signal(object, float)
    """(`Frame`, ms from its newest registration to the canvas), the first time it is shown."""

    def __init__(self, session: Session, feed: PlaneFeed, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._feed = feed
        self._asked: list[_Asked] = []
        self.frame: Frame | None = None
        """What is on the canvas."""
        self._message = ""
        self._n_frames = 0
        self._drawn: tuple[tuple[PlaneKey, int], ...] = ()
        """With the number of each draft, or of how many there were before the plane itself."""
        self._prefetched_around: Position | None = None
        self._stacks: dict[PlaneIndex, tuple[PlaneIndex, ...]] = {}
        """The z planes of a projection that are registered; void when there are more."""
        self.heading: str | None = None
        """The axis along which the next steps will go."""
        self.seen_wanted: Callable[[], Seen | None] = _nothing
        """Tells what the screen shows of a plane."""
        self._nothing_newest = False
        """There is no plane to follow yet, or none where an axis is held."""
        self._blank_since = 0.0
        self._next_frame_at = 0.0
        self._rest = Rest()
        self._ended_at: float | None = None
        self._stopped = False
        self._timer = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.update)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.state_changed.connect(self._on_state_changed)
        session.planes_registered.connect(self._on_planes_registered)
        session.shown_changed.connect(self._on_shown_changed)
        session.follow_changed.connect(self._on_follow_changed)
        session.locks_changed.connect(self._on_follow_changed)
        session.channels_changed.connect(self._on_channels_changed)
        session.projection.changed.connect(self._on_channels_changed)
        feed.changed.connect(self.update)

    def look(self) -> None:
        """Take what is seen by now."""
        self._feed.see(self.seen_wanted())

    def stop(self) -> None:
        """Ask for and draw nothing any more. May be called twice."""
        self._timer.stop()
        self._stopped = True

    # ------------------------------------------------------------ what happens

    def _on_acquisition_changed(self) -> None:
        self._asked.clear()
        self._rest.forget()
        self._stacks.clear()
        self._drawn, self.frame, self._ended_at = (), None, None
        self._prefetched_around = None
        self._blank_since = time.monotonic()
        self._feed.forget()
        self.update()

    def _on_state_changed(self) -> None:
        self._ended_at = time.monotonic()
        self.update()

    def _on_planes_registered(self, indices: npt.NDArray[np.int32]) -> None:
        self._stacks.clear()
        following = self._session.following
        awaited = [entry.position for entry in self._asked] if following else [self._session.shown]
        # While a position is read, news of others change nothing: they come many times a picture.
        if not (following and all(map(self._is_pending, awaited))):
            n_axes = 2 if self._session.projection.on else 3
            places = np.array(awaited, dtype=np.int32)[:, :n_axes, None]
            if not (indices[:n_axes] == places).all(axis=1).any():
                return
        self.update()

    def _on_shown_changed(self) -> None:
        if not self._session.following:
            self._blank_since = time.monotonic()
            self.update()

    def _on_follow_changed(self) -> None:
        self._asked.clear()
        self._rest.forget()
        self._prefetched_around = None
        self._feed.prefetch([])
        self._blank_since = time.monotonic()
        self.update()

    def _on_channels_changed(self) -> None:
        self._drawn = ()
        self.update()

    # ------------------------------------------------------------ the one decision

    def update(self) -> None:
        """Ask for what is wanted now and show what has arrived."""
        self._timer.stop()
        if self._stopped:
            return
        if self._session.planes is None:
            self._set_message("")
            return
        if self._session.following:
            self._follow()
        else:
            self._hold()

    def _follow(self) -> None:
        self._show_newest_arrived()
        now = time.monotonic()
        if not self._asked and (rest_s := self._rest.left_s(now)) > 0:
            self._complete_draft()
            self._timer.start(int(rest_s * 1000) + 1)
            self._tell()
            return
        assert self._session.planes is not None
        target = self._session.follow_target()
        self._nothing_newest = target is None
        asked = [entry.position for entry in self._asked]
        if target is not None and target not in asked and not self._is_drawn(target):
            if len(self._asked) >= MAX_FOLLOWED and now - self._asked[0].since > STUCK_AFTER_S:
                del self._asked[0]
            # One is read at a time: more would only make each of them later.
            if len(self._asked) < MAX_FOLLOWED and all(map(self._is_pending, asked)):
                self._asked.append(_Asked(target, now, self._session.planes.n_planes))
        shown = [self._session.shown] if self._is_draft() else []
        self._want([*(entry.position for entry in self._asked), *self._coming(asked), *shown])
        self._show_newest_arrived()
        self._complete_draft()
        if self._asked and not self._timer.isActive():
            self._timer.start(TICK_MS)
        self._tell()

    def _coming(self, asked: list[Position]) -> list[Position]:
        """Return the position whose channels come in now: they are read while the last is taken."""
        assert self._session.planes is not None
        newest = self._session.planes.newest
        if newest is None or asked:
            return []
        held = all(
            getattr(newest, a) == getattr(self._session.shown, a) for a in self._session.locks
        )
        return [newest] if held else []

    def _show_newest_arrived(self) -> None:
        now = time.monotonic()
        assert self._session.planes is not None
        for number, entry in reversed(list(enumerate(self._asked))):
            position = entry.position
            if not self._is_to_be_seen(position):
                continue
            if now < self._next_frame_at:
                self._timer.start(int((self._next_frame_at - now) * 1000) + 1)
                return
            n_came = self._session.planes.n_planes - entry.n_planes
            n_positions = n_came / max(1, len(self._session.channel_visible))
            self._rest.take(now, now - entry.since, n_positions)
            del self._asked[: number + 1]
            self._session.move(position)
            self._draw(position, calm=True)
            return

    def _complete_draft(self) -> None:
        """Draw what has come of the shown position, if it was drawn before all had."""
        if self._is_draft():
            self._draw(self._session.shown, calm=True)

    def _hold(self) -> None:
        position = self._session.shown
        self._asked.clear()
        self._want([position])
        waited = time.monotonic() - self._blank_since
        if self._is_to_be_seen(position) or waited > GRACE_S:
            states = self._states(position)
            only_asked = states and all(
                state is not None and state.state == "asked" for state in states.values()
            )
            # A picture that is read slowly is worth waiting for; one that is not there is not.
            if not (only_asked and self.frame is not None):
                self._draw(position, calm=False)
        if not self._settled(position):
            self._timer.start(TICK_MS)
        elif position != self._prefetched_around:
            self._prefetched_around = position
            near = likely_next(position, self.heading, self._session.extents)
            self._feed.prefetch(self._wanted_at(near))
        self._tell()

    # ------------------------------------------------------------ asking

    def _want(self, positions: list[Position]) -> None:
        self.look()
        self._feed.want(self._wanted_at(positions))

    def _wanted_at(self, positions: list[Position]) -> list[WantedPlane]:
        return [self._wanted(key) for p in positions for key in self._keys(p).values()]

    def _keys(self, position: Position) -> dict[int, PlaneKey]:
        """Return the keys of the visible channels that are registered."""
        session = self._session
        assert session.planes is not None
        assert session.facts is not None
        keys = {}
        for channel in session.visible_channels():
            if session.projection.on:
                index = position._replace(z=0).plane(channel)
                if stack := self._stack(index):
                    revision = sum(session.planes.revision(one) for one in stack)
                    keys[channel] = PlaneKey(
                        session.facts.identity, index, revision, depth=len(stack)
                    )
                continue
            index = position.plane(channel)
            if session.planes.has(index):
                revision = session.planes.revision(index)
                keys[channel] = PlaneKey(session.facts.identity, index, revision)
        return keys

    def _wanted(self, key: PlaneKey) -> WantedPlane:
        assert self._session.planes is not None
        ended = self._ended_at is not None and time.monotonic() - self._ended_at > LATE_FILES_S
        running = self._session.state != "file" and not ended
        planes = self._session.planes
        if not key.depth:
            return WantedPlane(key, planes.source(key.index), running)
        stack = tuple(
            WantedPlane(
                PlaneKey(key.acquisition, one, planes.revision(one)), planes.source(one), running
            )
            for one in self._stack(key.index)
        )
        return WantedPlane(key, stack[0].source, running, stack)

    def _stack(self, index: PlaneIndex) -> tuple[PlaneIndex, ...]:
        """Return the registered z planes beside one."""
        if index not in self._stacks:
            planes = self._session.planes
            assert planes is not None
            n_z = self._session.extents.z
            column = (PlaneIndex(index.t, index.fov, z, index.channel) for z in range(n_z))
            self._stacks[index] = tuple(one for one in column if planes.has(one))
        return self._stacks[index]

    def _states(self, position: Position) -> dict[int, PlaneState | None]:
        keys = self._keys(position)
        return {channel: self._feed.state(key) for channel, key in keys.items()}

    def _settled(self, position: Position) -> bool:
        states = self._states(position).values()
        return all(state is not None and state.settled for state in states)

    def _is_to_be_seen(self, position: Position) -> bool:
        states = self._states(position).values()
        return all(state is not None and state.to_be_seen for state in states)

    def _is_draft(self) -> bool:
        """Tell whether the picture is not exact yet."""
        return self.frame is not None and self.frame.is_draft

    def _is_pending(self, position: Position) -> bool:
        """Tell whether a position waits for a file, and not for the reader."""
        states = self._states(position).values()
        return any(state is not None and state.state == "pending" for state in states)

    # ------------------------------------------------------------ drawing

    def _is_drawn(self, position: Position) -> bool:
        drawn = [key for key, _n_drafts in self._drawn]
        return bool(drawn) and drawn == list(self._keys(position).values())

    def _draw(self, position: Position, *, calm: bool) -> None:
        """Give the canvas what there is of a position, unless it is there already."""
        keys = self._keys(position)
        states = {channel: self._feed.state(key) for channel, key in keys.items()}
        here = {c: s for c, s in states.items() if s is not None and s.answer is not None}
        drawn = tuple((keys[c], s.n_drafts - (s.state == "draft")) for c, s in here.items())
        if self.frame is not None and self.frame.position == position and drawn == self._drawn:
            return
        planes: list[FramePlane | None] = [None] * len(self._session.channel_visible)
        for channel, state in here.items():
            assert self._session.planes is not None
            assert state.answer is not None
            answer, registered_at = (
                state.answer,
                self._session.planes.registered_at(keys[channel].index),
            )
            planes[channel] = FramePlane(
                answer.pixels, answer.statistics, registered_at, draft=state.state == "draft"
            )
        self._n_frames += 1
        wanted = tuple(self._session.visible_channels())
        frame = Frame(self._n_frames, position, tuple(planes), wanted)
        self.frame, self._drawn = frame, drawn
        started = time.monotonic()
        self.frame_ready.emit(frame, calm)
        # Painting is queued by now: a timer of zero comes behind it.
        QTimer.singleShot(0, self, lambda: self._on_painted(frame, started))

    def _on_painted(self, frame: Frame, started: float) -> None:
        busy_s = time.monotonic() - started
        self._next_frame_at = started + max(MIN_FRAME_S, BUSY_FACTOR * busy_s)
        planes = [plane for plane in frame.planes if plane is not None]
        known = [plane.registered_at for plane in planes if plane.registered_at is not None]
        if known:
            self.frame_measured.emit(frame, (time.time() - max(known)) * 1000)

    # ------------------------------------------------------------ telling

    def _tell(self) -> None:
        shown = self._session.shown
        waited = time.monotonic() - self._blank_since
        if self._session.following:
            self._set_message(self._explain_following())
        elif self._settled(shown) or waited > GRACE_S:
            self._set_message(self._explain(shown))

    def _explain_following(self) -> str:
        if self._asked and time.monotonic() - self._asked[0].since > STUCK_AFTER_S / 2:
            waiting = self._asked[0].position
            why = self._explain(waiting)
            return f"newest, {self._session.describe(waiting)}:\n{why}" if why else ""
        if self._nothing_newest:
            return explain_nothing_to_follow(self._session)
        if self.frame is None or self.frame.complete:
            return ""
        # That the channels come one after another is no news; that one failed is.
        if any(plane is not None for plane in self.frame.planes):
            states = self._states(self.frame.position).values()
            if not any(state is not None and state.state == "failed" for state in states):
                return ""
        return self._explain(self.frame.position)

    def _explain(self, position: Position) -> str:
        return explain(self._session, position, self._states(position))

    def _set_message(self, message: str) -> None:
        if message != self._message:
            self._message = message
            self.message_changed.emit(message)


def _nothing() -> None:
    """Tell that nothing is known of what is seen."""
