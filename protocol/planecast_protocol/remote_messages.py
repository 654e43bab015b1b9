"""Between the worker's gateway and clients on other machines: planes in parts, over any link.

A plane's answer is `PixelsComing`, perhaps `PixelsPreview`s, and `PixelsPart`s that together are
the plane. Each part and preview has a number and its pixels as payload, and is confirmed by
`Received`: by that the gateway knows how fast the link is, and never sends far ahead.
"""

from typing import Annotated

import msgspec

from planecast_protocol.axes import Count
from planecast_protocol.base import Message, RequestId
from planecast_protocol.planes import DtypeName, PlaneStatistics, Seen, Shape

Encoding = Annotated[str, msgspec.Meta(max_length=16)]
"""How the payload is packed; empty: not at all."""
PartNumber = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Length = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]

# ---------------------------------------------------------------- client to gateway


class Introduce(Message, frozen=True, kw_only=True, tag="introduce"):
    """First message of a client: what it can unpack."""

    encodings: Annotated[list[Encoding], msgspec.Meta(max_length=16)]


class Received(Message, frozen=True, kw_only=True, tag="received"):
    """All parts and previews up to this one were received and unpacked."""

    number: PartNumber


class LookAt(Message, frozen=True, kw_only=True, tag="look_at"):
    """The view has moved: what is seen now of planes that are on their way comes first."""

    requests: list[RequestId]
    seen: Seen


# ---------------------------------------------------------------- gateway to client


class PixelsComing(Message, frozen=True, kw_only=True, tag="pixels_coming"):
    """A plane's answer begins; as in `PixelsReady`."""

    request: RequestId
    shape: Shape
    dtype: DtypeName
    statistics: PlaneStatistics | None = None
    """Of the whole plane."""
    cached: bool = False
    read_ms: float = 0.0


class PixelsPreview(Message, frozen=True, kw_only=True, tag="pixels_preview"):
    """A rectangle of the plane in fewer pixels: each is the mean of `step` by `step`."""

    request: RequestId
    number: PartNumber
    x: Count
    y: Count
    width: Length
    """Of the preview, in its own pixels. It covers `step` times as many of the plane, or to the
    plane's edge."""
    height: Length
    step: Length
    encoding: Encoding = ""


class PixelsPart(Message, frozen=True, kw_only=True, tag="pixels_part"):
    """A rectangle of the plane, exactly. The parts of a plane do not overlap."""

    request: RequestId
    number: PartNumber
    x: Count
    y: Count
    width: Length
    height: Length
    encoding: Encoding = ""
    seen_whole: bool = False
    """With this one, all that is seen is there."""


RemoteMessage = Introduce | Received | LookAt | PixelsComing | PixelsPreview | PixelsPart
