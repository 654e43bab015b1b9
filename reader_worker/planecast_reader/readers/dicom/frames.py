"""Frames of one DICOM file, as planes in R, G, B order and native byte order."""

from functools import cached_property
from io import FileIO
from pathlib import Path

import numpy as np
from pydicom.pixels.processing import apply_color_lut, convert_color_space

from planecast_protocol.errors import CorruptFileError, NotYetWrittenError
from planecast_reader.reader import Allocate, Pixels
from planecast_reader.readers.dicom.codecs import decode_frame
from planecast_reader.readers.dicom.fragments import Segments, find_frames
from planecast_reader.readers.dicom.header import read_header
from planecast_reader.readers.indexing import check_plane_bytes
from planecast_reader.readers.rawbytes import read_into

_PALETTE = "PALETTE COLOR"


class DicomFrames:
    """The frames of a file. No file stays open between reads."""

    def __init__(self, path: Path) -> None:
        self.header = read_header(path)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a plane, (y, x) or (y, x, samples)."""
        header = self.header
        is_color = header.samples == 3 or header.photometric == _PALETTE
        return (header.rows, header.columns, 3) if is_color else (header.rows, header.columns)

    @cached_property
    def dtype(self) -> "np.dtype[np.generic]":
        """Of a plane: of the palette's colours where there is one."""
        header = self.header
        if header.photometric != _PALETTE:
            return header.dtype
        descriptor = header.dataset.get("RedPaletteColorLookupTableDescriptor")
        if descriptor is None or len(descriptor) != 3:
            raise CorruptFileError.of(header.path, "has no palette for its colours")
        return np.dtype(np.uint8 if descriptor[2] == 8 else np.uint16)

    @cached_property
    def _compressed(self) -> list[Segments]:
        with FileIO(self.header.path) as file:
            return find_frames(self.header, file)

    def read(self, frame: int, allocate: Allocate) -> Pixels:
        """Read a frame that the data set declares.

        Raises `NotYetWrittenError` where the file ends before it.
        """
        n_values = int(np.prod(self.shape, dtype=object))
        check_plane_bytes(self.header.path, n_values * self.dtype.itemsize)
        if self._is_as_in_memory:
            return self._read_raw(frame, allocate)
        pixels = self._decode(frame) if self.header.is_encapsulated else self._unpack(frame)
        pixels = self._in_rgb(self._with_sign(pixels))
        out = allocate(self.shape, self.dtype)
        np.copyto(out, pixels)
        return out

    @property
    def _is_as_in_memory(self) -> bool:
        header = self.header
        return not (
            header.is_encapsulated
            or header.bits_allocated == 1
            or header.bits_stored != header.bits_allocated
            or (header.samples == 3 and (header.is_planar or header.photometric != "RGB"))
            or header.photometric == _PALETTE
        )

    def _read_raw(self, frame: int, allocate: Allocate) -> Pixels:
        header = self.header
        out = allocate(self.shape, header.dtype)
        with FileIO(header.path) as file:
            read_into(header.path, file, [(header.pixels_at + frame * out.nbytes, out.nbytes)], out)
        if not header.syntax.is_little_endian:
            out.byteswap(inplace=True)
        return out

    def _unpack(self, frame: int) -> Pixels:
        """Read a frame that is not compressed but has another order, or odd bits."""
        header = self.header
        first_bit = frame * header.frame_bits
        start, stop = first_bit // 8, -(-(first_bit + header.frame_bits) // 8)
        raw = np.empty(stop - start, np.uint8)
        with FileIO(header.path) as file:
            read_into(header.path, file, [(header.pixels_at + start, len(raw))], raw)
        if header.bits_allocated == 1:
            bits = np.unpackbits(raw, bitorder="little")[first_bit % 8 :]
            return bits[: header.rows * header.columns].reshape(header.rows, header.columns)
        values: Pixels = raw.view(header.dtype)
        if not header.syntax.is_little_endian:
            values.byteswap(inplace=True)
        if header.photometric == "YBR_FULL_422":
            # Two pixels share their colour: Y1 Y2 Cb Cr. PS3.3 C.7.6.3.1.2.
            pairs = values.reshape(-1, 4)
            values = pairs[:, [0, 2, 3, 1, 2, 3]]
        elif header.samples == 3 and header.is_planar:
            values = values.reshape(3, header.rows, header.columns).transpose(1, 2, 0)
        return values.reshape(header.stored_shape)

    def _decode(self, frame: int) -> Pixels:
        header = self.header
        if frame >= len(self._compressed):
            raise NotYetWrittenError.of(
                header.path, f"{len(self._compressed)} of {header.n_frames} frames are whole"
            )
        with FileIO(header.path) as file:
            parts = []
            for start, length in self._compressed[frame]:
                file.seek(start)
                parts.append(file.read(length))
        return decode_frame(header, b"".join(parts))

    def _with_sign(self, pixels: Pixels) -> Pixels:
        """Clear the bits that are not stored, or fill them with the sign."""
        header = self.header
        spare = header.dtype.itemsize * 8 - header.bits_stored
        if header.bits_allocated == 1 or header.is_float or not spare:
            return pixels.view(header.dtype)
        return (pixels.view(header.dtype) << spare) >> spare

    def _in_rgb(self, pixels: Pixels) -> Pixels:
        header = self.header
        if header.photometric == _PALETTE:
            return apply_color_lut(pixels, header.dataset)
        # JPEG and JPEG 2000 give RGB themselves where their streams are in another space.
        is_jpeg = (
            header.is_encapsulated
            and header.syntax.is_encapsulated
            and (str(header.syntax).endswith((".4.50", ".4.51")))
        )
        if header.photometric in {"YBR_FULL", "YBR_FULL_422"} and not is_jpeg:
            return convert_color_space(pixels, "YBR_FULL", "RGB")
        return pixels
