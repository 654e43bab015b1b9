"""Olympus FluoView files, OIB and OIF: one TIFF a plane, and settings as text."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np
import oiffile
import tifffile

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotYetWrittenError,
    OutOfRangeError,
    ReadError,
    UnsupportedFormatError,
)
from planecast_protocol.images import ImageInfo
from planecast_protocol.metadata import ImageMetadata
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers.indexing import check_plane_bytes, check_scene, full_index
from planecast_reader.readers.oif.compound import MAGIC, check_compound_file
from planecast_reader.readers.oif.describe import describe_scene, image_metadata
from planecast_reader.readers.oif.storage import DAMAGE, channel_colors, find_oif, find_planes

_CONTENTS = "OibInfo.txt"
_MAX_TRIES = 8
_BROKEN_TIFF = (tifffile.TiffFileError, ValueError, KeyError, IndexError, TypeError)


class OifReader(PlaneReader):
    """One OIB file, or one OIF file with the folder `NAME.oif.files` beside it."""

    format: ClassVar[str] = "oif"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._warnings: list[str] = []
        self._main = self._main_file()
        self._oif = self._open()
        try:
            self._planes = find_planes(self._oif)
            self._plane_shape, self._dtype = self._look_at_first()
            self._colors = channel_colors(self._oif, self._planes.sizes.get("C", 1))
        except BaseException:
            self._oif.close()
            raise

    def describe(self) -> ImageInfo:
        """Return the one scene of the file."""
        dtype = self._dtype.newbyteorder("=").str
        scene = describe_scene(self._oif.mainfile, self._planes, self._sizes(), dtype, self._colors)
        return ImageInfo(
            path="",
            format=self.format,
            reader=f"oiffile {oiffile.__version__}",
            scenes=[scene],
            size_bytes=self._size_bytes(),
            warnings=self._warnings,
        )

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        """Return the TIFF at `index`, (y, x) as a rule."""
        if page is not None:
            raise OutOfRangeError.of(self.path, "has no pages, choose a plane by its index")
        check_scene(self.path, scene, 1)
        axes = (*self._planes.plane_axes, "S")
        chosen = full_index(self.path, self._sizes(), index, axes)
        name = self._planes.files.get(tuple(chosen.get(axis, 0) for axis in self._planes.sizes))
        if name is None:
            where = ", ".join(f"{axis}={value}" for axis, value in chosen.items())
            raise NoDataError.of(self.path, f"has no plane {where}: never written")
        return self._read_tiff(name, allocate)

    def read_metadata(self) -> ImageMetadata:
        """Return what the settings say."""
        return image_metadata(self._oif, self._planes, self.describe())

    def close(self) -> None:
        """Close the file."""
        self._oif.close()

    # ------------------------------------------------------------ opening

    def _main_file(self) -> Path:
        if not self.path.is_dir():
            return self.path
        found = find_oif(self.path)
        if len(found) != 1:
            raise UnsupportedFormatError.of(
                self.path, f"has {len(found)} OIF files; open one of them"
            )
        return found[0]

    def _open(self) -> oiffile.OifFile:
        if not self._main.stat().st_size:
            raise NotYetWrittenError.of(self.path, "is empty")
        with self._main.open("rb") as file:
            is_compound = file.read(len(MAGIC)) == MAGIC
        if is_compound:
            if not check_compound_file(self._main, self._main.stat().st_size):
                self._warnings.append("it lacks its last sectors: it was cut, or is being written")
        elif not self._main.with_name(f"{self._main.name}.files").is_dir():
            raise NoDataError.of(
                self.path, f"its folder {self._main.name}.files is missing; both belong together"
            )
        try:
            if is_compound:
                self._check_contents()
            return oiffile.OifFile(self._main)
        except OSError as error:
            raise NotYetWrittenError.of(self.path, str(error)) from None
        except DAMAGE as error:
            kind = NotYetWrittenError if self._warnings else CorruptFileError
            text = f"{type(error).__name__}: {error}"[:300]
            raise kind.of(self.path, f"its settings can't be read: {text}") from None

    def _check_contents(self) -> None:
        """Raise for compound files of other programs: oiffile would leave them open."""
        with oiffile.CompoundFile(self._main) as compound:
            if _CONTENTS not in compound.files():
                raise UnsupportedFormatError.of(
                    self.path, f"is a compound file, but no OIB: it has no {_CONTENTS}"
                )

    def _look_at_first(self) -> tuple[tuple[int, ...], "np.dtype[np.generic]"]:
        """Return shape and type of the planes, from the first that can be read."""
        trouble: ReadError | None = None
        for name in list(self._planes.files.values())[:_MAX_TRIES]:
            try:
                with self._tiff(name) as tiff:
                    page = tiff.pages.first
                    return page.shape, np.dtype(page.dtype)
            except ReadError as error:
                trouble = trouble or error
        raise trouble or NoDataError.of(self.path, "has no picture")

    # ------------------------------------------------------------ planes

    def _sizes(self) -> dict[str, int]:
        sizes = {axis: length for axis, length in self._planes.sizes.items() if length != 1}
        axes = (*self._planes.plane_axes, "S")
        return sizes | dict(zip(axes, self._plane_shape, strict=False))

    @contextmanager
    def _tiff(self, name: str) -> Iterator[tifffile.TiffFile]:
        """Open a file of the storage; what is wrong with it while it is read is of our tree."""
        try:
            file = self._oif.open_file(name)
        except FileNotFoundError:
            raise NoDataError.of(self.path, f"its file {name} is gone") from None
        except DAMAGE as error:
            raise CorruptFileError.of(self.path, f"{name}: {error}") from None
        with file:
            try:
                # Closing it leaves a file alone that it did not open.
                with tifffile.TiffFile(file, name=name) as tiff:
                    yield tiff
            except _BROKEN_TIFF as error:
                kind = NotYetWrittenError if self._warnings else CorruptFileError
                raise kind.of(self.path, f"{name}: {type(error).__name__}: {error}") from None

    def _read_tiff(self, name: str, allocate: Allocate) -> Pixels:
        with self._tiff(name) as tiff:
            page = tiff.pages.first
            if page.shape != self._plane_shape or page.dtype != self._dtype:
                raise CorruptFileError.of(
                    self.path, f"{name} is {page.shape} of {page.dtype}, others {self._plane_shape}"
                )
            check_plane_bytes(self.path, page.nbytes)
            self._check_whole(tiff, name)
            out = allocate(page.shape, self._dtype.newbyteorder("="))
            np.copyto(out, page.asarray())
            return out

    def _check_whole(self, tiff: tifffile.TiffFile, name: str) -> None:
        """Raise unless all strips of the first page are there: tifffile would read zeros."""
        page = tiff.pages.first
        ends = [
            offset + count
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
        ]
        size = tiff.filehandle.size
        if max(ends, default=0) > size:
            raise NotYetWrittenError.of(self.path, f"{name} ends after {size} of {max(ends)} bytes")
        n_bytes = sum(page.databytecounts)
        if page.compression == tifffile.COMPRESSION.NONE and n_bytes < page.nbytes:
            raise CorruptFileError.of(
                self.path, f"{name} has {n_bytes} bytes of pixels, its size takes {page.nbytes}"
            )

    def _size_bytes(self) -> int:
        total = self._main.stat().st_size
        folder = self._main.with_name(f"{self._main.name}.files")
        if self._oif.is_oib or not folder.is_dir():
            return total
        with os.scandir(folder) as entries:
            return total + sum(entry.stat().st_size for entry in entries)
