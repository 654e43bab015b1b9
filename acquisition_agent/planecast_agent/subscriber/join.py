"""Follows an acquisition in a script: what was registered so far, and what comes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Condition
from typing import Any, Literal, Self

import numpy.typing as npt

from planecast_agent.subscriber.follower import Follower
from planecast_agent.subscriber.known_events import KnownEvents
from planecast_agent.subscriber.news import News
from planecast_agent.subscriber.plane_index import RegisteredPlanes
from planecast_agent.subscriber.subscription import Subscription
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.endpoints import default_agent_address
from planecast_protocol.errors import AcquisitionError, AgentUnreachableError
from planecast_protocol.event_messages import StartAcquisition
from planecast_protocol.limits import RECONNECT_AFTER_S
from planecast_protocol.planes import PlaneSource

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class RegisteredPlane:
    """One registration, as the controller made it."""

    index: PlaneIndex
    source: PlaneSource
    registered_at: float
    """Wall time of the controller, in s since 1970."""


def join(
    acquisition: str = LATEST, *, agent: str | None = None, timeout_s: float = 30.0
) -> "JoinedAcquisition":
    """Join an acquisition that runs or is over; return it once all that was registered is known.

    `acquisition` is an id, a name (the newest of that name) or `"latest"`; `agent` is an
    address, if it is not this user's agent. Raises `AgentUnreachableError` if no agent answers,
    or is silent for `timeout_s`, and `AcquisitionError` if it has no such acquisition.
    """
    joined = JoinedAcquisition(acquisition, agent or default_agent_address())
    try:
        joined.wait_until_known(timeout_s)
    except BaseException:
        joined.close()
        raise
    return joined


class JoinedAcquisition:
    """What `join` returns. It follows the acquisition until `close`, in a thread of its own.

    The methods may be called from any thread. Iterating over it gives all registrations in
    order, first those that are there and then each as it comes, until the acquisition ends.
    """

    def __init__(self, acquisition: str, address: str) -> None:
        """Use `join`."""
        self._wish = acquisition
        self._address = address
        self._changed = Condition()
        self._known = KnownEvents()
        self._closed = False
        wish = None if acquisition == LATEST else acquisition
        self._follower = Follower(address, Subscription(wish, no_other=True), self._take)
        self._follower.start()

    # ------------------------------------------------------------ what is known

    @property
    def start(self) -> StartAcquisition:
        """What the controller said of it at the start: its id, name, channels and sizes."""
        with self._changed:
            return self._begun()[0]

    @property
    def id(self) -> str:
        """The acquisition's id."""
        return self.start.acquisition

    @property
    def state(self) -> Literal["running", "done", "aborted"]:
        """Whether more planes may come. An acquisition that was not ended stays running."""
        with self._changed:
            return "running" if self._known.end is None else self._known.end.status

    @property
    def end_reason(self) -> str:
        """Why it was aborted; empty: not said, or not ended."""
        with self._changed:
            return "" if self._known.end is None else self._known.end.reason

    @property
    def controller(self) -> Literal["live", "silent", "gone"]:
        """How its controller is, by the agent's last word."""
        with self._changed:
            summary = self._known.summary()
            return "gone" if summary is None else summary.controller

    @property
    def agent_state(self) -> Literal["connecting", "live", "silent"]:
        """How the agent is. What comes while it is silent follows when it is back."""
        with self._changed:
            return self._known.link.state

    @property
    def alarm(self) -> str:
        """What the agent's operator must know; empty: nothing."""
        with self._changed:
            return self._known.notice.alarm

    @property
    def n_planes(self) -> int:
        """Planes registered so far, each counted once."""
        with self._changed:
            return self._begun()[1].n_planes

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Return a row for each plane: int32 `t`, `fov`, `z`, `channel`, and `registered_at`.

        A plane that was registered again is once in it, where it came last.
        """
        with self._changed:
            return self._begun()[1].columns()

    def has(self, t: int, fov: int, z: int, channel: str | int) -> bool:
        """Tell whether a plane is registered, which never means "whole on disk"."""
        with self._changed:
            return self._begun()[1].has(self._index(t, fov, z, channel))

    def source(self, t: int, fov: int, z: int, channel: str | int) -> PlaneSource:
        """Return where a plane is; raise `AcquisitionError` if it is not registered."""
        with self._changed:
            start, planes = self._begun()
            index = self._index(t, fov, z, channel)
            if not planes.has(index):
                raise AcquisitionError(f"{start.acquisition}: no plane {index} was registered")
            return planes.source(index)

    # ------------------------------------------------------------ what comes

    def wait_for(self, is_so: Callable[[Self], bool], timeout_s: float | None = None) -> bool:
        """Wait until `is_so(self)`, asked whenever something has come; `False`: it never was.

        Raises `AcquisitionError` when the agent has the acquisition no more.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not is_so(self):
                if self._closed or not self._wait(deadline):
                    return False
            return True

    def wait_ended(self, timeout_s: float | None = None) -> bool:
        """Wait until the acquisition is done or aborted; `False` if it still runs."""
        return self.wait_for(lambda joined: joined.state != "running", timeout_s)

    def __iter__(self) -> Iterator[RegisteredPlane]:
        """Yield every registration in order; wait for more until the acquisition ends.

        A plane that is registered again is yielded again. Raises `AcquisitionError` when the
        agent has the acquisition no more, or had to fill a new journal meanwhile: join again.
        """
        epoch, row = self._known.epoch, 0
        while True:
            with self._changed:
                while epoch == self._known.epoch and row >= self._known.n_rows:
                    if self._closed or self._known.end is not None:
                        return
                    self._wait(None)
                if epoch != self._known.epoch:
                    raise AcquisitionError(
                        f"{self._wish}: the agent's journal was lost: join again"
                    )
                plane = self._plane_in(row)
            yield plane
            row += 1

    def close(self) -> None:
        """Stop following, and wait for the thread's end. May be called twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._follower.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_until_known(self, timeout_s: float) -> None:
        """Wait until all that the agent has of it now is here. See `join`."""
        with self._changed:
            while not self._known.is_complete:
                deadline = time.monotonic() + min(timeout_s, RECONNECT_AFTER_S)
                if self._known.link.state == "live":
                    deadline = time.monotonic() + timeout_s
                if not self._wait(deadline):
                    raise AgentUnreachableError(
                        f"no agent answers at {self._address}; start one with: planecast agent"
                    )

    # ------------------------------------------------------------ inside, with the lock

    def _wait(self, deadline: float | None) -> bool:
        """Wait for the next news; `False` after the deadline."""
        if self._known.trouble is not None:
            raise self._known.trouble
        patience_s = None if deadline is None else deadline - time.monotonic()
        if patience_s is not None and patience_s <= 0:
            return False
        came = self._changed.wait(patience_s)
        if self._known.trouble is not None:
            raise self._known.trouble
        return came

    def _begun(self) -> tuple[StartAcquisition, RegisteredPlanes]:
        known = self._known
        if known.trouble is not None:
            raise known.trouble
        if known.start is None or known.planes is None:
            raise AcquisitionError(f"{self._wish}: the agent's journal is being filled anew; wait")
        return known.start, known.planes

    def _plane_in(self, row: int) -> RegisteredPlane:
        _start, planes = self._begun()
        return RegisteredPlane(
            planes.index_in(row), planes.source_in(row), planes.registered_at_in(row)
        )

    def _index(self, t: int, fov: int, z: int, channel: str | int) -> PlaneIndex:
        start, _planes = self._begun()
        if isinstance(channel, str):
            if channel not in start.channels:
                listed = ", ".join(start.channels)
                raise AcquisitionError(f"channel {channel!r}: this acquisition has {listed}")
            channel = start.channels.index(channel)
        return PlaneIndex(t, fov, z, channel)

    # ------------------------------------------------------------ in the follower's thread

    def _take(self, news: News) -> None:
        with self._changed:
            self._known.take(news)
            self._changed.notify_all()
