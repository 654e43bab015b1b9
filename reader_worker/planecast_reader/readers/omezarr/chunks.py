"""Which chunks of a window are on disk. zarr itself reads a missing chunk as its fill value.

A writer may leave out chunks that hold nothing but the fill value (zarr-python does by default),
so a plane of that value alone can't be told from one that was never written.
"""

import itertools
import math
import os
from pathlib import Path

import numpy as np

from planecast_protocol.errors import CorruptFileError, TooLargeError
from planecast_reader.readers.omezarr.arrays import ArrayLayout

Window = tuple[tuple[int, int], ...]
"""First and stop for each axis of the array."""

MAX_FILES = 1 << 20
"""Of one plane."""
_EMPTY = 2**64 - 1
"""Offset and length of a chunk that a shard lacks."""


def has_any_chunk(layout: ArrayLayout, window: Window) -> bool:
    """Tell whether any chunk that the window touches is on disk."""
    grid = _touched(window, layout.file_shape)
    if math.prod(len(part) for part in grid) > MAX_FILES:
        raise TooLargeError.of(layout.path, "has too many chunks in a plane; read regions of it")
    for position in itertools.product(*grid):
        path = layout.file_of(position)
        if not os.path.lexists(path):
            continue
        if layout.index_at_end is None or _shard_has_any(layout, path, position, window):
            return True
    return False


def _touched(window: Window, length: tuple[int, ...]) -> list[range]:
    return [
        range(first // one, -(-stop // one))
        for (first, stop), one in zip(window, length, strict=True)
    ]


def _shard_has_any(
    layout: ArrayLayout, path: Path, position: tuple[int, ...], window: Window
) -> bool:
    """Look into the shard's table: offset and length of each chunk, row-major."""
    counts = tuple(
        file // chunk for file, chunk in zip(layout.file_shape, layout.chunk_shape, strict=True)
    )
    n_bytes = 16 * math.prod(counts)
    tail = n_bytes + 4 * layout.index_has_checksum
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < tail:
            raise CorruptFileError.of(path, f"has {size} bytes, its table of chunks takes {tail}")
        file.seek(size - tail if layout.index_at_end else 0)
        table = np.frombuffer(file.read(n_bytes), "<u8").reshape(*counts, 2)
    inside = []
    for number, length, (first, stop) in zip(position, layout.file_shape, window, strict=True):
        corner = number * length
        inside.append((max(first - corner, 0), min(stop - corner, length)))
    part = table[tuple(slice(r.start, r.stop) for r in _touched(tuple(inside), layout.chunk_shape))]
    return bool((part[..., 0] != _EMPTY).any())
