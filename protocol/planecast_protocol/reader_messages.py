"""Between the reader worker's front and its clients.

Frames on the stream are described in `streams.py`: a message, and a payload that may be empty.
"""

from typing import Annotated, Literal

import msgspec

from planecast_protocol.axes import ByteCount, Count
from planecast_protocol.base import Message, Name, RequestId, Text
from planecast_protocol.errors import ErrorInfo
from planecast_protocol.images import ImageInfo
from planecast_protocol.planes import (
    AxisIndex,
    DtypeName,
    FileStamp,
    PlaneStatistics,
    Seen,
    Shape,
    SharedPlane,
    WirePath,
)

Priority = Literal["screen", "script", "prefetch"]
"""Served in this order."""
PRIORITIES: tuple[Priority, ...] = ("screen", "script", "prefetch")

# ---------------------------------------------------------------- client to front


class OpenImage(Message, frozen=True, kw_only=True, tag="open"):
    """Describe a file or folder; answered by `ImageOpened`."""

    request: RequestId
    path: WirePath


class PlaneArea(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="plane"):
    """The whole plane at an index."""

    page: Count | None = None
    """Page of a TIFF, instead of an index."""


class TileArea(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="tile"):
    """One tile of a mosaic, by its own number."""

    tile: Count


class RegionArea(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="region"):
    """A rectangle of the plane, in pixels of level 0 relative to the scene's corner."""

    x: Count
    y: Count
    width: Annotated[int, msgspec.Meta(ge=1)]
    height: Annotated[int, msgspec.Meta(ge=1)]
    level: Count = 0


Area = PlaneArea | TileArea | RegionArea


class ReadPixels(Message, frozen=True, kw_only=True, tag="read"):
    """Read a plane, tile or region; answered by `PixelsReady` or `RequestFailed`."""

    request: RequestId
    path: WirePath
    scene: Count = 0
    index: AxisIndex = msgspec.field(default_factory=dict)
    area: Area = msgspec.field(default_factory=PlaneArea)
    priority: Priority = "script"
    running: bool = False
    """The plane belongs to an acquisition that is not ended: an all-zero plane may simply not
    be written yet, and a missing file may still come."""
    wait: bool = False
    """With `running`: don't answer "not yet", but `PixelsPending` at once, and the plane when it
    is whole. Ends with `Cancel`."""
    statistics: bool = False
    keep: bool = True
    """False: the plane passes by, as one of very many, and is the first to leave the cache."""
    view: Count = 0
    """Where the plane is to be shown, by the client's own number; 0: nowhere."""
    turn: Count = 0
    """A request of a `view` withdraws all of that view's requests of an earlier turn."""
    revision: Count = 0
    """Of the registered plane: a plane that was registered again is read again."""
    registered: FileStamp | None = None
    """The finished file, as its controller registered it: another file is not read."""
    seen: Seen | None = None
    """For other machines: this of the plane is wanted first, and coarse before it is whole."""
    warm: bool = False
    """For other machines: only into the worker's cache, and answered by `Done`."""
    awake: bool = False
    """The caller does nothing but wait for a plane that is not in the shared memory: `PixelsSoon`
    may come before the answer, and, if it takes a lease upon that in time, instead of it."""
    most_px: Count = 0
    """For other machines: not 0: a coarser plane will do, no side longer than about this."""


class ReadPlanetable(Message, frozen=True, kw_only=True, tag="planetable"):
    """Read one row per sub-block; answered by `TableReady`."""

    request: RequestId
    path: WirePath
    scene: Count | None = None
    norm_time: bool = False
    """Times relative to the file's first, in seconds."""


class ReadMetadata(Message, frozen=True, kw_only=True, tag="metadata"):
    """Read what the file says of its acquisition; answered by `MetadataReady`."""

    request: RequestId
    path: WirePath


class ReleaseFile(Message, frozen=True, kw_only=True, tag="release"):
    """Close the file's handles in every reader; answered by `Done`."""

    request: RequestId
    path: WirePath


