"""Frames of ND2 files of before 2007, which are JPEG 2000 files inside."""

from pathlib import Path

import nd2
import numpy as np

from planecast_protocol.errors import CorruptFileError, NoDataError
from planecast_reader.reader import Allocate, Pixels
from planecast_reader.readers.nd2.frames import FrameLayout


class LegacyFrameReader:
    """Reads planes with nd2, which decodes all channels of a frame."""

    def __init__(self, path: Path, file: nd2.ND2File, layout: FrameLayout) -> None:
        self._path = path
        self._file = file
        self._layout = layout

    def read(self, frame: int, channel: int, allocate: Allocate) -> Pixels:
        """Return one channel of a frame."""
        if frame >= (self._file.attributes.sequenceCount or 0):
            raise NoDataError.of(self._path, f"frame {frame} was never written")
        layout = self._layout
        pixels = self._file.read_frame(frame)
        shape = (layout.n_channels, *layout.plane_shape)
        if pixels.size != np.prod(shape, dtype=np.int64):
            raise CorruptFileError.of(self._path, f"frame {frame} is {pixels.shape}, not {shape}")
        out = allocate(layout.plane_shape, layout.dtype)
        np.copyto(out, pixels.reshape(shape)[channel])
        return out
