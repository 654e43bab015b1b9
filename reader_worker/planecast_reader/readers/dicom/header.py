"""A DICOM file's data set without its pixels, and where those lie: checked against the file."""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID

from planecast_protocol.errors import (
    CorruptFileError,
    NotYetWrittenError,
    UnsupportedFormatError,
)
from planecast_protocol.limits import MAX_COUNT
from planecast_reader.readers.dicom.metadata import DAMAGE

# Dates such as 1995.06.26 are wrong by the standard, and common; they are taken as text.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

PREAMBLE_BYTES = 132
UNDEFINED = 0xFFFFFFFF
WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
"""VL Whole Slide Microscopy Image Storage."""
_DEFLATED = "1.2.840.10008.1.2.1.99"
_PIXEL_TYPES = {0x7FE00008: "f", 0x7FE00009: "f", 0x7FE00010: ""}
"""Float, double and ordinary pixel data. PS3.3 C.7.6.3, C.7.6.24, C.7.6.25."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is needed to find and decode the frames of a file."""

    path: Path
    dataset: FileDataset
    syntax: UID
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool
    is_float: bool
    n_frames: int
    photometric: str
    is_planar: bool
    """Colours lie one plane after another, where they are not compressed."""
    pixels_at: int
    """First byte of the pixel data's value."""
    pixel_bytes: int
    """`UNDEFINED` where frames are encapsulated."""

    @property
    def is_encapsulated(self) -> bool:
        """Whether each frame is a compressed stream."""
        return self.pixel_bytes == UNDEFINED

    @property
    def dtype(self) -> "np.dtype[Any]":
        """Of the samples as they are stored, in native byte order."""
        if self.bits_allocated == 1:
            return np.dtype(np.uint8)
        kind = "f" if self.is_float else "i" if self.is_signed else "u"
        return np.dtype(f"{kind}{self.bits_allocated // 8}")

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Shape of a frame before colours are put in order."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, 3)

    @property
    def frame_bits(self) -> int:
        """Size of a frame that isn't compressed; frames of single bits aren't padded."""
        if self.photometric == "YBR_FULL_422" and not self.is_encapsulated:
            return self.rows * self.columns * 2 * self.bits_allocated
        return self.rows * self.columns * self.samples * self.bits_allocated


def read_header(path: Path) -> Header:
    """Read the data set of a file up to its pixels.

    Raises `NotYetWrittenError` for one that ends before them, `UnsupportedFormatError` for one
    that holds none, `CorruptFileError` for sizes that contradict each other or the file.
    """
    with _damage_is_ours(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < PREAMBLE_BYTES:
            raise NotYetWrittenError.of(path, "has no header of DICOM yet; ask again")
        syntax = read_file_meta_info(path).get("TransferSyntaxUID")
        if syntax is None:
            raise CorruptFileError.of(path, "names no transfer syntax")
        if syntax == _DEFLATED:
            # pydicom would inflate all of it at once, however large it becomes.
            raise UnsupportedFormatError.of(path, f"is a data set of syntax {syntax.name}")
        dataset = pydicom.dcmread(file, stop_before_pixels=True)
        tag, start, length = _pixel_element(path, file, dataset, syntax)
        header = _header(path, dataset, syntax, tag, start, length)
    _check(header, size)
    return header


@contextmanager
def _damage_is_ours(path: Path) -> Iterator[None]:
    """Turn what pydicom raises for a damaged data set into our errors."""
    try:
        yield
    except InvalidDicomError as error:
        raise UnsupportedFormatError.of(path, f"is no DICOM file: {error}") from None
    except (EOFError, struct.error) as error:
        raise NotYetWrittenError.of(path, f"ends before its pixels: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise  # of the disk, not of pydicom
        raise CorruptFileError.of(path, f"its data set is damaged: {error}") from None
    except DAMAGE as error:
        raise CorruptFileError.of(path, f"its data set is damaged: {error}") from None


def _pixel_element(
    path: Path, file: BinaryIO, dataset: FileDataset, syntax: UID
) -> tuple[int, int, int]:
    """Return tag, first byte and length of the pixel data, before which pydicom stopped."""
    order = "<" if syntax.is_little_endian else ">"
    head = file.read(12)
    if len(head) < 12:
        if "Rows" in dataset:
            raise NotYetWrittenError.of(path, "has no pixel data yet, or was cut before it")
        kind = getattr(dataset.file_meta, "MediaStorageSOPClassUID", UID("")).name
        raise UnsupportedFormatError.of(path, f"holds no picture ({kind or 'of unknown kind'})")
    group, element = struct.unpack(order + "HH", head[:4])
    tag = group << 16 | element
    if tag not in _PIXEL_TYPES:
        raise CorruptFileError.of(path, f"has the element {tag:08x} where its pixels should be")
    if syntax.is_implicit_VR:
        return tag, file.tell() - 4, struct.unpack(order + "I", head[4:8])[0]
    return tag, file.tell(), struct.unpack(order + "I", head[8:12])[0]


def _header(
    path: Path, dataset: FileDataset, syntax: UID, tag: int, start: int, length: int
) -> Header:
    def number(keyword: str, default: int | None = None) -> int:
        value = dataset.get(keyword)
        if value is None or value == "":
            if default is None:
                raise CorruptFileError.of(path, f"has pixels, but no {keyword}")
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise CorruptFileError.of(path, f"has {keyword} {str(value)[:40]!r}") from None

    bits = number("BitsAllocated", {0x7FE00008: 32, 0x7FE00009: 64}.get(tag))
    return Header(
        path=path,
        dataset=dataset,
        syntax=syntax,
        rows=number("Rows"),
        columns=number("Columns"),
        samples=number("SamplesPerPixel", 1),
        bits_allocated=bits,
        bits_stored=number("BitsStored", bits),
        is_signed=number("PixelRepresentation", 0) == 1,
        is_float=_PIXEL_TYPES[tag] == "f",
        n_frames=number("NumberOfFrames", 1),
        photometric=str(dataset.get("PhotometricInterpretation") or "MONOCHROME2").strip(),
        is_planar=number("PlanarConfiguration", 0) == 1,
        pixels_at=start,
        pixel_bytes=length,
    )


def _check(header: Header, file_bytes: int) -> None:
    def refuse(trouble: str) -> None:
        raise CorruptFileError.of(header.path, trouble)

    if header.rows < 1 or header.columns < 1:
        refuse(f"declares {header.rows} rows and {header.columns} columns")
    if header.samples not in {1, 3}:
        refuse(f"declares {header.samples} samples a pixel, which are 1 or 3")
    if header.bits_allocated not in {1, 8, 16, 32, 64}:
        refuse(f"declares {header.bits_allocated} bits a sample")
    if not 1 <= header.bits_stored <= header.bits_allocated:
        refuse(f"declares {header.bits_stored} of {header.bits_allocated} bits to be used")
    if not 1 <= header.n_frames <= MAX_COUNT:
        refuse(f"declares {header.n_frames} frames")
    if header.is_encapsulated:
        # Each frame has a fragment, and each of those a head of 8 bytes.
        if header.n_frames * 8 > file_bytes:
            refuse(f"declares {header.n_frames} frames in {file_bytes} bytes")
    elif -(-header.n_frames * header.frame_bits // 8) > header.pixel_bytes:
        refuse(
            f"declares {header.n_frames} frames of {header.frame_bits // 8} bytes, "
            f"its pixel data has {header.pixel_bytes}"
        )
