"""A CZI without its directory: sub-blocks are found by walking from segment to segment.

ZEN writes the directory last. A file whose writer was stopped, or that is being written or
copied, has none; but each sub-block carries a copy of its entry.
"""

import struct
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path

from planecast_reader.readers.czi.directory import MAX_DIMENSIONS, Block, parse_entry
from planecast_reader.readers.czi.segments import (
    MAX_POSITION,
    SEGMENT_HEADER_BYTES,
    file_size,
    read_at,
)

MAX_SEGMENTS = 4_000_000
_SIZES_BYTES = 16
_ENTRY_ROOM = 32 + 20 * MAX_DIMENSIONS
_KNOWN = (b"ZISRAW", b"DELETED")


@dataclass
class Found:
    """What the walk came across."""

    blocks: list[Block] = field(default_factory=list)
    """Those that are whole."""
    metadata: int = 0
    """Position of the document; 0 if it was not reached."""
    attachments: int = 0


def walk(path: Path, file: FileIO) -> Found:
    """Return every whole sub-block, up to where the file ends or no segment begins."""
    found = Found()
    size, position = file_size(file), 0
    for _ in range(MAX_SEGMENTS):
        if position + SEGMENT_HEADER_BYTES > size:
            break
        head = read_at(path, file, position, SEGMENT_HEADER_BYTES)
        name = head[:16].rstrip(b"\0")
        allocated, used = struct.unpack_from("<qq", head, 16)
        if not name.startswith(_KNOWN) or not 0 < allocated <= MAX_POSITION or used < 0:
            break
        is_whole = position + SEGMENT_HEADER_BYTES + (used or allocated) <= size
        if name == b"ZISRAWSUBBLOCK" and is_whole:
            block = _block(path, file, position, len(found.blocks))
            if block is None:
                break
            found.blocks.append(block)
        elif name == b"ZISRAWMETADATA":
            found.metadata = position
        elif name == b"ZISRAWATTDIR":
            found.attachments = position
        position += SEGMENT_HEADER_BYTES + allocated
    return found


def _block(path: Path, file: FileIO, position: int, number: int) -> Block | None:
    start = position + SEGMENT_HEADER_BYTES + _SIZES_BYTES
    entry = read_at(path, file, start, min(_ENTRY_ROOM, file_size(file) - start))
    try:
        block = parse_entry(entry, 0, number)
    except (ValueError, struct.error):
        return None
    return replace(block, position=position)
