"""What a viewer wants written as one file: sent to a process that may load file libraries."""

from typing import Annotated

import msgspec

from planecast_protocol.axes import Count
from planecast_protocol.base import Name
from planecast_protocol.event_messages import Positive
from planecast_protocol.limits import MAX_CHANNELS, MAX_PATH_CHARS
from planecast_protocol.planes import PlaneSource

MAX_PLANES = 1_000_000
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class StackOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Planes to write as an OME-TIFF, in JSON."""

    out: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PATH_CHARS)]
    """Path of the file, which is replaced."""
    worker: str | None = None
    """Address of the reader worker; `None`: this user's, or a private one."""
    num_t: AtLeastOne
    num_z: AtLeastOne
    channels: Annotated[list[Name], msgspec.Meta(min_length=1, max_length=MAX_CHANNELS)]
    planes: Annotated[list[PlaneSource | None], msgspec.Meta(max_length=MAX_PLANES)]
    """For each t, each z, each channel; `None`: there is no such plane."""
    pixel_size_um: Positive | None = None
    z_step_um: Positive | None = None


class StackProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One line of JSON that the process prints while it writes, and at the end."""

    done: Count
    total: Count
    saved: bool = False
    """The file is there as a whole: the last line."""
    missing: Count = 0
    """Planes that were not there, or could not be read: they are all zero in the file."""
    why: str = ""
    """Of the first that is missing; or, where this is the last line and it is not saved, why."""
