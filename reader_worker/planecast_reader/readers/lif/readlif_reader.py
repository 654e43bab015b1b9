"""Leica LIF files, pixels through readlif: a second opinion (GPL-3.0)."""

import warnings
from pathlib import Path
from typing import ClassVar

import liffile
import numpy as np
from readlif.reader import LifFile, LifImage

from planecast_protocol.errors import CorruptFileError, NotYetWrittenError, UnsupportedFormatError
from planecast_reader.reader import Allocate, Pixels
from planecast_reader.readers.lif.layout import ImageLayout
from planecast_reader.readers.lif.reader import LifReader

_DIMENSIONS = {"X": 1, "Y": 2, "Z": 3, "T": 4, "λ": 5, "A": 6, "N": 7, "Q": 8, "Λ": 9}
"""readlif's numbers of the axes."""


class ReadlifReader(LifReader):
    """Reads planes with readlif and refuses the images of which it is known to read wrong ones.

    Those are tile scans, colour, channels outside of z, and depths that fill no whole bytes.
    Names, sizes and calibration are liffile's: readlif's are in pixels per micrometre.
    """

    library: ClassVar[str] = "readlif"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            images = LifFile(str(path)).get_iter_image()
            self._by_offset: dict[int, LifImage] = {one.offsets[0]: one for one in images}
        except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            self.close()
            raise CorruptFileError.of(path, f"readlif: {type(error).__name__}: {error}") from None

    def _read(
        self,
        image: liffile.LifImage,
        layout: ImageLayout,
        block: liffile.LifMemoryBlock,
        index: dict[str, int],
        allocate: Allocate,
    ) -> Pixels:
        found = self._by_offset.get(block.offset)
        why = "readlif doesn't find it" if found is None else _refusal(found, layout)
        if block.size != layout.n_bytes:
            why = "readlif takes its pixels to be without gaps"
        if found is None or why:
            raise UnsupportedFormatError.of(self.path, f"{image.name}: {why}; use liffile")
        try:
            plane = _read(found, layout, index)
        except ValueError as error:
            if block.offset + block.size > self._size():
                raise NotYetWrittenError.of(
                    self.path, f"it ends before the plane: {error}"
                ) from None
            raise
        out = allocate(layout.plane_shape, layout.dtype)
        # Pillow's sizes are (width, height), and so are readlif's, its pixels are not.
        np.copyto(out, plane.reshape(layout.plane_shape))
        return out


def _read(image: LifImage, layout: ImageLayout, index: dict[str, int]) -> Pixels:
    """Read a plane with the one of readlif's two ways that is right for the image."""
    with warnings.catch_warnings():
        # It opens the file anew for each plane and leaves the closing to the interpreter.
        warnings.simplefilter("ignore", ResourceWarning)
        if _is_usual(layout):
            t, z, c = (index.get(axis, 0) for axis in "TZC")
            return np.array(image.get_frame(z=z, t=t, c=c))
        wanted = {_DIMENSIONS[axis]: value for axis, value in index.items() if axis != "C"}
        return np.array(image.get_plane(c=index.get("C", 0), requested_dims=wanted))


def _is_usual(layout: ImageLayout) -> bool:
    """Whether the axes are those that `get_frame` knows, in its order."""
    return tuple(layout.sizes) == tuple(axis for axis in "TZCYX" if axis in layout.sizes)


def _refusal(image: LifImage, layout: ImageLayout) -> str | None:
    """Return why readlif can't be trusted with an image."""
    if image.n_mosaic > 1:
        return "readlif reads wrong planes of tile scans"
    if "S" in layout.sizes or layout.added_axes:
        return "readlif reads no colour and no single lines"
    if image.channel_as_second_dim or not layout.is_planar:
        return "readlif reads wrong planes where channels are not next to the plane"
    if set(image.bit_depth) != {8 * layout.dtype.itemsize} or layout.dtype.kind != "u":
        return f"readlif reads no {image.bit_depth} bits"
    if layout.dtype.itemsize > 1 and image.channels > 1 and not _is_usual(layout):
        return "readlif reads wrong channels of more than 8 bits along other axes than T and Z"
    return None
