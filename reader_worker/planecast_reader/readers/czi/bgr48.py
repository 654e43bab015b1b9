"""Colour pixels of 16 bits compressed with zstd1, which libCZI unpacks wrongly.

zstd1 may store the low bytes of all values first, then the high bytes. libCZI (pylibCZIrw 6.1,
aicspylibczi 4.0) undoes this for a third of the values only where a pixel has three, and says
nothing. So these are decoded here.
"""

from io import FileIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

from planecast_protocol.errors import CorruptFileError
from planecast_reader.readers.czi.directory import Block
from planecast_reader.readers.czi.segments import read_at
from planecast_reader.readers.czi.subblock import find_place

_ZSTD1 = 6
_BGR48 = 4
_HILO_CHUNK = 1


def is_unpacked_wrongly(block: Block) -> bool:
    """Whether libCZI can't be trusted with the pixels of `block`."""
    return block.compression == _ZSTD1 and block.pixel_type == _BGR48


def decode_block(path: Path, file: FileIO, block: Block) -> np.ndarray[Any, Any]:
    """Return the pixels of `block`, (y, x, rgb), uint16."""
    stored = read_at(path, file, *find_place(path, file, block).pixels)
    is_split, start = _header(path, stored)
    shape = (block.stored_height, block.stored_width, 3)
    n_bytes = int(np.prod(shape)) * 2
    buffer = np.empty(n_bytes, np.uint8)
    try:
        decoded = imagecodecs.zstd_decode(stored[start:], out=buffer.data)
    except imagecodecs.ZstdError as error:
        raise CorruptFileError.of(path, f"a sub-block can't be decompressed: {error}") from None
    if len(decoded) != n_bytes:
        raise CorruptFileError.of(path, f"a sub-block has {len(decoded)} of {n_bytes} bytes")
    if is_split:
        buffer = np.ascontiguousarray(buffer.reshape(2, -1).T)
    return buffer.reshape(-1).view("<u2").reshape(shape)[..., ::-1]


def _header(path: Path, stored: bytes) -> tuple[bool, int]:
    """Return whether high and low bytes are apart, and where the zstd frame begins."""
    n_bytes = stored[0] if stored else 0
    if n_bytes == 1:
        return False, 1
    if n_bytes == 3 and len(stored) > 3 and stored[1] == _HILO_CHUNK:
        return bool(stored[2] & 1), 3
    raise CorruptFileError.of(path, f"a zstd1 sub-block begins with {stored[:4]!r}")
