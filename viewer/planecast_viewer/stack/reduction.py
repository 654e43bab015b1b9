"""Planes at the size at which a whole stack of them fits into memory and onto a graphics card."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

STACK_BYTES = 256 << 20
"""So much is kept of the planes of one stack, all channels together."""
LONGEST = 2048
"""Pixels of a side: every graphics card of the last ten years has textures of this size."""


def block_for(
    shape: tuple[int, ...], dtype: np.dtype[Any], n_planes: int, budget: int, longest: int = LONGEST
) -> int:
    """Return the side of the blocks of pixels that become one, so that `n_planes` fit."""
    height, width, *samples = shape
    n_samples = min(samples[0], 3) if samples else 1
    whole = height * width * n_samples * stored_dtype(dtype).itemsize * max(n_planes, 1)
    block = max(1, -(-max(height, width) // longest), math.ceil(math.sqrt(whole / budget)))
    return min(block, max(1, min(height, width)))


def stored_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return what values are kept in: themselves if small, floats of 32 bits if not."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind in "iu" and dtype.itemsize <= 2 and dtype != np.int8:
        return dtype.newbyteorder("=")
    return np.dtype(np.int16 if dtype == np.int8 else np.float32)


def reduced(pixels: npt.NDArray[Any], block: int) -> npt.NDArray[Any]:
    """Return the means of blocks, (y, x) or (y, x, rgb): a copy in the stored dtype.

    What is left at the far edges is cut. Some ms for 2048 × 2048 pixels: not for the GUI thread.
    """
    stored = stored_dtype(pixels.dtype)
    if pixels.ndim == 3:
        pixels = pixels[..., :3]
    if pixels.dtype.kind == "c":
        pixels = np.abs(pixels)
    kept = np.array(pixels, stored, order="C") if block == 1 else _means(pixels, block, stored)
    kept.flags.writeable = False
    return kept


def _means(pixels: npt.NDArray[Any], block: int, stored: np.dtype[Any]) -> npt.NDArray[Any]:
    height, width = pixels.shape[0] // block, pixels.shape[1] // block
    cut = pixels[: height * block, : width * block]
    whole = stored.kind in "iu"
    wide = np.dtype(np.int64 if stored.kind == "i" else np.uint32) if whole else np.float64
    # Rows first: that leaves little for the second step.
    sums = cut.reshape(height, block, *cut.shape[1:]).sum(axis=1, dtype=wide)
    sums = sums.reshape(height, width, block, *cut.shape[2:]).sum(axis=2)
    n = block * block
    means: npt.NDArray[Any] = (sums + n // 2) // n if whole else sums / n
    return means.astype(stored)
