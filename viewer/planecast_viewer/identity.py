"""Reads which plane a picture shows from the blocks of bits that test acquisitions draw.

Test instrumentation. A block is 8 × 8 cells, one for each channel, side by side at the top
left of the plane; each cell is bright or dark. Its 64 bits, row by row: magic 8, version 4,
t 16, fov 12, z 10, channel 6, check 8.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SIDE = 8
MAGIC = 0xA5


class Identity(NamedTuple):
    """A plane as its block names it; values are modulo the widths of their fields."""

    t: int
    fov: int
    z: int
    channel: int


@lru_cache(maxsize=64)
def cell_centers(channel: int, cell_px: int) -> npt.NDArray[np.float64]:
    """Return the (x, y) of the 64 cells' centres in pixels of the plane, shape (64, 2).

    It is shared, and read-only: who looks at each picture has little time.
    """
    steps = (np.arange(SIDE) + 0.5) * cell_px
    x, y = np.meshgrid(channel * SIDE * cell_px + steps, steps)
    centers = np.stack([x.ravel(), y.ravel()], axis=1)
    centers.flags.writeable = False
    return centers


def decode(values: npt.NDArray[np.floating]) -> Identity | None:
    """Return the identity in the brightness of 64 cells; `None` if there is no sound block."""
    low, high = values.min(), values.max()
    if high <= low:
        return None
    number = int.from_bytes(np.packbits(values > (high + low) / 2).tobytes(), "big")
    body, check = number >> 8, number & 0xFF
    if check_byte(body) != check or body >> 48 != MAGIC:
        return None
    return Identity(
        t=(body >> 28) & 0xFFFF,
        fov=(body >> 16) & 0xFFF,
        z=(body >> 6) & 0x3FF,
        channel=body & 0x3F,
    )


def check_byte(body: int) -> int:
    """Return the check byte of the 56 bits before it."""
    check = 0
    for byte in body.to_bytes(7, "little"):
        check = (check * 31 + byte + 7) & 0xFF
    return check


def truncated(t: int, fov: int, z: int, channel: int) -> Identity:
    """Return how a block names this plane."""
    return Identity(t & 0xFFFF, fov & 0xFFF, z & 0x3FF, channel & 0x3F)
