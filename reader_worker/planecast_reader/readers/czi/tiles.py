"""One tile of a mosaic, as it was acquired: not as tiles beneath and above it were blended.

aicspylibczi sizes its buffer from the first sub-block of the file and ends the process, or
returns foreign memory, where a tile is larger or missing. It is asked only for one fully
specified sub-block that the directory has and that is no larger. Every other tile is cut out
into a CZI of its own, which pylibCZIrw decodes to the same bits.
"""

from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from planecast_protocol.errors import CorruptFileError
from planecast_reader.reader import Allocate, Pixels
from planecast_reader.readers.czi.bgr48 import decode_block, is_unpacked_wrongly
from planecast_reader.readers.czi.decoder import OpenDecoder, temporary_file
from planecast_reader.readers.czi.directory import UNCOMPRESSED, Block
from planecast_reader.readers.czi.subblock import find_place, lone_czi, read_uncompressed

try:
    from aicspylibczi import CziFile as AicsFile
except ImportError:
    AicsFile = None

_AICS_DIMENSIONS = frozenset("ZCTRSIHVM")


class TileReader:
    """Reads single sub-blocks of one file."""

    def __init__(
        self,
        path: Path,
        file: FileIO,
        blocks: Sequence[Block],
        open_decoder: OpenDecoder,
        *,
        use_aics: bool = True,
        prefer_aics: bool = False,
    ) -> None:
        self._path = path
        self._file = file
        self._open_decoder = open_decoder
        self._blocks = [block for block in blocks if block.is_layer0]
        self._is_mosaic = any(block.start.get("M", 0) for block in self._blocks)
        self._use_aics = use_aics and AicsFile is not None
        self._prefer_aics = prefer_aics and self._use_aics
        self._aics: Any = None
        self._aics_file: BinaryIO | None = None

    def read(self, block: Block, allocate: Allocate) -> Pixels:
        """Return the pixels of `block`, (y, x) or (y, x, rgb)."""
        prefers_aics = self._prefer_aics and self.is_safe_for_aics(block)
        if block.compression == UNCOMPRESSED and not prefers_aics:
            return read_uncompressed(self._path, self._file, block, allocate)
        if is_unpacked_wrongly(block):
            pixels = decode_block(self._path, self._file, block)
            return _copy(self._path, block, pixels, allocate)
        find_place(self._path, self._file, block)
        if self._use_aics and self.is_safe_for_aics(block):
            return _copy(self._path, block, self._read_aics(block), allocate)
        content = lone_czi(self._path, self._file, block)
        with temporary_file(content) as (path, file):
            decoder = self._open_decoder(path, file)
            try:
                rectangle = (block.x, block.y, block.stored_width, block.stored_height)
                pixels = decoder.read(block.pixels, rectangle, block.start)
                return _copy(self._path, block, pixels, allocate)
            finally:
                decoder.close()

    def is_safe_for_aics(self, block: Block) -> bool:
        """Whether reading `block` cannot overrun the buffer of aicspylibczi."""
        first = self._blocks[0]
        room = first.width * first.height * first.pixels.n_bytes
        if block.width * block.height * block.pixels.n_bytes > room:
            return False
        if block.width * block.height > first.width * first.height:
            return False
        if not block.start.keys() <= _AICS_DIMENSIONS | {"B"}:
            return False
        # B can't be asked for: without it the read must still mean one sub-block.
        wanted = self._asked(block)
        return sum(self._asked(other) == wanted for other in self._blocks) == 1

    def close(self) -> None:
        """Close aicspylibczi's handle."""
        self._aics = None
        if self._aics_file is not None:
            self._aics_file.close()
            self._aics_file = None

    def _asked(self, block: Block) -> dict[str, int]:
        """Return what specifies `block` to aicspylibczi; it refuses M where there is no mosaic."""
        known = _AICS_DIMENSIONS if self._is_mosaic else _AICS_DIMENSIONS - {"M"}
        return {axis: value for axis, value in block.start.items() if axis in known}

    def _read_aics(self, block: Block) -> np.ndarray[Any, Any]:
        if self._aics is None:
            # It never closes a file that it opened itself.
            self._aics_file = self._path.open("rb")
            self._aics = AicsFile(self._aics_file)
        pixels, _ = self._aics.read_image(**self._asked(block))
        shape: tuple[int, ...] = (block.height, block.width)
        if block.pixels.samples > 1:
            shape += (block.pixels.samples,)
        if pixels.size != np.prod(shape):
            raise CorruptFileError.of(
                self._path, f"a tile decodes to {pixels.shape}, its directory says {shape}"
            )
        flat: np.ndarray[Any, Any] = pixels.reshape(shape)
        return flat[..., ::-1] if block.pixels.samples > 1 else flat


def _copy(path: Path, block: Block, pixels: np.ndarray[Any, Any], allocate: Allocate) -> Pixels:
    if pixels.shape[:2] != (block.stored_height, block.stored_width):
        raise CorruptFileError.of(path, f"a tile decodes to {pixels.shape}, not as declared")
    out = allocate(pixels.shape, block.pixels.dtype.newbyteorder("="))
    np.copyto(out, pixels, casting="equiv")
    return out
