"""What a client asks of the reader worker, what it gets, and whom it calls then."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from planecast_protocol.errors import PlanecastError
from planecast_protocol.images import ImageInfo
from planecast_protocol.metadata import ImageMetadata
from planecast_protocol.planes import PlaneStatistics
from planecast_protocol.reader_messages import (
    AskWorkerStatus,
    OpenImage,
    ReadMetadata,
    ReadPixels,
    ReadPlanetable,
    ReleaseFile,
    WorkerStatus,
)

Request = ReadPixels | OpenImage | ReadPlanetable | ReadMetadata | ReleaseFile | AskWorkerStatus
Table = dict[str, list[Any]]


@dataclass(eq=False, slots=True)
class PixelAnswer:
    """Pixels, and what the worker found out about them."""

    pixels: npt.NDArray[Any]
    """(y, x) or (y, x, samples), read-only. Zero-copy on the worker's machine: its place in the
    shared memory is free again when the last view on it is gone."""
    statistics: PlaneStatistics | None
    cached: bool
    read_ms: float
    draft: bool = False
    """From another machine: not all pixels are exact yet. The plane follows, in the same memory."""


Answer = PixelAnswer | ImageInfo | ImageMetadata | Table | WorkerStatus | PlanecastError | None
"""A planetable comes as dict of columns; `None` says that a request is done."""

OnAnswer = Callable[[Answer], None]
OnPending = Callable[[str], None]
OnDraft = Callable[[PixelAnswer], None]


@dataclass(eq=False, slots=True)
class Outstanding:
    """A request that is not answered yet, and whom to call."""

    message: Request
    on_answer: OnAnswer
    on_pending: OnPending | None = None
    on_draft: OnDraft | None = None
    cancelled: bool = False
