"""The axes of an acquisition, and the place of one plane on them."""

from typing import Annotated

import msgspec

from planecast_protocol.limits import MAX_COUNT

ACQUISITION_AXES = ("t", "fov", "z", "channel")
"""The order in which planes of an acquisition are indexed; a plane itself is (y, x)."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
"""A non-negative number that fits 31 bits, as every index and count on the wire does."""

ByteCount = Annotated[int, msgspec.Meta(ge=0)]
"""A size in bytes, which may well be above 31 bits."""


class PlaneIndex(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """Which plane of an acquisition. Axes in the order of `ACQUISITION_AXES`."""

    t: Count
    fov: Count
    z: Count
    channel: Count
    """Position in the acquisition's list of channels."""
