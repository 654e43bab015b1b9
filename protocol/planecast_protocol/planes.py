"""Descriptions of planes: where one is in a file, and where its pixels lie in memory."""

from typing import Annotated

import msgspec

from planecast_protocol.axes import Count
from planecast_protocol.limits import MAX_COUNT, MAX_DIMENSIONS, MAX_PATH_CHARS

WirePath = Annotated[str, msgspec.Meta(min_length=3, max_length=MAX_PATH_CHARS)]
"""`alias:relative/posix/path`; `paths.check_wire_path` has the rule."""

DtypeName = Annotated[str, msgspec.Meta(min_length=2, max_length=16)]
"""A numpy dtype string with its byte order, such as `<u2`."""

Shape = Annotated[tuple[Count, ...], msgspec.Meta(max_length=MAX_DIMENSIONS)]

AxisIndex = Annotated[
    dict[Annotated[str, msgspec.Meta(min_length=1, max_length=16)], Count],
    msgspec.Meta(max_length=MAX_DIMENSIONS),
]
"""Axis letter as the file has it (`T`, `C`, `Z`, `H` …) to index; axes left out are 0."""


FileSize = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
FileTime = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""Nanoseconds since 1970, as `os.stat` has them."""


class FileStamp(msgspec.Struct, frozen=True, kw_only=True):
    """By what a file is told from an earlier or later one of the same name."""

    size_bytes: FileSize
    mtime_ns: FileTime | None = None


class PlaneSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Where a plane is: a file, and the place in it."""

    path: WirePath
    scene: Count = 0
    index: AxisIndex = {}
    page: Count | None = None
    """Page of a TIFF, where the controller counts pages rather than axes."""
    size_bytes: FileSize | None = None
    """The whole file's size, if the controller knew it after closing the file."""
    mtime_ns: FileTime | None = None

    @property
    def stamp(self) -> FileStamp | None:
        """The finished file, if the controller knew its size."""
        if self.size_bytes is None:
            return None
        return FileStamp(size_bytes=self.size_bytes, mtime_ns=self.mtime_ns)


class Seen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What of a plane is on a screen: a rectangle in its pixels, and the screen's for it."""

    x: Count
    y: Count
    width: Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]
    height: Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]
    screen_width: Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]
    screen_height: Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]


class SharedPlane(msgspec.Struct, frozen=True, kw_only=True):
    """Pixels in the worker's shared memory. Valid while the slot's generation is this one."""

    slot: Count
    generation: int
    offset: Annotated[int, msgspec.Meta(ge=0)]
    """Byte offset in the arena."""


class PlaneStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a viewer needs for contrast, computed where the plane was read."""

    minimum: float
    maximum: float
    """Exact; of the finite values where the dtype is a float."""
    percentiles: dict[str, float]
    """`"0.1"`, `"1"`, `"50"`, `"99"`, `"99.9"` to value, of at most 2**18 evenly spaced pixels."""
    histogram: list[int]
    """256 counts over `minimum` to `maximum`, of the same pixels."""
