"""Colour planes and add them up: pure functions from arrays to one picture.

A colour is packed into 32 bits with 10 bits for each of red, green and blue, so that one
addition adds all three and up to four layers cannot spill into a neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_viewer.canvas.sampling import DRAFT_TAPS, MAX_TAPS, sample
from planecast_viewer.canvas.view import View

# 4 * 255 < 1024: the sum is brought back to 255 before a fifth layer could overflow.
MAX_SUMMANDS = 4
RED_SHIFT = np.uint32(20)
GREEN_SHIFT = np.uint32(10)
SUM_MASK = np.uint32(1023)
BRIGHTEST = np.uint32(255)
OPAQUE = np.uint32(0xFF000000)

Packed = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Lut:
    """How the values of one channel become colours."""

    low: float
    high: float
    gamma: float = 1.0
    colors: bytes = bytes(np.repeat(np.arange(256, dtype=np.uint8), 3))
    """256 colours of 3 bytes, red first; already multiplied by their alpha."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One channel of a picture."""

    plane: npt.NDArray[Any]
    """Shape (y, x) in any real dtype, or (y, x, 3 or 4); then `lut.colors` is not used."""
    lut: Lut
    scale_yx: tuple[float, float] = (1.0, 1.0)
    """World units per image pixel."""


def compose(
    layers: tuple[Layer, ...], width: int, height: int, view: View, *, draft: bool = False
) -> Packed:
    """Return the picture of all layers as 0xffRRGGBB, shape (height, width).

    Layers are added and saturate at white; what no layer covers is black. A draft looks at
    fewer image pixels where the picture is reduced.
    """
    max_taps = DRAFT_TAPS if draft else MAX_TAPS
    total: Packed = np.zeros((height, width), np.uint32)
    n_summed = 0
    for layer in layers:
        patch = sample(layer.plane, width, height, view, layer.scale_yx, max_taps)
        if patch is None:
            continue
        if n_summed == MAX_SUMMANDS:
            total = _saturate(total)
            n_summed = 1
        n_y, n_x = patch.pixels.shape[:2]
        window = total[patch.top : patch.top + n_y, patch.left : patch.left + n_x]
        window += colorize(patch.pixels, layer.plane.dtype, layer.lut)
        n_summed += 1
    if n_summed > 1:
        total = _saturate(total)
    return _to_rgb32(total)


def gains_from_draft(layers: tuple[Layer, ...], view: View) -> bool:
    """Tell whether a draft of these differs from the picture."""
    return any(view.world_per_px > DRAFT_TAPS * min(layer.scale_yx) for layer in layers)


def colorize(pixels: npt.NDArray[Any], dtype: np.dtype[Any], lut: Lut) -> Packed:
    """Return the packed colours of `pixels`, shape (y, x).

    `pixels` are values or means of values of `dtype`; means may be floats.
    """
    if pixels.ndim == 3:
        return _colorize_rgb(pixels, dtype, lut)
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize <= 2:
        table = lut_table(pixels.dtype.str, lut)
        return table.take(pixels.view(_unsigned(pixels.dtype)), mode="clip")
    return _color_table(lut.colors).take(_levels(pixels, lut), mode="clip")


@lru_cache(maxsize=32)
def lut_table(dtype: str, lut: Lut) -> Packed:
    """Return the packed colour of each bit pattern of an integer dtype of 8 or 16 bits."""
    values = _all_values(np.dtype(dtype))
    return _color_table(lut.colors).take(_levels(values, lut), mode="clip")


@lru_cache(maxsize=32)
def _level_table(dtype: str, lut: Lut) -> npt.NDArray[np.uint8]:
    return _levels(_all_values(np.dtype(dtype)), lut)


@lru_cache(maxsize=32)
def _color_table(colors: bytes) -> Packed:
    rgb = np.frombuffer(colors, np.uint8).reshape(256, 3).astype(np.uint32)
    return _pack(rgb[:, 0], rgb[:, 1], rgb[:, 2])


def _unsigned(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(f"u{dtype.itemsize}").newbyteorder(dtype.byteorder)


def _all_values(dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    unsigned = _unsigned(dtype)
    return np.arange(np.iinfo(unsigned).max + 1).astype(unsigned).view(dtype)


def _levels(values: npt.NDArray[Any], lut: Lut) -> npt.NDArray[np.uint8]:
    """Return the index into the 256 colours. A value that is not a number counts as `low`."""
    is_narrow = values.dtype.itemsize <= 2 or values.dtype == np.float32
    levels: npt.NDArray[np.floating[Any]]
    levels = values.astype(np.float32 if is_narrow else np.float64)
    levels -= lut.low
    # Equal limits make a step: black up to the limit, white above it.
    levels *= 1 / max(lut.high - lut.low, 1e-9)
    np.fmax(levels, 0, out=levels)
    np.fmin(levels, 1, out=levels)
    if lut.gamma != 1:
        levels **= lut.gamma
    levels *= 256
    np.minimum(levels, 255, out=levels)
    return levels.astype(np.uint8)


def _colorize_rgb(pixels: npt.NDArray[Any], dtype: np.dtype[Any], lut: Lut) -> Packed:
    """Apply contrast and gamma to each colour sample, and alpha as opacity over black."""
    samples = pixels[..., :3]
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize <= 2:
        levels = _level_table(pixels.dtype.str, lut).take(samples.view(_unsigned(pixels.dtype)))
    else:
        levels = _levels(samples, lut)
    wide = levels.astype(np.uint32)
    if pixels.shape[2] == 4:
        opaque = float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0
        alpha = np.clip(np.nan_to_num(pixels[..., 3:] / opaque), 0, 1)
        wide = (wide * alpha + 0.5).astype(np.uint32)
    return _pack(wide[..., 0], wide[..., 1], wide[..., 2])


def _pack(red: Packed, green: Packed, blue: Packed) -> Packed:
    return (red << RED_SHIFT) | (green << GREEN_SHIFT) | blue


def _saturate(total: Packed) -> Packed:
    return _pack(
        np.minimum(total >> RED_SHIFT, BRIGHTEST),
        np.minimum((total >> GREEN_SHIFT) & SUM_MASK, BRIGHTEST),
        np.minimum(total & SUM_MASK, BRIGHTEST),
    )


def _to_rgb32(total: Packed) -> Packed:
    """Return 0xffRRGGBB of packed colours that are at most 255 each."""
    red = (total >> np.uint32(4)) & np.uint32(0xFF0000)
    green = (total >> np.uint32(2)) & np.uint32(0xFF00)
    picture: Packed = red | green | (total & BRIGHTEST) | OPAQUE
    return picture
