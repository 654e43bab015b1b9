"""Nikon ND2 files: metadata through nd2, frames straight from the file."""

import os
import struct
import warnings
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import ClassVar, cast

import nd2
import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import (
    CorruptFileError,
    NotYetWrittenError,
    OutOfRangeError,
    PlanecastError,
    UnsupportedFormatError,
)
from planecast_protocol.images import ImageInfo
from planecast_protocol.limits import MAX_SCENES
from planecast_protocol.metadata import ImageMetadata
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers.indexing import check_scene, full_index
from planecast_reader.readers.nd2.chunks import (
    MAGIC_BYTES,
    Chunks,
    MendedFile,
    find_data,
    read_chunks,
)
from planecast_reader.readers.nd2.describe import (
    Contents,
    describe_scene,
    loops_of,
    position_names,
    z_step_um,
)
from planecast_reader.readers.nd2.frames import FrameLayout, FrameReader, check_layout
from planecast_reader.readers.nd2.legacy import LegacyFrameReader
from planecast_reader.readers.nd2.metadata import bare_metadata, image_metadata

_TIMES = b"CustomData|AcqTimesCache!"
_ATTRIBUTES = (b"ImageAttributesLV!", b"ImageAttributes!")

_DAMAGE = (
    KeyError, ValueError, TypeError, IndexError, AttributeError, NameError, OverflowError,
    OSError, ET.ParseError, struct.error, zlib.error,
)  # fmt: skip
"""What nd2 raises on metadata that is missing or damaged."""


