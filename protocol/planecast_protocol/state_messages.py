"""The state of controllers, up to their viewers; and who of all the programs lives.

A state value has no history: the agent keeps the last one of each name.
"""

from typing import Annotated, Literal

import msgspec

from planecast_protocol.axes import Count
from planecast_protocol.base import (
    Message,
    Name,
    PublisherId,
    RequestId,
    Sequence,
    StoreId,
    Text,
    WallTime,
)
from planecast_protocol.command_messages import CommandSpec
from planecast_protocol.limits import (
    MAX_COMMANDS,
    MAX_CONTROLLERS,
    MAX_NAME_CHARS,
    MAX_PARTS,
    MAX_STATE_VALUES,
)
from planecast_protocol.values import Finite, Value

Life = Literal["live", "silent", "gone"]
"""`silent`: connected, but nothing was heard for `SILENT_AFTER_S`. `gone`: ended, or dead."""
ShortText = Annotated[str, msgspec.Meta(max_length=MAX_NAME_CHARS)]


class StateEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The last value of one name."""

    name: Name
    value: Value
    set_at: WallTime


Entries = Annotated[list[StateEntry], msgspec.Meta(max_length=MAX_STATE_VALUES)]
Commands = Annotated[list[CommandSpec], msgspec.Meta(max_length=MAX_COMMANDS)]

# ---------------------------------------------------------------- controller to agent, and back


class ControllerReport(Message, frozen=True, kw_only=True, tag="report"):
    """A controller's state: what changed since the agent's last answer. Also its heartbeat.

    One is under way at a time. An agent that does not have `after` yet (it restarted) takes no
    values, and says so in its answer; the next report has everything.
    """

    request: RequestId
    controller: PublisherId
    name: Name
    host: ShortText = ""
    pid: Count = 0
    after: Sequence
    """The revision on which this one builds; 0: this is everything."""
    revision: Sequence
    """Counts the changes of this controller's state."""
    values: Entries = msgspec.field(default_factory=list)
    commands: Commands | None = None
    """All that it accepts; `None`: as before."""


class ReportTaken(Message, frozen=True, kw_only=True, tag="report_taken"):
    """Answer to `ControllerReport`."""

    request: RequestId
    revision: Sequence
    """What the agent has now; less than the report's: send everything."""
    boot: StoreId
    command_waits: bool = False
    why: Text = ""
    """Why values were not taken, if they weren't."""


# ---------------------------------------------------------------- who lives


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A program that belongs to the whole, as it introduces itself."""

    part: PublisherId
    """A controller's is its publisher's; others choose 128 random bits at their start."""
    kind: Literal["controller", "viewer", "worker"]
    name: ShortText = ""
    host: ShortText = ""
    pid: Count = 0
    """0: not known."""
    shows: ShortText = ""
    """A viewer: the acquisition that it shows."""
    behind: Count = 0
    """A viewer: events of that acquisition that it has not fetched yet."""


class PartBeat(Message, frozen=True, kw_only=True, tag="part"):
    """The heartbeat of a viewer, or of whoever else wants to be seen. It is not answered."""

    part: Part


class Ping(Message, frozen=True, kw_only=True, tag="ping"):
    """Agent to a part that was not heard lately, to see whether its connection still exists.

    It needs no answer: the parts say enough by themselves.
    """


class PartState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part, and how it is."""

    part: Part
    life: Life
    silent_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Since it was last heard, rounded to tenths; 0 while it is live."""
    why: Text = ""
    """Why it is not live, if the agent knows."""


# ---------------------------------------------------------------- subscriber to agent, and back


class FetchState(Message, frozen=True, kw_only=True, tag="fetch_state"):
    """Ask for everything: controllers, their values and commands."""

    request: RequestId


class ControllerState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A controller and the last it said. Values of one that is not live are stale."""

    controller: PublisherId
    name: Name
    host: ShortText = ""
    pid: Count = 0
    life: Life
    values: Entries = []
    commands: Commands = []


class StateSnapshot(Message, frozen=True, kw_only=True, tag="state"):
    """Answer to `FetchState`."""

    request: RequestId
    boot: StoreId
    revision: Sequence
    """Counts the changes of all controllers' state since this boot."""
    clock_s: Finite
    """The agent's monotonic clock, when it answered."""
    controllers: Annotated[list[ControllerState], msgspec.Meta(max_length=MAX_CONTROLLERS)]
    parts: Annotated[list[PartState], msgspec.Meta(max_length=MAX_PARTS)] = msgspec.field(
        default_factory=list
    )
    """As in the heartbeat."""
    may_command: bool
    """Whether the asker's commands are let through."""


class StateChange(msgspec.Struct, frozen=True, kw_only=True):
    """New values of one controller."""

    controller: PublisherId
    values: Entries


class StateBell(Message, frozen=True, kw_only=True, tag="state_bell"):
    """State has changed. Who missed one, or finds no `changes` in it, fetches everything."""

    boot: StoreId
    after: Sequence
    revision: Sequence
    changes: list[StateChange] | None = None
    """What leads from `after` to `revision`; `None`: too much, or more than values changed."""


StateMessage = (
    ControllerReport | ReportTaken | PartBeat | Ping | FetchState | StateSnapshot | StateBell
)
