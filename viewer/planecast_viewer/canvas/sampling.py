"""Bring a plane to the resolution of the screen, at a cost that the screen bounds.

Zoomed in, each screen pixel takes the nearest image pixel. Zoomed out, it takes the mean of a
small grid of image pixels spread over what it covers, so that fine structure does not flicker.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from planecast_viewer.canvas.view import View

# 16 image pixels in a mean: beyond that the eye sees no difference, and time does.
MAX_TAPS = 4
DRAFT_TAPS = 2
"""For pictures that are followed by others at once: they take half the time."""
# Whole rows are gathered, then columns. Where rows are much longer than the screen is wide,
# gathering single pixels touches less memory; it is then held to 2 taps.
WIDE_ROW = 8


class Patch(NamedTuple):
    """A plane at screen resolution, shape (y, x) or (y, x, rgb), and where it lies on screen."""

    pixels: npt.NDArray[Any]
    top: int
    left: int


class _Axis(NamedTuple):
    first: int
    """The first screen pixel that shows some of the image."""
    length: int
    start: float
    """The image coordinate, in image pixels, of the first screen pixel's near edge."""
    step: float
    """Image pixels per screen pixel."""

    def indices(self, tap: int, taps: int, size: int) -> npt.NDArray[np.intp]:
        """Return the image pixel of each screen pixel for one tap of `taps`."""
        offsets = np.arange(self.length) + (tap + 0.5) / taps
        return np.clip((self.start + offsets * self.step).astype(np.intp), 0, size - 1)


def _visible(size: int, screen: int, origin: float, step: float) -> _Axis | None:
    """Return the part of an axis whose screen pixels have their centres inside of the image.

    An image thinner than a screen pixel, such as one line of a line scan, still gets one.
    """
    first = math.ceil(-origin / step - 0.5)
    end = math.ceil((size - origin) / step - 0.5)
    if end <= first:
        first = math.floor((size / 2 - origin) / step)
        end = first + 1
    first, end = max(first, 0), min(end, screen)
    if end <= first:
        return None
    return _Axis(first, end - first, origin + first * step, step)


def sample(
    plane: npt.NDArray[Any],
    width: int,
    height: int,
    view: View,
    scale_yx: tuple[float, float],
    max_taps: int = MAX_TAPS,
) -> Patch | None:
    """Return the part of `plane` that a screen of width by height shows, or `None`.

    `plane` has shape (y, x) or (y, x, rgb); `scale_yx` are world units per image pixel. The
    patch has the plane's dtype where no mean was taken or the plane holds integers of at most
    16 bits; other means are floats.
    """
    scale_y, scale_x = scale_yx
    rows = _visible(plane.shape[0], height, view.y0 / scale_y, view.world_per_px / scale_y)
    columns = _visible(plane.shape[1], width, view.x0 / scale_x, view.world_per_px / scale_x)
    if rows is None or columns is None:
        return None
    is_wide = plane.shape[1] > WIDE_ROW * columns.length
    gather = _gather_pixels if is_wide else _gather_rows
    limit = min(2, max_taps) if is_wide else max_taps
    taps_y = min(max(math.ceil(rows.step), 1), limit)
    taps_x = min(max(math.ceil(columns.step), 1), limit)
    return Patch(gather(plane, rows, columns, taps_y, taps_x), rows.first, columns.first)


def _gather_rows(
    plane: npt.NDArray[Any], rows: _Axis, columns: _Axis, taps_y: int, taps_x: int
) -> npt.NDArray[Any]:
    """Add whole rows, then columns of the sums: two cheap steps instead of taps_y * taps_x."""
    n_y, n_x = plane.shape[:2]
    if taps_y * taps_x == 1:
        # `take` needs one contiguous block and would copy a plane that isn't one.
        lines = (
            plane.take(rows.indices(0, 1, n_y), axis=0, mode="clip")
            if plane.flags.c_contiguous
            else plane[rows.indices(0, 1, n_y)]
        )
        return lines.take(columns.indices(0, 1, n_x), axis=1, mode="clip")
    plane = np.ascontiguousarray(plane)
    wide = _sum_dtype(plane.dtype)
    sums = plane.take(rows.indices(0, taps_y, n_y), axis=0, mode="clip").astype(wide)
    for tap in range(1, taps_y):
        sums += plane.take(rows.indices(tap, taps_y, n_y), axis=0, mode="clip")
    total = sums.take(columns.indices(0, taps_x, n_x), axis=1, mode="clip")
    for tap in range(1, taps_x):
        total += sums.take(columns.indices(tap, taps_x, n_x), axis=1, mode="clip")
    return _mean(total, taps_y * taps_x, plane.dtype)


def _gather_pixels(
    plane: npt.NDArray[Any], rows: _Axis, columns: _Axis, taps_y: int, taps_x: int
) -> npt.NDArray[Any]:
    """Pick single pixels: the cost does not depend on the size of the plane."""
    grids = [
        np.ix_(
            rows.indices(tap_y, taps_y, plane.shape[0]),
            columns.indices(tap_x, taps_x, plane.shape[1]),
        )
        for tap_y in range(taps_y)
        for tap_x in range(taps_x)
    ]
    picked: npt.NDArray[Any] = plane[grids[0]]
    if len(grids) == 1:
        return picked
    total = picked.astype(_sum_dtype(plane.dtype))
    for grid in grids[1:]:
        total += plane[grid]
    return _mean(total, len(grids), plane.dtype)


def _sum_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a dtype that holds the sum of `MAX_TAPS` squared values without loss."""
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        return np.dtype(np.int32 if dtype.kind == "i" else np.uint32)
    if dtype == np.bool_ or (dtype.kind == "f" and dtype.itemsize <= 4):
        return np.dtype(np.float32)
    return np.dtype(np.float64)


def _mean(total: npt.NDArray[Any], count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if total.dtype.kind == "f":
        total *= 1 / count
        return total
    total += count // 2
    total //= count
    return total.astype(dtype)
