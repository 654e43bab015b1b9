"""Zeiss CZI files: planes and regions through pylibCZIrw, or straight from the file."""

from collections.abc import Mapping
from importlib.metadata import version
from io import FileIO
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotYetWrittenError,
    OutOfRangeError,
    ReadError,
    TooLargeError,
    UnsupportedFormatError,
)
from planecast_protocol.images import ImageInfo
from planecast_protocol.metadata import ImageMetadata
from planecast_reader.reader import Allocate, Pixels, PlaneReader, Table, allocate_in_memory
from planecast_reader.readers.czi.bgr48 import is_unpacked_wrongly
from planecast_reader.readers.czi.contents import read_contents
from planecast_reader.readers.czi.decoder import Decoder
from planecast_reader.readers.czi.describe import describe_scene
from planecast_reader.readers.czi.directory import COMPRESSIONS, UNCOMPRESSED, Block, PixelType
from planecast_reader.readers.czi.metadata import czi_metadata
from planecast_reader.readers.czi.painting import paint
from planecast_reader.readers.czi.planes import Rectangle, Scene, find_scenes, tile_number
from planecast_reader.readers.czi.planetable import EMPTY_TABLE, build_planetable
from planecast_reader.readers.czi.segments import file_size, read_time_stamps
from planecast_reader.readers.czi.subblock import find_place, read_uncompressed
from planecast_reader.readers.czi.tiles import TileReader
from planecast_reader.readers.indexing import check_plane_bytes, check_scene, full_index

MAX_LEVEL = 16
MAX_SPARSE_BYTES = 256 << 20
SPARSE_RATIO = 16
_DECODED = frozenset({"none", "JPEG XR", "zstd0", "zstd1"})


