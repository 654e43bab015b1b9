"""Between those who look after the journal (`planecast acquisitions …`) and the agent."""

from typing import Annotated

import msgspec

from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.axes import ByteCount, Count
from planecast_protocol.base import AcquisitionId, Message, RequestId, Sequence, Text, WallTime
from planecast_protocol.event_messages import StartAcquisition

MAX_LETTERS = 20
"""Dead letters in an answer: the newest."""


class DescribeAcquisition(Message, frozen=True, kw_only=True, tag="describe"):
    """Tell me all about one acquisition."""

    request: RequestId
    acquisition: AcquisitionId


class ForgetAcquisition(Message, frozen=True, kw_only=True, tag="forget"):
    """Delete one acquisition from the journal. Its image files are not touched.

    Refused with `AcquisitionError` where it is not known, and while its controller lives.
    """

    request: RequestId
    acquisition: AcquisitionId
    force: bool = False
    """Also while its controller lives; what that still publishes is not kept."""


class DeadLetterFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was kept aside."""

    seq: Sequence
    """Its place in its publisher's spool."""
    why: Text


class AcquisitionDetails(Message, frozen=True, kw_only=True, tag="details"):
    """Answer to `DescribeAcquisition`."""

    request: RequestId
    summary: AcquisitionSummary
    start: StartAcquisition
    ended_at: WallTime | None = None
    end_reason: Text = ""
    late: Count = 0
    """Images that came after its end."""
    spool: Text = ""
    """Where its spool is, on the agent's machine; empty: none is kept there."""
    n_dead_letters: Count = 0
    dead_letters: Annotated[list[DeadLetterFacts], msgspec.Meta(max_length=MAX_LETTERS)]
    """The newest, newest first."""


class AcquisitionForgotten(Message, frozen=True, kw_only=True, tag="forgotten"):
    """Answer to `ForgetAcquisition`: it is in no list any more, and its space is being freed."""

    request: RequestId
    acquisition: AcquisitionId
    n_bytes: ByteCount
    """What its events and its spool took."""


RetentionMessage = (
    DescribeAcquisition | ForgetAcquisition | AcquisitionDetails | AcquisitionForgotten
)
