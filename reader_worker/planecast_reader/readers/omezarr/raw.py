"""Chunks that lie in their files as they do in memory, read straight into the plane."""

import itertools
import math
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path

from planecast_reader.reader import Pixels
from planecast_reader.readers.omezarr.arrays import ArrayLayout
from planecast_reader.readers.rawbytes import read_into

Span = tuple[int, int]
"""First and stop on an axis of the array."""


def read_raw(layout: ArrayLayout, spans: Sequence[Span], row_axis: int, out: Pixels) -> bool:
    """Fill `out` with the window `spans`; False, with `out` untouched, if zarr has to decode it.

    That is so for pixels that are encoded, for rows that are cut into several chunks, and where
    a chunk is missing or of another length than its array says. `row_axis` is that of Y.
    """
    if layout.stored_dtype is None or not _has_whole_rows(layout, spans, row_axis):
        return False
    pieces = list(_pieces(layout, spans, row_axis))
    n_bytes = math.prod(layout.file_shape) * layout.dtype.itemsize
    if not all(path.is_file() and path.stat().st_size == n_bytes for path, _, _ in pieces):
        return False
    rows = out.reshape(spans[row_axis][1] - spans[row_axis][0], -1)
    filled = 0
    for path, offset, n_rows in pieces:
        part = rows[filled : filled + n_rows]
        with FileIO(path) as file:
            read_into(path, file, [(offset, part.nbytes)], part)
        filled += n_rows
    if layout.stored_dtype != layout.dtype:
        out.byteswap(inplace=True)
    return True


def _has_whole_rows(layout: ArrayLayout, spans: Sequence[Span], row_axis: int) -> bool:
    """Tell whether the window's rows follow one another in each chunk."""
    behind = zip(layout.shape, layout.file_shape, spans, strict=True)
    whole = (
        one == length and span == (0, length)
        for one, length, span in itertools.islice(behind, row_axis + 1, None)
    )
    return all(whole) and all(stop - first == 1 for first, stop in spans[:row_axis])


def _pieces(
    layout: ArrayLayout, spans: Sequence[Span], row_axis: int
) -> Iterator[tuple[Path, int, int]]:
    """Yield for each chunk from top to bottom: its file, the offset of its rows, how many."""
    outer = [first for first, _ in spans[:row_axis]]
    position = [at // length for at, length in zip(outer, layout.file_shape, strict=False)]
    inside = 0
    for at, length in zip(outer, layout.file_shape, strict=False):
        inside = inside * length + at % length
    row_bytes = math.prod(layout.file_shape[row_axis + 1 :]) * layout.dtype.itemsize
    height = layout.file_shape[row_axis]
    behind = [0] * (len(spans) - row_axis - 1)
    row, stop = spans[row_axis]
    while row < stop:
        number = row // height
        end = min(stop, (number + 1) * height)
        path = layout.file_of((*position, number, *behind))
        yield path, (inside * height + row % height) * row_bytes, end - row
        row = end
