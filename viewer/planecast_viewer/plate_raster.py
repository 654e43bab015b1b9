"""Which fov each pixel of a map belongs to: painting and clicking then take a look-up."""

import math

import numpy as np
import numpy.typing as npt

from planecast_viewer.plate_layout import WELL_FILL, FovLayout

BACKGROUND, EMPTY_WELL = -1, -2
FEW = 3000
"""So many rectangles are filled one by one; more are small, and filled pixel by pixel."""

Index = npt.NDArray[np.int32]


def index_map(
    layout: FovLayout, size: tuple[int, int], scale: float, left: float, top: float
) -> Index:
    """Return the fov at each pixel, or what else is there; int32 of shape `size`, (y, x).

    `scale` is in pixels per unit of the layout; (`left`, `top`) is where its corner is drawn.
    """
    index = np.full(size, BACKGROUND, dtype=np.int32)
    if layout.kind == "plate":
        wells = np.array([(c, r) for r in range(layout.rows) for c in range(layout.columns)])
        margin = (1 - WELL_FILL) / 2
        corners = wells + margin
        squares = np.hstack([corners, np.full(corners.shape, WELL_FILL)])
        places = np.full(len(squares), EMPTY_WELL, dtype=np.int32)
        _fill(index, _to_pixels(squares, scale, left, top), places)
    numbers = np.arange(layout.n_fovs, dtype=np.int32)
    _fill(index, _to_pixels(layout.rectangles, scale, left, top), numbers)
    return index


def _to_pixels(
    rectangles: npt.NDArray[np.float64], scale: float, left: float, top: float
) -> npt.NDArray[np.int64]:
    """Return x0, y0, x1, y1 in whole pixels, each at least one wide; shape (n, 4)."""
    corners = rectangles[:, :2] * scale + (left, top)
    first = np.round(corners).astype(np.int64)
    # Rounded down: between small wells there is a line, too.
    sides = np.floor(rectangles[:, 2:] * scale + 1e-6).astype(np.int64)
    return np.hstack([first, first + np.maximum(sides, 1)])


def _fill(index: Index, places: npt.NDArray[np.int64], values: Index) -> None:
    height, width = index.shape
    seen = (
        (places[:, 2] > 0) & (places[:, 0] < width) & (places[:, 3] > 0) & (places[:, 1] < height)
    )
    places, values = places[seen], values[seen]
    if len(places) <= FEW:
        np.clip(places, 0, max(height, width), out=places)
        for (x0, y0, x1, y1), value in zip(places.tolist(), values.tolist(), strict=True):
            index[y0:y1, x0:x1] = value
    else:
        _fill_small(index, places, values)


def _fill_small(index: Index, places: npt.NDArray[np.int64], values: Index) -> None:
    """Fill many rectangles, one of their pixels after the other."""
    height, width = index.shape
    sides = places[:, 2:] - places[:, :2]
    for dy in range(math.ceil(sides[:, 1].max())):
        for dx in range(math.ceil(sides[:, 0].max())):
            x, y = places[:, 0] + dx, places[:, 1] + dy
            inside = (dx < sides[:, 0]) & (dy < sides[:, 1])
            inside &= (x >= 0) & (y >= 0) & (x < width) & (y < height)
            index[y[inside], x[inside]] = values[inside]
