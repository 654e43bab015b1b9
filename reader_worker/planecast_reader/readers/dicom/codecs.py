"""Compressed frames. The size in a stream's own head is compared before any codec sees it.

The codecs are imagecodecs', not pydicom's: those that pydicom takes for JPEG-LS trust the data
set's number of rows and end the process where the stream has fewer.
"""

import struct
from collections.abc import Callable

import imagecodecs
import numpy as np

from planecast_protocol.errors import CorruptFileError, UnsupportedFormatError
from planecast_reader.reader import Pixels
from planecast_reader.readers.dicom.header import Header

_JPEG = "1.2.840.10008.1.2.4."
_RLE = "1.2.840.10008.1.2.5"
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""SOF0 … SOF15, and JPEG-LS's own. T.81 table B.1, T.87 C.1."""
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def decode_frame(header: Header, stream: bytes) -> Pixels:
    """Return a frame, (y, x) or (y, x, samples), colours as RGB where the stream has them so.

    Raises `UnsupportedFormatError` for a transfer syntax without codec, `CorruptFileError` for a
    stream that is no such stream or has another size than the data set.
    """
    uid = str(header.syntax)
    codec = _CODECS.get(uid.removeprefix(_JPEG)) if uid.startswith(_JPEG) else None
    if uid == _RLE:
        codec = (None, _decode_rle)
    if codec is None:
        name = header.syntax.name
        raise UnsupportedFormatError.of(header.path, f"no codec for the transfer syntax {name}")
    size_of, decode = codec
    declared = (header.rows, header.columns, header.samples)
    found = size_of(stream) if size_of is not None else declared
    if found != declared:
        told = "no size" if found is None else "×".join(map(str, found))
        raise CorruptFileError.of(
            header.path, f"a frame says {told}, the data set {'×'.join(map(str, declared))}"
        )
    try:
        pixels = decode(header, stream)
    except (RuntimeError, ValueError) as error:
        raise CorruptFileError.of(header.path, f"a frame can't be decoded: {error}") from None
    if pixels.shape != header.stored_shape or pixels.dtype.itemsize != header.dtype.itemsize:
        raise CorruptFileError.of(
            header.path,
            f"a frame holds {pixels.shape} {pixels.dtype}, "
            f"the data set says {header.stored_shape} {header.dtype}",
        )
    return pixels


def jpeg_size(stream: bytes) -> tuple[int, int, int] | None:
    """Return rows, columns and samples of a JPEG or JPEG-LS stream."""
    at = 2
    while stream[:2] == b"\xff\xd8" and at + 4 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        elif marker in _FRAME_MARKERS:
            head = stream[at + 5 : at + 10]
            if len(head) < 5:
                return None
            rows, columns, samples = struct.unpack(">HHB", head)
            return rows, columns, samples
        else:
            at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None


def jpeg2000_size(stream: bytes) -> tuple[int, int, int] | None:
    """Return rows, columns and samples of a JPEG 2000 stream, by its SIZ. T.800 A.5.1."""
    start = stream.find(b"\xff\x4f\xff\x51", 0, 4096)  # some have a box of JP2 around it
    head = stream[start + 8 : start + 42]
    if start < 0 or len(head) < 34:
        return None
    right, bottom, left, top = struct.unpack(">4I", head[:16])
    return bottom - top, right - left, int.from_bytes(head[32:34], "big")


def _decode_jpeg(header: Header, stream: bytes) -> Pixels:
    """Let the stream say what its colours are; where it doesn't, the data set does."""
    says = b"JFIF" in stream[:64] or b"Adobe" in stream[:4096]
    if header.samples == 1 or says:
        return np.asarray(imagecodecs.jpeg8_decode(stream))
    stored = "RGB" if header.photometric == "RGB" else "YCBCR"
    return np.asarray(imagecodecs.jpeg8_decode(stream, colorspace=stored, outcolorspace="RGB"))


def _decode_jpegls(_header: Header, stream: bytes) -> Pixels:
    return np.asarray(imagecodecs.jpegls_decode(stream))


def _decode_jpeg2000(_header: Header, stream: bytes) -> Pixels:
    return np.asarray(imagecodecs.jpeg2k_decode(stream))


_Codec = tuple[
    Callable[[bytes], tuple[int, int, int] | None] | None, Callable[[Header, bytes], Pixels]
]
_OF_JPEG: _Codec = (jpeg_size, _decode_jpeg)
_OF_JPEG_LS: _Codec = (jpeg_size, _decode_jpegls)
_OF_JPEG_2000: _Codec = (jpeg2000_size, _decode_jpeg2000)
_CODECS: dict[str, _Codec] = {
    "50": _OF_JPEG,
    "51": _OF_JPEG,
    "57": _OF_JPEG,
    "70": _OF_JPEG,
    "80": _OF_JPEG_LS,
    "81": _OF_JPEG_LS,
    "90": _OF_JPEG_2000,
    "91": _OF_JPEG_2000,
    "201": _OF_JPEG_2000,
    "202": _OF_JPEG_2000,
    "203": _OF_JPEG_2000,
}
"""End of the transfer syntax to its codec. PS3.5 A.4, 10."""


def _decode_rle(header: Header, stream: bytes) -> Pixels:
    """Decode PackBits segments: one for each byte of each sample, highest first. PS3.5 G."""
    width = header.dtype.itemsize
    n_pixels = header.rows * header.columns
    n_wanted = header.samples * width
    if len(stream) < 64:
        raise CorruptFileError.of(header.path, f"a frame has {len(stream)} bytes, its head 64")
    n_segments, *starts = struct.unpack("<16I", stream[:64])
    if n_segments != n_wanted:
        raise CorruptFileError.of(
            header.path, f"a frame has {n_segments} segments, the data set wants {n_wanted}"
        )
    ends = [*starts[1:n_segments], len(stream)]
    planes = np.empty((n_segments, n_pixels), np.uint8)
    for plane, start, end in zip(planes, starts, ends, strict=False):
        # PackBits makes at most 128 bytes of 2.
        if not 64 <= start <= end <= len(stream) or (end - start) * 64 < n_pixels:
            raise CorruptFileError.of(header.path, "a frame's segments don't hold its pixels")
        decoded = np.frombuffer(imagecodecs.packbits_decode(stream[start:end]), np.uint8)
        if decoded.size < n_pixels:
            raise CorruptFileError.of(header.path, "a frame's segments don't hold its pixels")
        plane[:] = decoded[:n_pixels]
    samples = planes.reshape(header.samples, width, n_pixels).transpose(2, 0, 1)
    big_endian = header.dtype.newbyteorder(">")
    whole = np.ascontiguousarray(samples).view(big_endian).astype(header.dtype)
    return whole.reshape(header.stored_shape)