class Cancel(Message, frozen=True, kw_only=True, tag="cancel"):
    """Withdraw requests, those that wait for a file included.

    Each is answered by `RequestFailed` with `CancelledError`, unless its answer is already on
    the way. One that is being read is finished, and cached.
    """

    requests: list[RequestId]


class AskWorkerStatus(Message, frozen=True, kw_only=True, tag="ask_status"):
    """How is the worker? Answered by `WorkerStatus`."""

    request: RequestId


# ---------------------------------------------------------------- front to client


class WorkerWelcome(Message, frozen=True, kw_only=True, tag="worker_welcome"):
    """First message on each connection. With an arena, its two file descriptors come along."""

    worker: Name
    pid: Count
    arena_bytes: ByteCount
    """0: no shared memory on this connection, pixels come as payload."""
    slots: Count
    row: Count
    """This client's row of leases."""


class ImageOpened(Message, frozen=True, kw_only=True, tag="opened"):
    """Answer to `OpenImage`."""

    request: RequestId
    image: ImageInfo


class PixelsReady(Message, frozen=True, kw_only=True, tag="pixels"):
    """Pixels, C-contiguous, in shared memory or else in the payload."""

    request: RequestId
    shape: Shape
    """(y, x), or (y, x, samples) with samples in the order R, G, B, A."""
    dtype: DtypeName
    shared: SharedPlane | None = None
    statistics: PlaneStatistics | None = None
    cached: bool = False
    """The plane was in the arena already."""
    read_ms: float = 0.0
    """Time that the reader took."""
    draft: bool = False
    """From another machine: not all pixels are exact yet, and the plane itself will follow."""


class PixelsSoon(Message, frozen=True, kw_only=True, tag="soon"):
    """From a reader: pixels are nearly there. They are when the board has their generation."""

    request: RequestId
    shape: Shape
    dtype: DtypeName
    shared: SharedPlane
    reader: Count
    """Process id of the reader."""


class PixelsPending(Message, frozen=True, kw_only=True, tag="pending"):
    """Not written, or not whole yet. `PixelsReady` will follow by itself."""

    request: RequestId
    why: Text


class TableReady(Message, frozen=True, kw_only=True, tag="table"):
    """Answer to `ReadPlanetable`: a MessagePack map of column name to list, as payload."""

    request: RequestId
    rows: Count


class MetadataReady(Message, frozen=True, kw_only=True, tag="metadata_ready"):
    """Answer to `ReadMetadata`: an `ImageMetadata` in MessagePack, as payload."""

    request: RequestId


class Done(Message, frozen=True, kw_only=True, tag="done"):
    """Answer to a request that returns nothing."""

    request: RequestId


class RequestFailed(Message, frozen=True, kw_only=True, tag="failed"):
    """Any request's other answer."""

    request: RequestId
    error: ErrorInfo


class ReaderProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One reader process."""

    pid: Count
    state: Literal["starting", "idle", "busy"]
    path: Text = ""
    """What it reads now."""
    reads: Count
    busy_s: float = 0.0
    """How long it has been at that."""


class WorkerStatus(Message, frozen=True, kw_only=True, tag="worker_status"):
    """Answer to `AskWorkerStatus`. Counts since the front started."""

    request: RequestId
    uptime_s: float
    readers: list[ReaderProcessStatus]
    clients: Count
    requests: Count
    reads: Count
    cache_hits: Count
    pending: Count
    """Requests that wait for a file to become whole."""
    queued: Count
    readers_replaced: Count
    quarantined: list[Text]
    arena_bytes: ByteCount
    arena_used_bytes: ByteCount
    leased_slots: Count
    refused: Count = 0
    """Clients that were cut off because they sent what is no request, or that brought no key."""
    pid: Count = 0
    """Of the front; 0: not said."""
    last_loss: Text = ""
    """Why a reader was replaced last; empty: none was."""


ReaderMessage = (
    OpenImage
    | ReadPixels
    | ReadPlanetable
    | ReadMetadata
    | ReleaseFile
    | Cancel
    | AskWorkerStatus
    | WorkerWelcome
    | ImageOpened
    | PixelsReady
    | PixelsSoon
    | PixelsPending
    | TableReady
    | MetadataReady
    | Done
    | RequestFailed
    | WorkerStatus
)
