"""The values under a line and in a rectangle: pure functions of arrays. Not for the GUI thread."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from planecast_viewer.measure.shapes import Line, Rectangle

Values = npt.NDArray[np.float64]
COLORS = ("red", "green", "blue", "alpha")
MAX_SAMPLES = 20_000
"""Of a profile; a longer line is sampled more coarsely."""


class RegionNumbers(NamedTuple):
    """Of the pixels in a rectangle that are numbers; NaN where there are none."""

    n_pixels: int
    mean: float
    sd: float
    """Of all pixels: divided by n."""
    minimum: float
    maximum: float


def parts_of(name: str, pixels: npt.NDArray[Any]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield (name, (y, x)) of a plane: itself, or each of its colours."""
    if pixels.ndim == 2:
        yield name, pixels
    else:
        for sample in range(pixels.shape[2]):
            color = COLORS[sample] if sample < len(COLORS) else str(sample)
            yield f"{name} {color}", pixels[..., sample]


def profile(pixels: npt.NDArray[Any], line: Line) -> tuple[Values, Values]:
    """Return (distance from the start in pixels, value), one about each pixel, interpolated.

    Values beyond the plane, shape (y, x), are NaN.
    """
    n_samples = min(max(math.ceil(line.length_px) + 1, 2), MAX_SAMPLES)
    way = np.linspace(0, 1, n_samples)
    # The middle of a pixel has its value.
    x = line.start[0] + way * (line.end[0] - line.start[0]) - 0.5
    y = line.start[1] + way * (line.end[1] - line.start[1]) - 0.5
    height, width = pixels.shape
    inside = (x >= -0.5) & (y >= -0.5) & (x <= width - 0.5) & (y <= height - 0.5)
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = x.astype(np.intp), y.astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    along_x, along_y = x - left, y - top
    upper = pixels[top, left] * (1 - along_x) + pixels[top, right] * along_x
    lower = pixels[bottom, left] * (1 - along_x) + pixels[bottom, right] * along_x
    values = upper * (1 - along_y) + lower * along_y
    return way * line.length_px, np.where(inside, values, np.nan).astype(np.float64)


def numbers_in(pixels: npt.NDArray[Any], rectangle: Rectangle) -> RegionNumbers:
    """Return the numbers of the part of a rectangle that lies on the plane, shape (y, x)."""
    x0, y0, x1, y1 = rectangle.bounds()
    values = pixels[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if not values.size:
        return RegionNumbers(0, math.nan, math.nan, math.nan, math.nan)
    return RegionNumbers(
        int(values.size),
        float(values.mean(dtype=np.float64)),
        float(values.std(dtype=np.float64)),
        float(values.min()),
        float(values.max()),
    )
