"""Pixels that lie in a file as they do in memory, read straight into the array."""

from collections.abc import Sequence
from io import FileIO
from pathlib import Path

import numpy as np

from planecast_protocol.errors import NotYetWrittenError
from planecast_reader.reader import Pixels


def read_into(path: Path, file: FileIO, segments: Sequence[tuple[int, int]], out: Pixels) -> None:
    """Fill `out`, C-contiguous, with the bytes of the (offset, count) segments, in turn.

    Raises `NotYetWrittenError` if the file or the segments end before `out` is full.
    """
    view = out.reshape(-1).view(np.uint8).data
    filled = 0
    for offset, count in segments:
        file.seek(offset)
        end = min(filled + count, len(view))
        while filled < end:
            n_read = file.readinto(view[filled:end])
            if not n_read:
                break
            filled += n_read
    if filled < len(view):
        raise NotYetWrittenError.of(path, f"{filled} of {len(view)} bytes of the plane are there")
