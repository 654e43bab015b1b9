"""Between the front and one reader process. One task at a time, over a socket pair."""

from typing import Annotated

import msgspec

from planecast_protocol.axes import Count
from planecast_protocol.base import Message, RequestId, Text
from planecast_protocol.errors import ErrorInfo
from planecast_protocol.images import ImageInfo
from planecast_protocol.planes import AxisIndex, DtypeName, PlaneStatistics, Shape
from planecast_protocol.reader_messages import Area

Offset = Annotated[int, msgspec.Meta(ge=0)]


class MemorySlot(msgspec.Struct, frozen=True):
    """A piece of the arena that this task may fill."""

    number: Count
    generation: Offset
    """As long as it is filled: odd."""
    offset: Offset
    capacity: Offset


class Bell(msgspec.Struct, frozen=True):
    """Whom to tell when the pixels are nearly in their slot."""

    number: Offset
    request: RequestId
    """The client's."""
    row: Count
    """The client's, of leases."""


class PixelsTask(Message, frozen=True, kw_only=True, tag="pixels_task"):
    """Read pixels into `slot`; ask for one with `NeedMemory` if it does not fit."""

    task: RequestId
    path: bytes
    """Absolute, as `os.fsencode` gives it: the front has resolved and checked it."""
    wire_path: Text
    scene: Count = 0
    index: AxisIndex = msgspec.field(default_factory=dict)
    area: Area
    running: bool = False
    statistics: bool = False
    slot: MemorySlot | None = None
    bell: Bell | None = None


class DescribeTask(Message, frozen=True, kw_only=True, tag="describe_task"):
    """Describe the file; answered by `TaskImage`."""

    task: RequestId
    path: bytes
    wire_path: Text


class PlanetableTask(Message, frozen=True, kw_only=True, tag="planetable_task"):
    """Read the planetable; answered by `TaskPayload`."""

    task: RequestId
    path: bytes
    wire_path: Text
    scene: Count | None = None
    norm_time: bool = False


class MetadataTask(Message, frozen=True, kw_only=True, tag="metadata_task"):
    """Read the metadata; answered by `TaskPayload`."""

    task: RequestId
    path: bytes
    wire_path: Text


class ReleaseTask(Message, frozen=True, kw_only=True, tag="release_task"):
    """Close the handles on a path, or all; answered by `TaskPayload` with nothing."""

    task: RequestId
    path: bytes | None = None


class GiveMemory(Message, frozen=True, kw_only=True, tag="give"):
    """Answer to `NeedMemory`; without a slot the pixels come as payload of `TaskPixels`."""

    task: RequestId
    slot: MemorySlot | None


class ReaderStarted(Message, frozen=True, kw_only=True, tag="started"):
    """A reader process is ready for its first task."""

    pid: Count


class NeedMemory(Message, frozen=True, kw_only=True, tag="need"):
    """This task's pixels take `nbytes`."""

    task: RequestId
    nbytes: Offset


class TaskPixels(Message, frozen=True, kw_only=True, tag="task_pixels"):
    """The pixels are in the slot, or in the payload."""

    task: RequestId
    shape: Shape
    dtype: DtypeName
    nbytes: Offset
    in_slot: bool
    taken: bool = False
    """The client whose bell was rung has its answer."""
    statistics: PlaneStatistics | None = None
    read_ms: float = 0.0
    file_signature: tuple[int, int, int] = (0, 0, 0)
    """Size, mtime in ns and inode of the file, the same before and after the read."""


class TaskImage(Message, frozen=True, kw_only=True, tag="task_image"):
    """Answer to `DescribeTask`."""

    task: RequestId
    image: ImageInfo


class TaskPayload(Message, frozen=True, kw_only=True, tag="task_payload"):
    """The task is done; its MessagePack result is the payload."""

    task: RequestId
    rows: Count = 0


class TaskFailed(Message, frozen=True, kw_only=True, tag="task_failed"):
    """The task could not be done."""

    task: RequestId
    error: ErrorInfo


Task = PixelsTask | DescribeTask | PlanetableTask | MetadataTask | ReleaseTask
TaskMessage = (
    Task
    | GiveMemory
    | ReaderStarted
    | NeedMemory
    | TaskPixels
    | TaskImage
    | TaskPayload
    | TaskFailed
)
