"""The frames of an ND2 file: all channels of one place, pixel by pixel, row by row."""

import os
import zlib
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotYetWrittenError,
    UnsupportedFormatError,
)
from planecast_reader.reader import Allocate, Pixels
from planecast_reader.readers.indexing import check_plane_bytes
from planecast_reader.readers.nd2.chunks import FRAME_NAME, Chunks, find_data
from planecast_reader.readers.rawbytes import read_into

_TIME_STAMP_BYTES = 8


@dataclass(frozen=True)
class FrameLayout:
    """How the pixels of each frame lie in its chunk."""

    height: int
    width: int
    n_channels: int
    n_samples: int
    """3 for colour, else 1."""
    row_bytes: int
    """May be more than the pixels of a row take."""
    dtype: "np.dtype[np.generic]"
    is_compressed: bool

    @property
    def n_bytes(self) -> int:
        """Bytes of a frame; the last row may lack its padding."""
        return (self.height - 1) * self.row_bytes + self.used_row_bytes

    @property
    def used_row_bytes(self) -> int:
        """Bytes of a row that are pixels."""
        return self.width * self.n_channels * self.n_samples * self.dtype.itemsize

    @property
    def plane_shape(self) -> tuple[int, ...]:
        """(y, x) or (y, x, rgb)."""
        plane = (self.height, self.width)
        return plane if self.n_samples == 1 else (*plane, self.n_samples)


class FrameReader:
    """Reads planes out of frames; keeps the last frame, whose next channel is often wanted next."""

    def __init__(self, path: Path, file: FileIO, chunks: Chunks, layout: FrameLayout) -> None:
        self._path = path
        self._file = file
        self._chunks = chunks
        self._layout = layout
        self._last: tuple[int, Pixels] | None = None

    def read(self, frame: int, channel: int, allocate: Allocate) -> Pixels:
        """Return one channel of a frame."""
        name = FRAME_NAME % frame
        if name not in self._chunks.positions:
            if self._chunks.is_rebuilt:
                raise NotYetWrittenError.of(
                    self._path, f"frame {frame} is not in it: it was cut, or is being written"
                )
            raise NoDataError.of(self._path, f"frame {frame} was never written")
        layout = self._layout
        out_bytes = int(np.prod(layout.plane_shape, dtype=np.int64)) * layout.dtype.itemsize
        check_plane_bytes(self._path, layout.n_bytes)
        offset, length = find_data(self._path, self._file, self._chunks, name)
        self._check_length(frame, length)
        out = allocate(layout.plane_shape, layout.dtype)
        if not layout.is_compressed and layout.n_bytes == out_bytes:
            start = offset + _TIME_STAMP_BYTES
            read_into(self._path, self._file, [(start, out_bytes)], out)
            return out
        if self._last is None or self._last[0] != frame:
            self._last = None
            self._last = (frame, self._read_frame(offset, length))
        _pick_channel(self._last[1], channel, layout, out)
        return out

    def forget(self) -> None:
        """Drop the frame that is kept."""
        self._last = None

    def _check_length(self, frame: int, length: int) -> None:
        layout = self._layout
        if not layout.is_compressed and length < layout.n_bytes + _TIME_STAMP_BYTES:
            raise CorruptFileError.of(
                self._path,
                f"frame {frame} has {length} bytes, but {layout.width} x {layout.height} pixels in "
                f"{layout.n_channels} channels take {layout.n_bytes + _TIME_STAMP_BYTES}",
            )

    def _read_frame(self, offset: int, length: int) -> Pixels:
        """Return the rows, (y, bytes)."""
        layout = self._layout
        rows = np.empty((layout.height, layout.row_bytes), np.uint8)
        whole = rows.reshape(-1)[: layout.n_bytes]
        if not layout.is_compressed:
            read_into(self._path, self._file, [(offset + _TIME_STAMP_BYTES, layout.n_bytes)], whole)
            return rows
        packed = np.empty(max(length - _TIME_STAMP_BYTES, 0), np.uint8)
        read_into(self._path, self._file, [(offset + _TIME_STAMP_BYTES, packed.nbytes)], packed)
        try:
            pixels = zlib.decompressobj().decompress(packed.data, layout.n_bytes)
        except zlib.error as error:
            raise CorruptFileError.of(self._path, f"a compressed frame: {error}") from None
        if len(pixels) < layout.n_bytes:
            raise CorruptFileError.of(
                self._path, f"a frame decompresses to {len(pixels)} of {layout.n_bytes} bytes"
            )
        whole[:] = np.frombuffer(pixels, np.uint8)
        return rows


def check_layout(path: Path, file: FileIO, layout: FrameLayout, *, is_cut: bool) -> None:
    """Raise what is wrong with a layout, before memory is asked for."""
    counts = (layout.height, layout.width, layout.n_channels)
    if min(counts) < 1 or layout.row_bytes < layout.used_row_bytes:
        raise CorruptFileError.of(path, f"its attributes are impossible: {layout}")
    size = os.fstat(file.fileno()).st_size
    if not layout.is_compressed and not is_cut and layout.n_bytes > size:
        raise CorruptFileError.of(
            path, f"a frame of {layout.n_bytes} bytes can't be in a file of {size}"
        )
    if layout.dtype.itemsize not in {1, 2, 4}:
        raise UnsupportedFormatError.of(path, f"its pixels are of {layout.dtype}")


def _pick_channel(rows: Pixels, channel: int, layout: FrameLayout, out: Pixels) -> None:
    """Copy one channel of the frame into `out`."""
    item = layout.dtype.itemsize
    used = rows[:, : layout.used_row_bytes]
    if layout.n_channels == 2 and layout.n_samples == 1 and item < 8:
        # Pairs as one wide number: the compiler makes wide loops of it, 3 times as fast.
        pairs = used.view(f"<u{2 * item}")
        target = out.view(f"<u{item}")
        if channel:
            np.right_shift(pairs, 8 * item, out=target, casting="unsafe")
        else:
            np.copyto(target, pairs, casting="unsafe")
        return
    shape = (layout.height, layout.width, layout.n_channels, layout.n_samples)
    pixels = used.view(layout.dtype).reshape(shape)[:, :, channel]
    np.copyto(out, pixels[..., 0] if layout.n_samples == 1 else pixels)
