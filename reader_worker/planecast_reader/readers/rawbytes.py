"""Pixels that lie in a file as they do in memory, read straight into the array."""

import os
from collections.abc import Iterable, Iterator, Sequence
from io import FileIO
from pathlib import Path

from planecast_protocol.errors import NotYetWrittenError
from planecast_reader.reader import Pixels
from planecast_reader.readers.side_by_side import n_threads, side_by_side

_WORTH_BYTES = 1 << 20
"""Copying less out of the page cache takes no longer than waking a thread."""
_MIN_PART_BYTES = 1 << 19

Piece = tuple[int, int, int]
"""Offset in the file, first and last byte (exclusive) in the array."""


def read_into(path: Path, file: FileIO, segments: Sequence[tuple[int, int]], out: Pixels) -> None:
    """Fill `out`, C-contiguous, with the bytes of the (offset, count) segments, in turn.

    Raises `NotYetWrittenError` if the file or the segments end before `out` is full.
    """
    view = out.reshape(-1).view("u1").data
    fd = file.fileno()

    def read(piece: Piece) -> None:
        offset, first, stop = piece
        filled = first
        while filled < stop:
            n_read = os.preadv(fd, [view[filled:stop]], offset + filled - first)
            if not n_read:
                raise _too_short(path, filled, len(view))
            filled += n_read

    if len(segments) == 1:  # which is the rule
        offset, count = segments[0]
        pieces = [(offset, 0, min(count, len(view)))]
    else:
        pieces = list(_pieces(segments, len(view)))
    side_by_side(read, _cut(pieces))
    filled = pieces[-1][2] if pieces else 0
    if filled < len(view):
        raise _too_short(path, filled, len(view))


def _pieces(segments: Sequence[tuple[int, int]], wanted: int) -> Iterator[Piece]:
    """Yield the segments' places, those that follow one another as one."""
    filled = 0
    run: Piece | None = None
    for offset, count in segments:
        stop = min(filled + count, wanted)
        if stop == filled:
            continue
        if run is not None and run[0] + filled - run[1] == offset:
            run = (run[0], run[1], stop)
        else:
            if run is not None:
                yield run
            run = (offset, filled, stop)
        filled = stop
    if run is not None:
        yield run


def _cut(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Cut large pieces, and smaller towards the end, so that all threads end at one time."""
    for offset, first, stop in pieces:
        start, least = first, _MIN_PART_BYTES if stop - first > _WORTH_BYTES else stop - first
        while start < stop:
            part = max(least, (stop - start) // (2 * n_threads()) & -4096)
            end = min(start + part, stop)
            yield offset + start - first, start, end
            start = end


def _too_short(path: Path, there: int, wanted: int) -> NotYetWrittenError:
    return NotYetWrittenError.of(path, f"{there} of {wanted} bytes of the plane are there")
