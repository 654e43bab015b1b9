"""What every message has: a kind, and the major version it was written for."""

from typing import Annotated

import msgspec

from planecast_protocol.limits import MAX_NAME_CHARS, MAX_TEXT_CHARS
from planecast_protocol.version import PROTOCOL_MAJOR

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARS)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_CHARS)]
AcquisitionId = Annotated[
    str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARS, pattern=r"^[A-Za-z0-9][\w.\-]*$")
]
PublisherId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$")]
RequestId = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Chosen by whoever asks, echoed by whoever answers."""
StoreId = Annotated[str, msgspec.Meta(max_length=MAX_NAME_CHARS)]
"""Of a journal, or of one run of an agent (`boot`)."""
Sequence = Annotated[int, msgspec.Meta(ge=0)]
"""Position in a stream; the first event is 1, and 0 means none."""
WallTime = Annotated[float, msgspec.Meta(ge=0)]
"""Seconds since 1970 by the sender's clock: shown to people, never used by logic."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", omit_defaults=True):
    """Base of all messages: a MessagePack map with its kind under `k`, its major under `v`."""

    v: int = msgspec.field(default_factory=lambda: PROTOCOL_MAJOR)
