"""Between the agent and those who talk to it: publishers at its door, subscribers at both."""

from typing import Annotated, Literal

import msgspec

from planecast_protocol.axes import ByteCount, Count
from planecast_protocol.base import (
    AcquisitionId,
    Message,
    Name,
    PublisherId,
    RequestId,
    Sequence,
    StoreId,
    Text,
    WallTime,
)
from planecast_protocol.limits import MAX_BATCH_EVENTS, MAX_PARTS
from planecast_protocol.reader_messages import WorkerStatus
from planecast_protocol.state_messages import PartState, ShortText
from planecast_protocol.values import Finite

# ---------------------------------------------------------------- publisher to agent


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """Where does the agent stand with me? Also the heartbeat of an idle publisher."""

    request: RequestId
    publisher: PublisherId
    program: Text = ""
    """Shown to people: the name of the controller."""
    host: ShortText = ""
    pid: Count = 0


class Publish(Message, frozen=True, kw_only=True, tag="publish"):
    """A batch of records (`records.py`), in a second frame. Sent without waiting for acks."""

    publisher: PublisherId
    first: Sequence
    """Sequence of the first record in the publisher's spool."""
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH_EVENTS)]
    after: Sequence = 0
    """Sequence of the record before, where `first` does not follow it: a controller's restart."""


class Farewell(Message, frozen=True, kw_only=True, tag="bye"):
    """The publisher ends and everything is acknowledged: its silence is no alarm."""

    publisher: PublisherId


# ---------------------------------------------------------------- agent to publisher


class Welcome(Message, frozen=True, kw_only=True, tag="welcome"):
    """Answer to `Hello`."""

    request: RequestId
    last: Sequence
    """The last record of this publisher that is in the journal."""
    log: StoreId
    boot: StoreId
    """Changes when the agent restarts: acks of another boot are void."""


class Ack(Message, frozen=True, kw_only=True, tag="ack"):
    """Everything up to `last` is in the journal, committed."""

    last: Sequence
    boot: StoreId


class Nak(Message, frozen=True, kw_only=True, tag="nak"):
    """A batch was not taken: go back to `last` + 1."""

    last: Sequence
    boot: StoreId
    why: Literal["gap", "damaged", "full"]
    """`full`: the agent's disk is; ask again later, keep spooling."""


class Refused(Message, frozen=True, kw_only=True, tag="refused"):
    """A message that can't be served, and why. It stays so until the asker changes."""

    request: RequestId = 0
    code: Name
    """Name of a class in `errors`."""
    why: Text


# ---------------------------------------------------------------- subscriber to agent


class ListAcquisitions(Message, frozen=True, kw_only=True, tag="list"):
    """Ask which acquisitions there are."""

    request: RequestId


class FetchEvents(Message, frozen=True, kw_only=True, tag="fetch"):
    """Give me the events of one acquisition from `first` on, at most one chunk."""

    request: RequestId
    acquisition: AcquisitionId
    first: Sequence


# ---------------------------------------------------------------- agent to subscriber


class AcquisitionSummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One acquisition in a list."""

    acquisition: AcquisitionId
    name: Name
    state: Literal["running", "done", "aborted"]
    controller: Literal["live", "silent", "gone"] = "gone"
    """`silent`: nothing heard of a running acquisition's controller for `SILENT_AFTER_S`."""
    head: Sequence
    """Events so far."""
    planes: Count
    """Images registered so far; one that was registered again counts again."""
    started_at: WallTime
    owner: str = ""
    """`Part.part` of its controller."""
    n_bytes: ByteCount = 0
    """What its events take in the journal."""
    stored_at: WallTime = 0.0
    """When its last event was stored, by the agent's clock; 0: not known."""


class AcquisitionList(Message, frozen=True, kw_only=True, tag="acquisitions"):
    """Answer to `ListAcquisitions`, oldest first."""

    request: RequestId
    log: StoreId
    boot: StoreId
    acquisitions: list[AcquisitionSummary]
    worker: Text = ""
    """Where the reader worker that belongs to this agent listens; empty: not known."""


class EventChunk(Message, frozen=True, kw_only=True, tag="events"):
    """Answer to `FetchEvents`; a second frame holds `columns.pack` of the events."""

    request: RequestId
    acquisition: AcquisitionId
    first: Sequence
    count: Count
    """0: there is nothing from `first` on yet."""
    head: Sequence
    log: StoreId
    boot: StoreId


class CursorBeyond(Message, frozen=True, kw_only=True, tag="beyond"):
    """Answer to `FetchEvents` from beyond the head: the cursor is of another log. Start over."""

    request: RequestId
    acquisition: AcquisitionId
    head: Sequence
    log: StoreId


class Bell(Message, frozen=True, kw_only=True, tag="bell"):
    """Something was stored: here are the heads that moved. Losing one is harmless."""

    log: StoreId
    boot: StoreId
    heads: dict[AcquisitionId, Sequence]


class AgentHeartbeat(Message, frozen=True, kw_only=True, tag="beat"):
    """Rung every `HEARTBEAT_S`, with all that a subscriber can have missed."""

    log: StoreId
    boot: StoreId
    running: list[AcquisitionSummary]
    """Acquisitions that are not ended, and those that ended during the last ten beats."""
    stored: Count
    """Acquisitions in the journal: a subscriber lists them again when this changes."""
    dead_letters: Count = 0
    alarm: Text = ""
    """What an operator must know (disk full …); empty: nothing."""
    parts: Annotated[list[PartState], msgspec.Meta(max_length=MAX_PARTS)] = msgspec.field(
        default_factory=list
    )
    """Controllers, viewers and the worker, and how each is."""
    state_revision: Sequence = 0
    """`StateSnapshot.revision`: a subscriber fetches the state when it is behind this."""
    clock_s: Finite = 0.0
    """The agent's monotonic clock."""
    refused: Count = 0
    """Messages since its start that are none of ours, damaged, or not for their sender."""
    host: ShortText = ""
    pid: Count = 0
    uptime_s: Finite = 0.0
    """Since the agent started."""
    worker: WorkerStatus | None = None
    """What the worker said of itself last; `None`: it is not known, or does not answer."""


AgentMessage = (
    Hello
    | Publish
    | Farewell
    | Welcome
    | Ack
    | Nak
    | Refused
    | ListAcquisitions
    | FetchEvents
    | AcquisitionList
    | EventChunk
    | CursorBeyond
    | Bell
    | AgentHeartbeat
)