class Nd2Reader(PlaneReader):
    """One ND2 file; positions are scenes."""

    format: ClassVar[str] = "nd2"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = FileIO(path)
        self._warnings: list[str] = []
        self._nd2: nd2.ND2File | None = None
        self._frames: FrameReader | LegacyFrameReader | None = None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def describe(self) -> ImageInfo:
        """Return the positions of the file."""
        contents = self._contents
        return ImageInfo(
            path="",
            format=self.format,
            reader=f"nd2 {nd2.__version__}",
            scenes=[describe_scene(number, contents) for number in range(contents.n_positions)],
            size_bytes=os.fstat(self._file.fileno()).st_size,
            warnings=self._warnings,
        )

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        """Return one channel of a frame, (y, x), or (y, x, rgb) of a colour camera."""
        if page is not None:
            raise OutOfRangeError.of(self.path, "has no pages, choose a plane by its index")
        check_scene(self.path, scene, self._contents.n_positions)
        chosen = full_index(self.path, self._contents.sizes(), index)
        frame = self._contents.frame_number(chosen | {"P": scene})
        if self._frames is None:
            raise CorruptFileError.of(self.path, "was closed")
        return self._frames.read(frame, chosen.get("C", 0), allocate)

    def read_metadata(self) -> ImageMetadata:
        """Return what the software wrote of microscope and experiment."""
        info = self.describe()
        try:
            with self._recorded_warnings():
                return image_metadata(self._library(), self._contents, info, self._times_ms())
        except _DAMAGE as error:
            return bare_metadata(info, f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Close the file."""
        if self._nd2 is not None:
            self._nd2.close()
            self._nd2 = None
        self._frames = None
        self._file.close()

    # ------------------------------------------------------------ opening

    def _open(self) -> None:
        magic = self._file.read(len(MAGIC_BYTES))
        if not magic:
            raise NotYetWrittenError.of(self.path, "is empty")
        self._chunks = Chunks({}, is_rebuilt=False)
        is_legacy = magic != MAGIC_BYTES
        if not is_legacy:
            self._chunks = read_chunks(self._file)
            if self._chunks.is_rebuilt:
                self._warn_of_missing_map()
        source = MendedFile(self._file, self._chunks) if self._chunks.is_rebuilt else self._file
        try:
            with self._recorded_warnings():
                self._nd2 = nd2.ND2File(cast("FileIO", source))
                self._contents = self._read_contents()
        except _DAMAGE as error:
            raise self._trouble(error) from None
        is_cut = self._chunks.is_rebuilt
        check_layout(self.path, self._file, self._contents.layout, is_cut=is_cut)
        if self._contents.n_positions > MAX_SCENES:
            raise CorruptFileError.of(self.path, f"claims {self._contents.n_positions} positions")
        self._frames = (
            LegacyFrameReader(self.path, self._nd2, self._contents.layout)
            if is_legacy
            else FrameReader(self.path, self._file, self._chunks, self._contents.layout)
        )

    def _warn_of_missing_map(self) -> None:
        """Say what is left; raise if that is not enough to tell the size of a frame."""
        n_frames = sum(name.startswith(b"ImageDataSeq|") for name in self._chunks.positions)
        if not any(name in self._chunks.positions for name in _ATTRIBUTES):
            raise NotYetWrittenError.of(
                self.path,
                f"it ends before its chunk map: it was cut, or is being written. {n_frames} frames "
                "are there, but not the chunk that says how large they are",
            )
        self._warnings.append(
            f"its chunk map is missing: it was cut, or is being written; {n_frames} whole frames "
            "were found"
        )

    def _read_contents(self) -> Contents:
        file = self._library()
        experiment = file.experiment
        loops = loops_of(experiment)
        if len(dict(loops)) < len(loops) or any(count < 1 for _, count in loops):
            raise UnsupportedFormatError.of(self.path, f"its loops are nested strangely: {loops}")
        contents = Contents(self._layout(), dict(loops), z_step_um=z_step_um(experiment))
        contents.positions = position_names(experiment)
        try:
            contents.channels = file.metadata.channels or ()
            contents.text = {key: str(value) for key, value in file.text_info.items()}
        except _DAMAGE as error:
            # The pixels are there without it.
            self._warnings.append(f"no metadata of the channels: {type(error).__name__}: {error}")
        return contents

    def _layout(self) -> FrameLayout:
        attributes = self._library().attributes
        if attributes.compressionType == "lossy":
            raise UnsupportedFormatError.of(self.path, "its frames are compressed with loss")
        kind = attributes.pixelDataType[0]
        item_bytes = attributes.bitsPerComponentInMemory // 8
        n_channels = attributes.channelCount or 1
        n_samples = attributes.componentCount // n_channels
        if n_samples != 3:  # nd2 does so too: what is no RGB is channels
            n_channels, n_samples = attributes.componentCount, 1
        width = attributes.widthPx or 0
        used = width * n_channels * n_samples * item_bytes
        return FrameLayout(
            height=attributes.heightPx,
            width=width,
            n_channels=n_channels,
            n_samples=n_samples,
            row_bytes=attributes.widthBytes or used,
            dtype=np.dtype(f"<{kind}{item_bytes}"),
            is_compressed=attributes.compressionType == "lossless",
        )

    # ------------------------------------------------------------ parts

    def _library(self) -> nd2.ND2File:
        if self._nd2 is None:
            raise CorruptFileError.of(self.path, "was closed")
        return self._nd2

    def _times_ms(self) -> npt.NDArray[np.float64] | None:
        """Return the time of each frame, in the order in which they were acquired."""
        if _TIMES not in self._chunks.positions:
            return None
        offset, length = find_data(self.path, self._file, self._chunks, _TIMES)
        self._file.seek(offset)
        data = self._file.read(length)
        return np.frombuffer(data[: len(data) // 8 * 8], np.float64)

    def _trouble(self, error: Exception) -> PlanecastError:
        text = f"{type(error).__name__}: {error}"[:300]
        kind = NotYetWrittenError if self._chunks.is_rebuilt else CorruptFileError
        return kind.of(self.path, f"its metadata can't be read: {text}")

    @contextmanager
    def _recorded_warnings(self) -> Iterator[None]:
        """Keep what nd2 warns of for whoever asks about the file."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        known = set(self._warnings)
        self._warnings += [str(one.message) for one in caught if str(one.message) not in known]
