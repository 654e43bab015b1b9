"""What a subscriber knows of controllers, their state and commands, and of who lives.

No socket and no clock in here.
"""

from dataclasses import dataclass
from itertools import count
from typing import Literal

import msgspec

from planecast_protocol.agent_messages import AgentHeartbeat
from planecast_protocol.messages import AnyMessage
from planecast_protocol.state_messages import (
    ControllerState,
    FetchState,
    PartState,
    StateBell,
    StateChange,
    StateSnapshot,
)


@dataclass(frozen=True)
class ControlPicture:
    """All of it at one moment. Immutable, so that it may cross threads."""

    agent: Literal["connecting", "live", "silent"] = "connecting"
    silent_s: float = 0.0
    """Whole seconds since the agent was last heard."""
    controllers: tuple[ControllerState, ...] = ()
    parts: tuple[PartState, ...] = ()
    may_command: bool = False
    """Whether the agent lets this subscriber's commands through."""


class ControlBook:
    """Keeps the picture up to date by what the agent says."""

    def __init__(self, requests: "count[int]") -> None:
        self._requests = requests
        self.outstanding: FetchState | None = None
        self.boot = ""
        """Of the agent, in the last snapshot."""
        self.clock_s = 0.0
        """The agent's clock, when it was last heard."""
        self._revision = -1
        self._behind = True
        self._controllers: dict[str, ControllerState] = {}
        self._parts: tuple[PartState, ...] = ()
        self._may_command = False

    @property
    def is_complete(self) -> bool:
        """Whether everything was fetched, from the agent as it runs now."""
        return self._revision >= 0

    def next_request(self) -> FetchState | None:
        """Return what to send now, or nothing while an answer is out."""
        if self.outstanding is not None or not self._behind:
            return None
        self.outstanding = FetchState(request=next(self._requests))
        return self.outstanding

    def give_up(self) -> None:
        """Stop waiting for the answer that is out: ask anew."""
        self.outstanding = None
        self._behind = True

    def take(self, message: AnyMessage) -> bool:
        """Take a message of the agent's bell or door; return whether the picture changed."""
        match message:
            case StateSnapshot() if (
                self.outstanding and message.request == self.outstanding.request
            ):
                return self._take_snapshot(message)
            case StateBell():
                return self._take_bell(message)
            case AgentHeartbeat():
                return self._take_heartbeat(message)
        return False

    def picture(
        self, agent: Literal["connecting", "live", "silent"], silent_s: float
    ) -> ControlPicture:
        """Return everything at this moment."""
        return ControlPicture(
            agent,
            silent_s,
            tuple(self._controllers.values()),
            self._parts,
            may_command=self._may_command,
        )

    def _take_snapshot(self, snapshot: StateSnapshot) -> bool:
        self.outstanding = None
        self._behind = False
        self.boot, self.clock_s = snapshot.boot, snapshot.clock_s
        self._revision = snapshot.revision
        self._controllers = {one.controller: one for one in snapshot.controllers}
        self._parts = tuple(snapshot.parts)
        self._may_command = snapshot.may_command
        return True

    def _take_bell(self, bell: StateBell) -> bool:
        if bell.boot == self.boot and bell.revision <= self._revision:
            return False  # older than the snapshot
        fits = bell.boot == self.boot and bell.after <= self._revision
        if bell.changes is None or not fits:
            self._behind = True
            return False
        for change in bell.changes:
            self._change(change)
        self._revision = bell.revision
        return True

    def _change(self, change: StateChange) -> None:
        known = self._controllers.get(change.controller)
        if known is None:
            self._behind = True
            return
        values = {entry.name: entry for entry in (*known.values, *change.values)}
        self._controllers[change.controller] = msgspec.structs.replace(
            known, values=list(values.values())
        )

    def _take_heartbeat(self, beat: AgentHeartbeat) -> bool:
        self._behind |= beat.boot != self.boot or beat.state_revision > self._revision
        if beat.boot == self.boot:
            self.clock_s = beat.clock_s
        parts, self._parts = self._parts, tuple(beat.parts)
        return parts != self._parts
