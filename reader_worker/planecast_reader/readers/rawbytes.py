"""Pixels that lie in a file as they do in memory, read straight into the array."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
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


OnNearlyRead = Callable[[Pixels], None]


class _Listening:
    """Who is told when an array is nearly full: one, as a process reads one request at a time."""

    listener: OnNearlyRead | None = None


def when_nearly_read(listener: OnNearlyRead | None) -> None:
    """Have `listener` called when an array is about to be full; None: nobody any more.

    It is called from any thread, and raises nothing. The array may fail to become full.
    """
    _Listening.listener = listener


def read_into(path: Path, file: FileIO, segments: Sequence[tuple[int, int]], out: Pixels) -> None:
    """Fill `out`, C-contiguous, with the bytes of the (offset, count) segments, in turn.

    Raises `NotYetWrittenError` if the file or the segments end before `out` is full.
    """
    view = out.reshape(-1).view("u1").data
    fd = file.fileno()
    listener = _Listening.listener

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
        if count < len(view):
            raise _too_short(path, count, len(view))
        pieces: Iterable[Piece] = [
            (offset + first, first, stop) for first, stop in _cut(len(view), n_threads())
        ]
    else:
        pieces = list(_pieces(segments, len(view)))
        filled = pieces[-1][2] if pieces else 0
        if filled < len(view):
            raise _too_short(path, filled, len(view))
        pieces = _cut_all(pieces)
    side_by_side(read, pieces, None if listener is None else partial(listener, out))


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


def _cut_all(pieces: Iterable[Piece]) -> Iterator[Piece]:
    for offset, first, stop in pieces:
        for start, end in _cut(stop - first, n_threads()):
            yield offset + start, first + start, first + end


@lru_cache(64)
def _cut(n_bytes: int, n_threads: int) -> tuple[tuple[int, int], ...]:
    """Cut a large piece, and smaller towards its end, so that all threads end at one time.

    The last is the caller's, and larger again: who is told that the others have nothing left to do
    has time to wake up.
    """
    least = _MIN_PART_BYTES if n_bytes > _WORTH_BYTES else n_bytes
    cuts: list[tuple[int, int]] = []
    start = 0
    while start < n_bytes:
        part = max(least, (n_bytes - start) // (2 * n_threads) & -4096)
        end = start + part if n_bytes - start - part >= least else n_bytes
        cuts.append((start, end))
        start = end
    return tuple(cuts)


def _too_short(path: Path, there: int, wanted: int) -> NotYetWrittenError:
    return NotYetWrittenError.of(path, f"{there} of {wanted} bytes of the plane are there")
