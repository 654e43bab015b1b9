"""How the pixels of a Leica image lie in its memory block."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import liffile
import numpy as np

from planecast_protocol.errors import (
    CorruptFileError,
    NotAllowedError,
    NotYetWrittenError,
    UnsupportedFormatError,
)

_SAMPLES = "S"


@dataclass(frozen=True)
class ImageLayout:
    """Axes of an image, outermost first, the last two (or three, with S) those of a plane.

    A scan along X and Z has planes of (z, x): Leica's order is kept.
    """

    sizes: dict[str, int]
    plane_axes: tuple[str, ...]
    added_axes: tuple[str, ...]
    """Of length 1, for an image that has fewer than two axes."""
    dtype: "np.dtype[np.generic]"

    @property
    def plane_shape(self) -> tuple[int, ...]:
        """Lengths of the plane's axes."""
        return tuple(self.sizes[axis] for axis in self.plane_axes)

    @property
    def n_bytes(self) -> int:
        """Bytes of the image."""
        return prod(self.sizes.values()) * self.dtype.itemsize

    @property
    def plane_bytes(self) -> int:
        """Bytes of a plane."""
        return prod(self.plane_shape) * self.dtype.itemsize

    @property
    def is_planar(self) -> bool:
        """Whether a plane's axes are the innermost ones."""
        return tuple(self.sizes)[-len(self.plane_axes) :] == self.plane_axes

    def offset(self, index: dict[str, int]) -> int:
        """Return where a plane begins in an image without gaps."""
        number = 0
        for axis, length in self.sizes.items():
            if axis not in self.plane_axes:
                number = number * length + index[axis]
        return number * self.plane_bytes


def layout_of(image: liffile.LifImage) -> ImageLayout:
    """Return the layout of an image. Raises what liffile raises on damaged descriptions."""
    sizes = dict(image.sizes)
    spatial = [axis for axis in sizes if axis != _SAMPLES and not axis.startswith("C")]
    added = tuple(axis for axis in ("Y", "X") if axis not in sizes)[: max(2 - len(spatial), 0)]
    plane = [*added, *spatial[-2:]] if added == ("Y",) else [*spatial[-2:], *added]
    if _SAMPLES in sizes:
        plane.append(_SAMPLES)
    outer = {axis: length for axis, length in sizes.items() if axis not in plane}
    ordered = outer | {axis: sizes.get(axis, 1) for axis in plane}
    if any(length < 1 for length in ordered.values()):
        raise ValueError(f"axes of length 0: {ordered}")
    return ImageLayout(ordered, tuple(plane), added, image.dtype.newbyteorder("="))


def find_block(path: Path, image: liffile.LifImage, layout: ImageLayout) -> liffile.LifMemoryBlock:
    """Return the image's memory block, which is large enough for the layout.

    Raises `NotYetWrittenError` if the file ends before the block begins.
    """
    try:
        block = image.memory_block
    except (KeyError, ValueError):
        raise NotYetWrittenError.of(
            path, f"it ends before the pixels of {image.name}: it was cut, or is being written"
        ) from None
    if block.size < layout.n_bytes:
        raise CorruptFileError.of(
            path,
            f"{image.name} claims {layout.sizes}, which takes {layout.n_bytes} bytes; its pixels "
            f"have {block.size}",
        )
    _check_references(path, image, block)
    return block


def check_frames(path: Path, image: liffile.LifImage, layout: ImageLayout) -> None:
    """Raise `UnsupportedFormatError` unless liffile reads frame by frame what we call a plane."""
    frame_axes = tuple(image.frames.frame_sizes)
    if frame_axes != tuple(axis for axis in layout.plane_axes if axis not in layout.added_axes):
        raise UnsupportedFormatError.of(
            path, f"{image.name}: planes of {layout.plane_axes} are not stored in one piece"
        )


def _check_references(path: Path, image: liffile.LifImage, block: liffile.LifMemoryBlock) -> None:
    """Refuse pixels in files that do not lie beneath the folder of the file that was opened."""
    root = path.parent.resolve()
    for frame in block.frames:
        target = (Path(image.parent.dirname) / frame.file).resolve()
        if not target.is_relative_to(root):
            raise NotAllowedError.of(path, f"refers to {frame.file}, outside of its folder")
