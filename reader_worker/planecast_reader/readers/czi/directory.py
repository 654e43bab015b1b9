"""The directory of sub-blocks, parsed and checked before a native library opens the file.

libCZI trusts it: a negative width or count of dimensions in it ends the process. What passes
here is known: every plane, tile, rectangle and pixel type that the file holds.
An entry is, little-endian: "DV", pixel type i32, file position i64, file part i32,
compression i32, pyramid type u8, 5 spare bytes, number of dimensions i32; then for each
dimension its letter (4 bytes), start i32, size i32, start coordinate f32, stored size i32
(Zeiss ZISRAW file format 1.2.2, section 3.5).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np

from planecast_protocol.errors import CorruptFileError, UnsupportedFormatError
from planecast_protocol.limits import MAX_PLANE_BYTES, MAX_SCENES
from planecast_reader.readers.czi.segments import (
    DIRECTORY_FIXED_BYTES,
    SEGMENT_HEADER_BYTES,
    open_segment,
    read_at,
)


@dataclass(frozen=True, slots=True)
class PixelType:
    """How one pixel is stored."""

    name: str
    """As pylibCZIrw calls it."""
    dtype: "np.dtype[np.generic]"
    samples: int
    """More than 1: in the order B, G, R."""

    @property
    def n_bytes(self) -> int:
        """Bytes of one pixel."""
        return self.dtype.itemsize * self.samples


PIXEL_TYPES = {
    0: PixelType("Gray8", np.dtype("u1"), 1),
    1: PixelType("Gray16", np.dtype("<u2"), 1),
    2: PixelType("Gray32Float", np.dtype("<f4"), 1),
    3: PixelType("Bgr24", np.dtype("u1"), 3),
    4: PixelType("Bgr48", np.dtype("<u2"), 3),
    8: PixelType("Bgr96Float", np.dtype("<f4"), 3),
}
"""Those that pylibCZIrw decodes."""
OTHER_PIXEL_TYPES = frozenset({9, 10, 11, 12, 13})
"""In the format's description; libCZI knows them but does not read them."""

UNCOMPRESSED = 0
COMPRESSIONS = {0: "none", 1: "JPEG", 2: "LZW", 4: "JPEG XR", 5: "zstd0", 6: "zstd1"}

DIMENSIONS = frozenset("XYCZTRSIHVBM")
MAX_DIMENSIONS = 20
MAX_EDGE = 1 << 28
MAX_CHANNEL = 4095
MAX_INDEX = (1 << 24) - 1
MAX_COORDINATE = 1 << 30
"""The native libraries add coordinates and sizes in 32 bits."""

ENTRY = struct.Struct("<2siqiiB5si")
DIMENSION = struct.Struct("<4siifi")
_ENTRY_BYTES = (32 + 20 * 2, 32 + 20 * MAX_DIMENSIONS)
_LETTERS = {bytes([ord(letter), 0, 0, 0]): letter for letter in DIMENSIONS}


@dataclass(frozen=True, slots=True)
class Block:
    """One sub-block: pixels of one plane in one rectangle."""

    pixel_type: int
    compression: int
    position: int
    """Of its segment in the file."""
    start: dict[str, int]
    """Dimension to its value: T, Z, C, S, M …; neither X nor Y."""
    x: int
    y: int
    width: int
    height: int
    stored_width: int
    stored_height: int
    entry: bytes
    """The directory entry itself."""

    @property
    def is_layer0(self) -> bool:
        """Whether it is at full resolution, not part of the pyramid."""
        return self.width == self.stored_width and self.height == self.stored_height

    @property
    def scene(self) -> int | None:
        """The file's number of the scene; `None` in files without scenes."""
        return self.start.get("S")

    @property
    def is_read(self) -> bool:
        """Whether its pixel type is one that is read."""
        return self.pixel_type in PIXEL_TYPES

    @property
    def pixels(self) -> PixelType:
        """How its pixels are stored; `KeyError` for one that nobody reads."""
        return PIXEL_TYPES[self.pixel_type]


