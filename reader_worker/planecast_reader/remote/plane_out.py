"""A plane on its way to a client: what of it is still to be packed, and in which order."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_protocol.planes import Seen
from planecast_protocol.reader_messages import PRIORITIES, PixelsReady, ReadPixels
from planecast_reader.remote.codecs import NOTHING, Codec
from planecast_reader.remote.preview import preview_step, seen_rectangle
from planecast_reader.remote.tiles import Rectangle, cut_plane

PREVIEW, SEEN, REST = range(3)
"""How urgent a piece of work is."""


@dataclass(eq=False)
class Work:
    """One piece: a rectangle of a plane, packed by a thread. `step` above 1: a preview."""

    plane: "PlaneOut"
    rectangle: Rectangle
    step: int = 1
    codec: Codec = NOTHING
    encoding: str = ""
    payload: bytes | memoryview = b""
    height: int = 0
    width: int = 0
    """Of the pixels in the payload."""
    plain_bytes: int = 0
    packing_s: float = 0.0
    failure: Exception | None = None


@dataclass(eq=False)
class PlaneOut:
    """One answer. Gateway's thread only; the pixels are a lease on the worker's shared memory."""

    asked: ReadPixels
    ready: PixelsReady
    pixels: npt.NDArray[Any]
    """(y, x) or (y, x, samples)."""
    number: int
    """Of planes that are as urgent the first comes first."""
    dropped: bool = False
    _queue: list[Rectangle] = field(default_factory=list)
    """The next one is the last."""
    _in_work: set[Rectangle] = field(default_factory=set)
    """Taken from the queue, and not sent."""
    _seen: Rectangle | None = None
    _seen_unsent: int = 0
    _preview: tuple[Rectangle, int] | None = None
    _preview_in_work: bool = False
    """Until it was received: who goes on to another plane by then finds the link empty."""
    _preview_number: int | None = None

    def plan(self, tile_bytes: int, packed_ratio: float, link_bytes_per_s: float | None) -> None:
        """Cut the plane, once."""
        height, width = self.pixels.shape[:2]
        seen = self.asked.seen
        rectangle = None if seen is None else seen_rectangle(seen, height, width)
        self._queue = cut_plane(height, width, self.pixel_bytes, tile_bytes, rectangle)
        self._queue.reverse()
        if seen is not None:
            self.look_at(seen, packed_ratio, link_bytes_per_s)

    def look_at(self, seen: Seen, packed_ratio: float, link_bytes_per_s: float | None) -> None:
        """Have what is seen now come first, coarse at once where that takes long."""
        height, width = self.pixels.shape[:2]
        rectangle = seen_rectangle(seen, height, width)
        self._seen, self._preview = rectangle, None
        if rectangle is None:
            self._seen_unsent = 0
            return
        self._queue.sort(key=rectangle.meets)
        self._seen_unsent = sum(map(rectangle.meets, (*self._queue, *self._in_work)))
        if self._seen_unsent:
            step = preview_step(seen, rectangle, packed_ratio * self.pixel_bytes, link_bytes_per_s)
            self._preview = (rectangle, step) if step > 1 else None

    @property
    def rank(self) -> tuple[int, int, int]:
        """Where this plane's next piece stands among all; the lowest comes first."""
        if self._preview is not None:
            kind = PREVIEW
        else:
            kind = SEEN if self._is_seen(self._queue[-1]) else REST
        return kind, PRIORITIES.index(self.asked.priority), self.number

    @property
    def has_work(self) -> bool:
        """Tell whether there is a piece to be packed now; none while the preview is on its way."""
        return not self._preview_in_work and bool(self._preview is not None or self._queue)

    @property
    def is_over(self) -> bool:
        """Tell whether all of it has left."""
        return not self._queue and not self._in_work

    def next_work(self) -> Work:
        """Take the next piece; only with `has_work`."""
        if self._preview is not None:
            (rectangle, step), self._preview = self._preview, None
            self._preview_in_work = True
            return Work(self, rectangle, step)
        rectangle = self._queue.pop()
        self._in_work.add(rectangle)
        return Work(self, rectangle)

    def completes_seen(self, work: Work) -> bool:
        """Tell whether with this piece all that is seen is there, exactly, and not yet the rest."""
        if work.step > 1 or not self._is_seen(work.rectangle):
            return False
        return self._seen_unsent == 1 and len(self._queue) + len(self._in_work) > 1

    def note_sent(self, work: Work, number: int) -> None:
        """Note that a piece has left, by its number."""
        if work.step > 1:
            self._preview_number = number
            return
        self._in_work.discard(work.rectangle)
        self._seen_unsent -= self._is_seen(work.rectangle)

    def note_received(self, number: int) -> None:
        """Note that all pieces up to this one have arrived."""
        if self._preview_number is not None and self._preview_number <= number:
            self._preview_number, self._preview_in_work = None, False

    def _is_seen(self, rectangle: Rectangle) -> bool:
        return self._seen is not None and self._seen.meets(rectangle)

    @property
    def pixel_bytes(self) -> int:
        """Bytes of a pixel with all its samples."""
        samples = int(np.prod(self.pixels.shape[2:], dtype=np.int64))
        return self.pixels.dtype.itemsize * samples
