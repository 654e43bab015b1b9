"""Where each compressed frame lies. PS3.5 A.4: a table of offsets, then fragments.

FE FF 00 E0  length  bytes     an item: the table, which may be empty, or a fragment
FE FF DD E0  00 00 00 00       the end
"""

import os
import struct
from typing import BinaryIO

from planecast_protocol.errors import (
    CorruptFileError,
    NotYetWrittenError,
    UnsupportedFormatError,
)
from planecast_reader.readers.dicom.header import Header

Segments = list[tuple[int, int]]
"""First byte and length of each piece of a frame."""

_ITEM = 0xE000FFFE
_END = 0xE0DDFFFE
_HEAD = struct.Struct("<II")


def find_frames(header: Header, file: BinaryIO) -> list[Segments]:
    """Return the pieces of each frame that is wholly in the file; the last may be missing.

    Raises `CorruptFileError` for something else than fragments, `UnsupportedFormatError` where
    nothing says which fragments belong together.
    """
    size = os.fstat(file.fileno()).st_size
    items: Segments = []
    at, ended = header.pixels_at, False
    while at + _HEAD.size <= size:
        file.seek(at)
        tag, length = _HEAD.unpack(file.read(_HEAD.size))
        if tag == _END:
            ended = True
            break
        if tag != _ITEM:
            raise CorruptFileError.of(header.path, f"has no fragment at byte {at}")
        at += _HEAD.size + length
        if at > size:
            break
        items.append((at - length, length))
    if not items:
        raise NotYetWrittenError.of(header.path, "has no frame yet, or was cut before the first")
    table, fragments = items[0], items[1:]
    if header.n_frames == 1:
        return [fragments] if ended and fragments else []
    starts = _offsets(header, file, table)
    if starts is not None and len(starts) == header.n_frames:
        return _by_offsets(fragments, starts, items[0][0] + items[0][1], ended=ended)
    if ended and len(fragments) < header.n_frames:
        raise CorruptFileError.of(
            header.path, f"declares {header.n_frames} frames and has {len(fragments)} fragments"
        )
    if len(fragments) > header.n_frames:
        raise UnsupportedFormatError.of(
            header.path,
            f"has {len(fragments)} fragments for {header.n_frames} frames and no table of them",
        )
    return [[fragment] for fragment in fragments]


def _offsets(header: Header, file: BinaryIO, table: tuple[int, int]) -> list[int] | None:
    extended = header.dataset.get("ExtendedOffsetTable")
    if isinstance(extended, bytes) and extended:
        return list(struct.unpack(f"<{len(extended) // 8}Q", extended[: len(extended) // 8 * 8]))
    start, length = table
    if not length:
        return None
    file.seek(start)
    return list(struct.unpack(f"<{length // 4}I", file.read(length)[: length // 4 * 4]))


def _by_offsets(
    fragments: Segments, starts: list[int], first_item: int, *, ended: bool
) -> list[Segments]:
    """Share the fragments out. Offsets count from the first fragment's head."""
    frames: list[Segments] = []
    wanted = {first_item + start for start in starts}
    for start, length in fragments:
        if start - _HEAD.size in wanted or not frames:
            frames.append([])
        frames[-1].append((start, length))
    # Whether the last frame is whole can't be known before the next one or the end.
    return frames if ended or len(frames) == 0 else frames[:-1]