def read_directory(path: Path, file: FileIO, position: int) -> list[Block]:
    """Return every sub-block of the file, checked.

    Raises `CorruptFileError` for what a native library would trip over, and
    `NotYetWrittenError` if the directory is beyond the end of the file.
    """
    used = open_segment(path, file, position, "ZISRAWDIRECTORY")
    start = position + SEGMENT_HEADER_BYTES
    (count,) = struct.unpack("<i", read_at(path, file, start, 4))
    room = used - DIRECTORY_FIXED_BYTES
    if not 0 <= count <= max(room, 0) // _ENTRY_BYTES[0]:
        raise CorruptFileError.of(path, f"has a directory of {count} sub-blocks in {used} bytes")
    buffer = read_at(path, file, start + DIRECTORY_FIXED_BYTES, room)
    try:
        blocks = list(_entries(buffer, count))
    except (ValueError, struct.error) as error:
        raise CorruptFileError.of(path, f"has a damaged directory: {error}") from None
    unread = {block.pixel_type for block in blocks if not block.is_read}
    if unread:
        raise UnsupportedFormatError.of(
            path, f"has pixels of type {min(unread)}, which is not read"
        )
    if len({block.scene for block in blocks}) > MAX_SCENES:
        raise CorruptFileError.of(path, f"has more than {MAX_SCENES} scenes")
    return blocks


def _entries(buffer: bytes, count: int) -> Iterator[Block]:
    offset = 0
    for number in range(count):
        block = parse_entry(buffer, offset, number)
        offset += len(block.entry)
        yield block


def parse_entry(buffer: bytes, offset: int, number: int) -> Block:
    """Parse the entry of sub-block `number` at `offset`; raise `ValueError` for an odd one."""
    schema, pixel_type, position, _, compression, _, _, n_dimensions = ENTRY.unpack_from(
        buffer, offset
    )
    if schema != b"DV" or position < 0:
        raise ValueError(f"sub-block {number} begins with {schema!r}, lies at byte {position}")
    if pixel_type not in PIXEL_TYPES and pixel_type not in OTHER_PIXEL_TYPES:
        raise ValueError(f"sub-block {number} has pixel type {pixel_type}")
    if not 2 <= n_dimensions <= MAX_DIMENSIONS:
        raise ValueError(f"sub-block {number} has {n_dimensions} dimensions")
    end = offset + ENTRY.size + DIMENSION.size * n_dimensions
    if end > len(buffer):
        raise ValueError(f"sub-block {number} is cut")
    start, extent = _dimensions(buffer[offset + ENTRY.size : end], number)
    x, y = start.pop("X"), start.pop("Y")
    if min(start.values(), default=0) < 0 or max(start.values(), default=0) > MAX_INDEX:
        raise ValueError(f"sub-block {number} has an index that can't be: {start}")
    if start.get("C", 0) > MAX_CHANNEL:
        raise ValueError(f"sub-block {number} has channel {start['C']}")
    (width, stored_width), (height, stored_height) = extent["X"], extent["Y"]
    if stored_width * stored_height > MAX_PLANE_BYTES:
        raise ValueError(f"sub-block {number} has {stored_width} x {stored_height} pixels")
    return Block(
        pixel_type, compression, position, start, x, y, width, height,
        stored_width, stored_height, buffer[offset:end],
    )  # fmt: skip


def _dimensions(raw: bytes, number: int) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    """Return the start of each dimension, and (size, stored size) of X and Y."""
    start: dict[str, int] = {}
    extent: dict[str, tuple[int, int]] = {}
    for code, first, size, _, stored in DIMENSION.iter_unpack(raw):
        letter = _LETTERS.get(code)
        if letter is None or letter in start:
            raise ValueError(f"sub-block {number} has dimension {code!r}, or has it twice")
        if abs(first) > MAX_COORDINATE:
            raise ValueError(f"sub-block {number} starts at {letter} = {first}")
        start[letter] = first
        if letter in "XY":
            # A stored size of 0 means: as the size.
            extent[letter] = size, stored or size
            if not 0 < size <= MAX_EDGE or not 0 < extent[letter][1] <= MAX_EDGE:
                raise ValueError(f"sub-block {number} has {stored} of {size} pixels in {letter}")
    if len(extent) != 2:
        raise ValueError(f"sub-block {number} has no X or no Y")
    return start, extent