class CziReader(PlaneReader):
    """One CZI file."""

    format: ClassVar[str] = "czi"
    library: ClassVar[str] = "pylibCZIrw"
    uses_aics: ClassVar[bool] = True
    prefers_aics: ClassVar[bool] = False
    """For tiles that could be read from the file directly, too."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = FileIO(path)
        self._decoder: Decoder | None = None
        try:
            self._contents = read_contents(path, self._file)
            self._scenes = find_scenes(path, self._contents.blocks)
        except BaseException:
            self._file.close()
            raise
        self._blocks = self._contents.blocks
        self._tiles = TileReader(
            path,
            self._file,
            self._blocks,
            self.open_decoder,
            use_aics=self.uses_aics and not self._contents.is_recovered,
            prefer_aics=self.prefers_aics,
        )

    def open_decoder(self, path: Path, file: FileIO) -> Decoder:
        """Open a file whose directory was checked in the library that decodes."""
        from planecast_reader.readers.czi.libczi import LibCziDecoder

        return LibCziDecoder(path, file)

    def describe(self) -> ImageInfo:
        """Return the scenes of the file."""
        return ImageInfo(
            path="",
            format=self.format,
            reader=f"{self.library} {version(self.library)}",
            scenes=[describe_scene(scene, self._contents.document) for scene in self._scenes],
            size_bytes=file_size(self._file),
            has_planetable=True,
            warnings=self._contents.warnings,
        )

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        """Return a plane of a scene, composed of its tiles, (y, x) or (y, x, rgb)."""
        if page is not None:
            raise OutOfRangeError.of(self.path, "has no pages, choose a plane by its index")
        found, blocks = self._plane(scene, index)
        self._check_size(found, blocks)
        only = blocks[0]
        is_whole = len(blocks) == 1 and (only.x, only.y, only.width, only.height) == found.rectangle
        if is_whole and only.compression == UNCOMPRESSED:
            return read_uncompressed(self.path, self._file, only, allocate)
        return self._compose(found, blocks, found.rectangle, 0, allocate)

    def read_tile(
        self, scene: int, tile: int, index: Mapping[str, int], allocate: Allocate
    ) -> Pixels:
        """Return the pixels of one tile (CZI: M), as it was acquired."""
        found, blocks = self._plane(scene, index)
        for block in blocks:
            if tile_number(blocks, block) == tile:
                self._check_compression(block)
                check_plane_bytes(
                    self.path, block.stored_width * block.stored_height * block.pixels.n_bytes
                )
                return self._tiles.read(block, allocate)
        numbers = sorted(
            {tile_number(tiles, one) for tiles in found.planes.values() for one in tiles}
        )
        if tile in numbers:
            raise NoDataError.of(self.path, f"tile {tile} was not written in this plane")
        raise OutOfRangeError.of(
            self.path, f"has no tile {tile}, only {numbers[0]} to {numbers[-1]}"
        )

    def read_region(
        self,
        scene: int,
        rectangle: tuple[int, int, int, int],
        level: int,
        index: Mapping[str, int],
        allocate: Allocate,
    ) -> Pixels:
        """Return part of a plane, at 1 / 2**level of its size; libCZI uses the pyramid."""
        if not 0 <= level <= MAX_LEVEL:
            raise OutOfRangeError.of(self.path, f"has no level {level}, only 0 to {MAX_LEVEL}")
        found, blocks = self._plane(scene, index)
        x0, y0, full_width, full_height = found.rectangle
        x, y, width, height = rectangle
        left, top = max(x, 0), max(y, 0)
        width = min(x + width, full_width) - left
        height = min(y + height, full_height) - top
        if width <= 0 or height <= 0:
            raise OutOfRangeError.of(
                self.path, f"region {rectangle} is outside of {full_width} x {full_height} pixels"
            )
        n_pixels = max(width >> level, 1) * max(height >> level, 1)
        check_plane_bytes(self.path, n_pixels * blocks[0].pixels.n_bytes)
        region = (x0 + left, y0 + top, width, height)
        return self._compose(found, blocks, region, level, allocate)

    def read_planetable(self, scene: int | None, *, norm_time: bool) -> Table:
        """Return one row a sub-block of layer 0, of one scene or of all."""
        blocks = self._blocks
        if scene is not None:
            check_scene(self.path, scene, len(self._scenes))
            number = self._scenes[scene].number
            blocks = [block for block in blocks if block.scene == number]
        stamps = read_time_stamps(self.path, self._file, self._contents.attachments)
        return build_planetable(self.path, self._file, blocks, stamps, norm_time=norm_time)

    def read_metadata(self) -> ImageMetadata:
        """Return what the document's XML and the sub-blocks say, and the XML itself."""
        info = self.describe()
        try:
            table = self.read_planetable(None, norm_time=False)
        except ReadError as error:
            # The document is there without the sub-blocks.
            table = EMPTY_TABLE
            warning = f"no times and positions of sub-blocks: {error.message}"
            info = msgspec.structs.replace(info, warnings=[*info.warnings, warning])
        return czi_metadata(self._contents, self._scenes, info, table)

    def close(self) -> None:
        """Close the file."""
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None
        self._tiles.close()
        self._file.close()

    # ------------------------------------------------------------ parts

    def _plane(self, scene: int, index: Mapping[str, int]) -> tuple[Scene, list[Block]]:
        """Return the scene, and the blocks of the plane at `index`."""
        check_scene(self.path, scene, len(self._scenes))
        found = self._scenes[scene]
        chosen = full_index(self.path, found.sizes, index)
        blocks = found.blocks(chosen)
        if not blocks:
            where = ", ".join(f"{axis}={value}" for axis, value in chosen.items())
            if self._contents.is_recovered:
                raise NotYetWrittenError.of(
                    self.path, f"has no directory, and no whole plane {where} of scene {scene} yet"
                )
            raise NoDataError.of(self.path, f"scene {scene} has no plane {where}: never written")
        if self._contents.is_recovered and len(blocks) < found.most_tiles:
            raise NotYetWrittenError.of(
                self.path, f"has no directory, and {len(blocks)} of {found.most_tiles} tiles so far"
            )
        return found, blocks

    def _check_size(self, scene: Scene, blocks: list[Block]) -> None:
        """Refuse a plane beyond the limit, and a large one that is nearly all gaps."""
        _, _, width, height = scene.rectangle
        n_bytes = width * height * blocks[0].pixels.n_bytes
        check_plane_bytes(self.path, n_bytes)
        covered = sum(block.width * block.height for block in blocks)
        if n_bytes > MAX_SPARSE_BYTES and covered * SPARSE_RATIO < width * height:
            raise TooLargeError.of(
                self.path,
                f"tiles cover {covered} of {width} x {height} pixels; read regions or tiles",
            )

    def _compose(
        self, scene: Scene, blocks: list[Block], region: Rectangle, level: int, allocate: Allocate
    ) -> Pixels:
        for block in blocks:
            if _overlap(block, region):
                self._check_compression(block)
                find_place(self.path, self._file, block)
        kind: PixelType = blocks[0].pixels
        if self._contents.is_recovered or any(is_unpacked_wrongly(block) for block in blocks):
            pixels = paint(blocks, region, 2**level, self._read_block)
        else:
            if self._decoder is None:
                self._decoder = self.open_decoder(self.path, self._file)
            pixels = self._decoder.read(kind, region, blocks[0].start, scene.number, 2**level)
        if level == 0 and pixels.shape[:2] != (region[3], region[2]):
            raise CorruptFileError.of(self.path, f"a plane decodes to {pixels.shape}, not {region}")
        out = allocate(pixels.shape, kind.dtype.newbyteorder("="))
        np.copyto(out, pixels, casting="equiv")
        return out

    def _read_block(self, block: Block) -> Pixels:
        return self._tiles.read(block, allocate_in_memory)

    def _check_compression(self, block: Block) -> None:
        name = COMPRESSIONS.get(block.compression, f"code {block.compression}")
        if name not in _DECODED:
            raise UnsupportedFormatError.of(self.path, f"no library reads its compression: {name}")


def _overlap(block: Block, region: Rectangle) -> bool:
    x, y, width, height = region
    return (
        block.x < x + width
        and x < block.x + block.width
        and block.y < y + height
        and y < block.y + block.height
    )
