"""Whether the pixels of a running acquisition are all there yet.

Controllers preallocate files with zeros and fill them in, so a plane can be wholly or partly
unwritten in a file that is complete by its size.
"""

import time
import zlib
from collections import OrderedDict
from collections.abc import Hashable

import numpy as np

from planecast_protocol.errors import NotYetWrittenError
from planecast_reader.process.statistics import has_zero_tail, looks_unwritten
from planecast_reader.reader import Pixels

STABLE_S = 1.0
"""A plane whose last row is all zeros counts as whole when it stayed the same for so long."""
_REMEMBERED = 256


class Wholeness:
    """Remembers what doubtful planes looked like. Belongs to one reader process."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()
        """Plane to the checksum of its pixels, and when that was first seen (monotonic)."""

    def check(self, plane: Hashable, wire_path: str, pixels: Pixels) -> None:
        """Raise `NotYetWrittenError` while `pixels` may be unwritten or half written."""
        if looks_unwritten(pixels):
            raise NotYetWrittenError.of(wire_path, "the plane is all zeros: not written yet")
        if not has_zero_tail(pixels):
            self._seen.pop(plane, None)
            return
        checksum = zlib.crc32(np.ascontiguousarray(pixels).data)
        now = time.monotonic()
        known, since = self._seen.get(plane, (None, now))
        if known != checksum:
            since = now
        self._seen[plane] = (checksum, since)
        self._seen.move_to_end(plane)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        if now - since < STABLE_S:
            raise NotYetWrittenError.of(wire_path, "the plane ends in zeros: half written")
