"""A mark in the corner of a plane that says which plane it is.

An 8 x 8 block of bits: magic 8, version 4, t 16, fov 12, z 10, channel 6, check 8, the highest
bit first. It survives contrast stretching and, with cells of 8 pixels, a picture on screen:
tests and the demo's report use it to prove that what is shown is the plane that was asked for.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_protocol.axes import PlaneIndex

MAGIC = 0xA5
VERSION = 1
BITS = 8
"""Rows and columns of bits in a block."""
DARK, LIGHT = 100, 4000
"""Pixel values of a 0 and a 1."""


def encode_bits(t: int, fov: int, z: int, channel: int) -> npt.NDArray[np.bool_]:
    """Return the block, shape (8, 8)."""
    word = (
        (MAGIC << 48)
        | (VERSION << 44)
        | ((t & 0xFFFF) << 28)
        | ((fov & 0xFFF) << 16)
        | ((z & 0x3FF) << 6)
        | (channel & 0x3F)
    )
    octets = np.frombuffer(((word << 8) | _check(word)).to_bytes(8, "big"), np.uint8)
    return np.unpackbits(octets).reshape(BITS, BITS).astype(np.bool_)


def decode(plane: npt.NDArray[Any], cell: int, x0: int = 0, y0: int = 0) -> PlaneIndex | None:
    """Read the block with its corner at (`x0`, `y0`); `None` if there is none, or a damaged one.

    `plane` is (y, x) or (y, x, rgb); `cell` is the width of a bit in its pixels.
    """
    side = BITS * cell
    block = np.asarray(plane)[y0 : y0 + side, x0 : x0 + side].astype(np.float64)
    if block.ndim == 3:
        block = block[..., :3].sum(-1)
    if block.shape != (side, side):
        return None
    margin = max(0, (cell - 1) // 3)  # the borders of a cell are blurred by scaling
    cells = block.reshape(BITS, cell, BITS, cell)[
        :, margin : cell - margin, :, margin : cell - margin
    ]
    levels = np.median(cells, axis=(1, 3))
    if levels.max() <= levels.min():
        return None
    bits = levels > (levels.max() + levels.min()) / 2
    value = int.from_bytes(np.packbits(bits).tobytes(), "big")
    word, check = value >> 8, value & 0xFF
    if check != _check(word) or word >> 48 != MAGIC:
        return None
    return PlaneIndex((word >> 28) & 0xFFFF, (word >> 16) & 0xFFF, (word >> 6) & 0x3FF, word & 0x3F)


def stamp(plane: npt.NDArray[Any], index: PlaneIndex, n_channels: int, cell: int) -> None:
    """Write the mark into `plane` (y, x), in place.

    Each channel has a block of its own, side by side, which is dark in all other channels: so
    a composite still shows every channel's mark. What doesn't fit into the plane is cut off.
    """
    side = BITS * cell
    plane[:side, : n_channels * side] = DARK
    target = plane[:side, index.channel * side : (index.channel + 1) * side]
    bits = encode_bits(index.t, index.fov, index.z, index.channel)
    light = bits.repeat(cell, axis=0).repeat(cell, axis=1)
    target[light[: target.shape[0], : target.shape[1]]] = LIGHT


def _check(word: int) -> int:
    check = 0
    for octet in word.to_bytes(7, "little"):
        check = (check * 31 + octet + 7) & 0xFF
    return check
