"""Planes composed of their sub-blocks here, where libCZI can't be let near them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from planecast_reader.readers.czi.directory import Block
from planecast_reader.readers.czi.planes import Rectangle


def paint(
    blocks: Sequence[Block],
    region: Rectangle,
    step: int,
    pixels_of: Callable[[Block], np.ndarray[Any, Any]],
) -> np.ndarray[Any, Any]:
    """Return every `step`-th pixel of `region`, painted from its blocks, the later on top."""
    x, y, width, height = region
    kind = blocks[0].pixels
    shape = (height, width) if kind.samples == 1 else (height, width, kind.samples)
    canvas = np.zeros(shape, kind.dtype.newbyteorder("="))
    for block in blocks:
        left, right = max(block.x, x), min(block.x + block.width, x + width)
        top, bottom = max(block.y, y), min(block.y + block.height, y + height)
        if left < right and top < bottom:
            canvas[top - y : bottom - y, left - x : right - x] = pixels_of(block)[
                top - block.y : bottom - block.y, left - block.x : right - block.x
            ]
    return canvas[::step, ::step][: max(height // step, 1), : max(width // step, 1)]
