"""One sub-block: its XML, its pixels, and a CZI file made of nothing else."""

import struct
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np

from planecast_protocol.errors import CorruptFileError
from planecast_reader.reader import Allocate, Pixels
from planecast_reader.readers.czi.directory import ENTRY, Block
from planecast_reader.readers.czi.segments import (
    DIRECTORY_FIXED_BYTES,
    SEGMENT_HEADER_BYTES,
    open_segment,
    read_at,
)
from planecast_reader.readers.rawbytes import read_into

_MIN_FIXED_BYTES = 256
"""The sizes and the entry fill at least so many bytes before the XML."""
_ALIGNMENT = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parts of a sub-block lie in the file."""

    xml: tuple[int, int]
    """Position and bytes."""
    pixels: tuple[int, int]


def find_place(path: Path, file: FileIO, block: Block) -> Place:
    """Read the head of the sub-block's segment.

    Raises `NotYetWrittenError` if its pixels are not wholly in the file.
    """
    open_segment(path, file, block.position, "ZISRAWSUBBLOCK")
    sizes = read_at(path, file, block.position + SEGMENT_HEADER_BYTES, 16)
    xml_bytes, attachment_bytes, pixel_bytes = struct.unpack("<iiq", sizes)
    if xml_bytes < 0 or attachment_bytes < 0 or pixel_bytes < 0:
        raise CorruptFileError.of(path, f"has a damaged sub-block at byte {block.position}")
    start = block.position + SEGMENT_HEADER_BYTES + max(_MIN_FIXED_BYTES, 16 + len(block.entry))
    return Place((start, xml_bytes), (start + xml_bytes, pixel_bytes))


def read_xml(path: Path, file: FileIO, block: Block) -> bytes:
    """Return the XML of the sub-block; empty where it has none."""
    return read_at(path, file, *find_place(path, file, block).xml)


def read_uncompressed(path: Path, file: FileIO, block: Block, allocate: Allocate) -> Pixels:
    """Read pixels that are stored as they are, (y, x) or (y, x, rgb)."""
    kind = block.pixels
    shape: tuple[int, ...] = (block.stored_height, block.stored_width)
    if kind.samples > 1:
        shape += (kind.samples,)
    position, n_bytes = find_place(path, file, block).pixels
    wanted = int(np.prod(shape)) * kind.dtype.itemsize
    if n_bytes < wanted:
        raise CorruptFileError.of(
            path, f"a sub-block of {wanted} bytes of pixels holds {n_bytes} only"
        )
    out = allocate(shape, kind.dtype.newbyteorder("="))
    read_into(path, file, [(position, wanted)], out)
    if kind.dtype.newbyteorder("=") != kind.dtype:
        out.byteswap(inplace=True)
    if kind.samples > 1:
        swap_red_and_blue(out)
    return out


def swap_red_and_blue(pixels: Pixels) -> None:
    """Turn B, G, R into R, G, B in place."""
    blue = pixels[..., 0].copy()
    pixels[..., 0] = pixels[..., 2]
    pixels[..., 2] = blue


def lone_czi(path: Path, file: FileIO, block: Block) -> bytes:
    """Return a whole CZI file that holds this one sub-block, compressed as it was.

    libCZI then decodes it with nothing else in its way: no overlap, no scene, no pyramid.
    """
    place = find_place(path, file, block)
    pixels = read_at(path, file, *place.pixels)
    header_end = SEGMENT_HEADER_BYTES + 512
    fixed_bytes = max(_MIN_FIXED_BYTES, 16 + len(block.entry))
    content = fixed_bytes + len(pixels)
    directory_at = header_end + SEGMENT_HEADER_BYTES + -(-content // _ALIGNMENT) * _ALIGNMENT
    entry = _moved(block.entry, header_end)
    sub_block = struct.pack("<iiq", 0, 0, len(pixels)) + entry
    directory = struct.pack("<i", 1).ljust(DIRECTORY_FIXED_BYTES, b"\0") + entry
    header = struct.pack("<ii", 1, 0).ljust(52, b"\0") + struct.pack("<qqiq", directory_at, 0, 0, 0)
    return b"".join(
        (
            _segment("ZISRAWFILE", header.ljust(512, b"\0")),
            _segment("ZISRAWSUBBLOCK", sub_block.ljust(fixed_bytes, b"\0") + pixels),
            _segment("ZISRAWDIRECTORY", directory),
        )
    )


def _moved(entry: bytes, position: int) -> bytes:
    """Return the directory entry with another file position."""
    fields = list(ENTRY.unpack_from(entry))
    fields[2] = position
    return ENTRY.pack(*fields) + entry[ENTRY.size :]


def _segment(name: str, content: bytes) -> bytes:
    allocated = -(-len(content) // _ALIGNMENT) * _ALIGNMENT
    head = name.encode().ljust(16, b"\0") + struct.pack("<qq", allocated, len(content))
    return head + content.ljust(allocated, b"\0")
