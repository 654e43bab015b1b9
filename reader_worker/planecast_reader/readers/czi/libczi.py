"""Compressed and composed pixels, through pylibCZIrw: libCZI."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from pylibCZIrw import czi

from planecast_protocol.errors import UnsupportedFormatError
from planecast_reader.readers.czi.directory import PixelType
from planecast_reader.readers.czi.planes import Rectangle

CACHE_BYTES = 256 << 20
CACHE_BLOCKS = 4096
LIBCZI_DIMENSIONS = frozenset("ZCTRIHVB")


class LibCziDecoder:
    """A `Decoder`: one file, open in pylibCZIrw."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self._path = path
        self._stack = ExitStack()
        cache = czi.CacheOptions(
            max_memory_usage=CACHE_BYTES, max_sub_block_count=CACHE_BLOCKS
        )  # without it every read of a compressed tile inflates it again
        self._reader: Any = self._stack.enter_context(
            czi.open_czi(_utf8_path(path, file), cache_options=cache)
        )

    def read(
        self,
        kind: PixelType,
        rectangle: Rectangle,
        values: Mapping[str, int],
        scene: int | None = None,
        step: int = 1,
    ) -> np.ndarray[Any, Any]:
        """Return a view of the pixels; from the pyramid where `step` is more than 1."""
        pixels: np.ndarray[Any, Any] = self._reader.read(
            roi=rectangle,
            plane={axis: value for axis, value in values.items() if axis in LIBCZI_DIMENSIONS},
            scene=scene,
            zoom=1 / step,
            # Its own look at channels is wrong where their numbers don't start at 0.
            pixel_type=kind.name,
        )
        return pixels[..., ::-1] if kind.samples > 1 else pixels[..., 0]

    def close(self) -> None:
        """Close the file."""
        self._stack.close()


def _utf8_path(path: Path, file: FileIO) -> str:
    """Return a name of the open file that the library takes: it knows only UTF-8."""
    name = os.fspath(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        if not Path("/proc/self/fd").is_dir():
            raise UnsupportedFormatError.of(
                path, "the CZI library takes UTF-8 names only; rename the file"
            ) from None
        return f"/proc/self/fd/{file.fileno()}"
    return name
