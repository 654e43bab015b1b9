"""Leica LIF, LOF and XLEF files, read with liffile."""

import contextlib
import os
import struct
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import ClassVar

import liffile
import msgspec
import numpy as np

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotYetWrittenError,
    OutOfRangeError,
)
from planecast_protocol.images import ImageInfo
from planecast_protocol.metadata import ImageMetadata
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers.indexing import check_plane_bytes, check_scene, full_index
from planecast_reader.readers.lif.describe import describe_scene
from planecast_reader.readers.lif.layout import ImageLayout, check_frames, find_block, layout_of
from planecast_reader.readers.lif.metadata import image_metadata
from planecast_reader.readers.rawbytes import read_into

MAGIC = b"\x70\0\0\0"
_HEADER = struct.Struct("<IIBI")

_DAMAGE = (KeyError, ValueError, TypeError, IndexError, AttributeError, AssertionError, OSError)
"""What liffile raises on descriptions that are missing or damaged."""


class LifReader(PlaneReader):
    """One file; images are scenes."""

    format: ClassVar[str] = "lif"
    library: ClassVar[str] = f"liffile {liffile.__version__}"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._warnings: list[str] = []
        self._lif: liffile.LifFile | None = None
        self._file = FileIO(path)
        try:
            self._check_header()
            self._lif = self._open()
            self._images = self._find_images(self._lif)
        except BaseException:
            self.close()
            raise

    def describe(self) -> ImageInfo:
        """Return the images of the file."""
        return ImageInfo(
            path="",
            format=self.format,
            reader=self.library,
            scenes=[describe_scene(image, layout) for image, layout in self._images],
            size_bytes=self._size(),
            warnings=self._warnings,
        )

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        """Return a plane: (y, x) as a rule, (z, x) of an xz scan, with rgb behind for colour."""
        if page is not None:
            raise OutOfRangeError.of(self.path, "has no pages, choose a plane by its index")
        check_scene(self.path, scene, len(self._images))
        image, layout = self._images[scene]
        chosen = full_index(self.path, layout.sizes, index, layout.plane_axes)
        check_plane_bytes(self.path, layout.plane_bytes)
        block = find_block(self.path, image, layout)
        return self._read(image, layout, block, chosen, allocate)

    def read_metadata(self) -> ImageMetadata:
        """Return what the XML says of the first image's hardware, and the XML of all."""
        if self._lif is None:
            raise CorruptFileError.of(self.path, "was closed")
        try:
            return image_metadata(self._lif, self._images, self.describe())
        except _DAMAGE as error:
            # The pixels are there without it.
            bare = super().read_metadata()
            note = f"no metadata: {type(error).__name__}: {error}"
            return msgspec.structs.replace(bare, warnings=[*bare.warnings, note])

    def close(self) -> None:
        """Close the file, and those that it refers to."""
        self._file.close()
        if self._lif is not None:
            # It opens the files that it refers to, if it has not yet.
            with contextlib.suppress(ET.ParseError, *_DAMAGE):
                self._lif.close()
            self._lif = None

    def _read(
        self,
        image: liffile.LifImage,
        layout: ImageLayout,
        block: liffile.LifMemoryBlock,
        index: dict[str, int],
        allocate: Allocate,
    ) -> Pixels:
        """Read a plane that lies in `block`; straight from the file where that is in one piece."""
        is_own = image.parent is self._lif and not block.frames
        is_packed = block.size == layout.n_bytes and layout.is_planar
        if is_own and is_packed and "S" not in layout.sizes:
            out = allocate(layout.plane_shape, layout.dtype)
            start = block.offset + layout.offset(index)
            read_into(self.path, self._file, [(start, layout.plane_bytes)], out)
            return out
        try:
            check_frames(self.path, image, layout)
            out = allocate(layout.plane_shape, layout.dtype)
            frame = image.frame(out=None, **index)
        except FileNotFoundError as error:
            raise NoDataError.of(self.path, f"refers to a missing file: {error}") from None
        np.copyto(out, frame.reshape(layout.plane_shape))
        return out

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    # ------------------------------------------------------------ opening

    def _check_header(self) -> None:
        """Refuse a length of the XML that the file doesn't have, before liffile reads so much."""
        header = self._file.read(_HEADER.size)
        size = self._size()
        if not size:
            raise NotYetWrittenError.of(self.path, "is empty")
        if not header.startswith(MAGIC):
            return
        if len(header) < _HEADER.size:
            raise NotYetWrittenError.of(self.path, "it ends within its header")
        _, n_bytes, _, n_chars = _HEADER.unpack(header)
        if _HEADER.size + 2 * n_chars <= size:
            return
        if n_bytes != 2 * n_chars + 5:
            raise CorruptFileError.of(
                self.path, f"its XML has {n_chars} characters, or {n_bytes} bytes"
            )
        raise NotYetWrittenError.of(
            self.path, f"it ends within its XML of {2 * n_chars} bytes: cut, or being written"
        )

    def _open(self) -> liffile.LifFile:
        try:
            return liffile.LifFile(self.path)
        except (ET.ParseError, *_DAMAGE) as error:
            text = f"its XML can't be read: {type(error).__name__}: {error}"[:500]
            raise CorruptFileError.of(self.path, text) from None

    def _find_images(self, file: liffile.LifFile) -> list[tuple[liffile.LifImage, ImageLayout]]:
        """Return the images that can be read; warn of the others."""
        found = []
        try:
            images = list(file.images)
        except FileNotFoundError as error:
            raise NoDataError.of(self.path, f"refers to a missing file: {error}") from None
        except (ET.ParseError, *_DAMAGE) as error:
            raise CorruptFileError.of(self.path, f"{type(error).__name__}: {error}") from None
        for image in images:
            if not isinstance(image, liffile.LifImage):
                self._warnings.append(f"{image.path} is left out: it is photons, not pixels")
                continue
            try:
                layout = layout_of(image)
            except _DAMAGE as error:
                self._warnings.append(f"{image.path} is left out: {error}")
                continue
            found.append((image, layout))
            self._warn_of_missing_pixels(image, layout)
        if not found:
            reasons = "; ".join(self._warnings) or "it lists none"
            raise NoDataError.of(self.path, f"has no images: {reasons}")
        return found

    def _warn_of_missing_pixels(self, image: liffile.LifImage, layout: ImageLayout) -> None:
        try:
            block = find_block(self.path, image, layout)
        except (CorruptFileError, NotYetWrittenError) as error:
            self._warnings.append(error.message.removeprefix(f"{self.path}: "))
            return
        is_own = image.parent is self._lif or image.parent.filepath == str(self.path)
        if is_own and not block.frames and block.offset + block.size > self._size():
            there = max(self._size() - block.offset, 0)
            self._warnings.append(
                f"it ends within the pixels of {image.name}: {there} of {block.size} bytes are "
                "there; it was cut, or is being written"
            )
