"""Zeiss CZI files with czifile in place of pylibCZIrw: no native code but the codecs."""

from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import Any, ClassVar

import czifile
import numpy as np

from planecast_reader.readers.czi.decoder import Decoder
from planecast_reader.readers.czi.directory import PixelType
from planecast_reader.readers.czi.planes import Rectangle
from planecast_reader.readers.czi.reader import CziReader

_NOT_SELECTED = frozenset("SM")


class CzifileReader(CziReader):
    """One CZI file; its directory is checked as ever, its pixels are decoded by czifile."""

    library: ClassVar[str] = "czifile"
    uses_aics: ClassVar[bool] = False

    def open_decoder(self, path: Path, file: FileIO) -> Decoder:  # noqa: ARG002 as its base
        """Open `path` in czifile."""
        return CzifileDecoder(path)


class CzifileDecoder:
    """A `Decoder`: one file, open in czifile."""

    def __init__(self, path: Path) -> None:
        self._czi = czifile.CziFile(path, squeeze=False)

    def read(
        self,
        kind: PixelType,
        rectangle: Rectangle,
        values: Mapping[str, int],
        scene: int | None = None,
        step: int = 1,
    ) -> np.ndarray[Any, Any]:
        """Return pixels; with a `step`, picked from those at full size."""
        chosen = {axis: value for axis, value in values.items() if axis not in _NOT_SELECTED}
        image = self._czi.scenes(scene=scene, roi=rectangle, **chosen)
        # More workers would paint tiles that overlap in any order.
        pixels = image.asarray(maxworkers=1)
        _, _, width, height = rectangle
        shape = (height, width) if kind.samples == 1 else (height, width, kind.samples)
        plane: np.ndarray[Any, Any] = pixels.reshape(shape)
        return plane[::step, ::step][: max(height // step, 1), : max(width // step, 1)]

    def close(self) -> None:
        """Close the file."""
        self._czi.close()
