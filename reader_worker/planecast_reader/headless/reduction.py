"""Planes at a smaller size, without reading or holding more of them than that needs."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_protocol.images import SceneInfo
from planecast_protocol.reader_messages import Area, PlaneArea, RegionArea
from planecast_reader.headless.selection import plane_size
from planecast_reader.headless.streaming import Pixels

Gray = npt.NDArray[np.float32]
"""Pixels as (y, x) or (y, x, samples); what is not finite is NaN."""

WHOLE_PIXELS = 4 << 20
"""A plane of at most so many pixels is read whole: averaging it looks better than a pyramid."""
BAND_BYTES = 64 << 20
"""Larger planes without a pyramid are read in bands of rows."""


@dataclass(frozen=True)
class Reduction:
    """How to read each plane of a scene at about a size."""

    areas: tuple[Area, ...]
    """Parts to read, from top to bottom."""
    block: tuple[int, int]
    """Rows and columns of pixels that are averaged into one."""

    def reduce(self, pixels: Pixels) -> Gray:
        """Return one part of a plane, averaged in blocks."""
        return block_means(pixels, *self.block)


def reduction_for(scene: SceneInfo, longest: int | None) -> Reduction:
    """Return how to read planes with the longer side at least `longest`; None: unreduced.

    A level of the pyramid is taken that has twice the size, so that there is something to average.
    """
    height, width = plane_size(scene.sizes)
    if longest is None or max(height, width) < 2 * longest:
        return Reduction((PlaneArea(),), (1, 1))
    if height * width > WHOLE_PIXELS:
        for number in reversed(range(1, len(scene.levels))):
            level = scene.levels[number]
            if max(level.width, level.height) >= 2 * longest:
                area = RegionArea(x=0, y=0, width=width, height=height, level=number)
                return Reduction((area,), _block(level.height, level.width, longest))
    block = _block(height, width, longest)
    return Reduction(_bands(scene, height, width, block[0]), block)


def _block(height: int, width: int, longest: int) -> tuple[int, int]:
    factor = max(1, max(height, width) // longest)
    return min(factor, height), min(factor, width)


def _bands(scene: SceneInfo, height: int, width: int, block_rows: int) -> tuple[Area, ...]:
    samples = scene.sizes.get("S", 1)
    row_bytes = width * samples * np.dtype(scene.dtype).itemsize
    if height * row_bytes <= BAND_BYTES:
        return (PlaneArea(),)
    rows = max(1, BAND_BYTES // (row_bytes * block_rows)) * block_rows
    return tuple(
        RegionArea(x=0, y=y, width=width, height=min(rows, height - y))
        for y in range(0, height - height % block_rows, rows)
    )


def as_gray(pixels: Pixels) -> Pixels:
    """Return real numbers: magnitudes of complex ones, 0 and 1 of truth values."""
    if pixels.dtype.kind == "c":
        return np.abs(pixels)
    return pixels.view(np.uint8) if pixels.dtype.kind == "b" else pixels


def block_means(pixels: Pixels, rows: int, columns: int) -> Gray:
    """Return the means of blocks of `rows` × `columns`; what is left at the far edges is cut."""
    real = as_gray(pixels)
    if real.dtype.kind == "f":
        with np.errstate(over="ignore"):
            real = real.astype(np.float32)
        real[~np.isfinite(real)] = np.nan
    height, width = real.shape[0] // rows, real.shape[1] // columns
    if rows == columns == 1:
        return np.array(real, np.float32)
    kept = real[: height * rows, : width * columns]
    # Over whole rows first: that is quick, and leaves little for the second step.
    sums = kept.reshape(height, rows, *kept.shape[1:]).sum(axis=1, dtype=_sum_type(real.dtype))
    sums = sums.reshape(height, width, columns, *kept.shape[2:]).sum(axis=2)
    return np.asarray(sums / np.float32(rows * columns), np.float32)


def _sum_type(dtype: "np.dtype[Any]") -> Any:
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        return np.int64 if dtype.kind == "i" else np.uint32
    return np.float64


def resize(image: Gray, height: int, width: int) -> Gray:
    """Return (y, x) or (y, x, samples) at another size: means when smaller, linear when larger."""
    rows = _weights(image.shape[0], height)
    columns = _weights(image.shape[1], width)
    if image.ndim == 2:
        return np.asarray(rows @ image @ columns.T, np.float32)
    planes = [rows @ image[..., n] @ columns.T for n in range(image.shape[2])]
    return np.stack(planes, axis=-1).astype(np.float32)


def _weights(n_from: int, n_to: int) -> Gray:
    """Return the matrix (n_to, n_from) that resamples one axis; its rows add up to 1."""
    scale = n_from / n_to
    centres = (np.arange(n_to) + 0.5) * scale - 0.5
    distance = np.abs(np.arange(n_from)[None, :] - np.clip(centres, 0, n_from - 1)[:, None])
    weights = np.maximum(0.0, 1.0 - distance / max(scale, 1.0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def fitting(height: float, width: float, longest: int) -> tuple[int, int]:
    """Return whole height and width in the same proportion whose longer side is `longest`."""
    scale = longest / max(height, width)
    return max(1, math.floor(height * scale + 0.5)), max(1, math.floor(width * scale + 0.5))
