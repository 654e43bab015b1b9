"""What a screen can show of a plane, for when the plane itself takes too long to send."""

from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_protocol.planes import Seen
from planecast_reader.remote.tiles import Rectangle

SOON_S = 0.08
"""A preview may take so long on the link; what is seen comes without one if it takes no longer."""
UNKNOWN_LINK = 12.5e6
"""100 Mbit/s, in bytes, until something was measured."""


def seen_rectangle(seen: Seen, height: int, width: int) -> Rectangle | None:
    """Return what is seen of a plane, within its edges; `None`: nothing is."""
    right, bottom = min(seen.x + seen.width, width), min(seen.y + seen.height, height)
    if right <= seen.x or bottom <= seen.y:
        return None
    return Rectangle(seen.x, seen.y, right - seen.x, bottom - seen.y)


def preview_step(
    seen: Seen, rectangle: Rectangle, pixel_bytes: float, link_bytes_per_s: float | None
) -> int:
    """Return how coarse a preview must be; 1: none is needed, what is seen comes soon enough.

    `pixel_bytes` is what a pixel takes when it is packed. Never finer than the screen, and coarser
    where the link is slow.
    """
    soon_px = (link_bytes_per_s or UNKNOWN_LINK) * SOON_S / pixel_bytes
    n_px = rectangle.width * rectangle.height
    if n_px <= soon_px:
        return 1
    screen = min(seen.width // seen.screen_width, seen.height // seen.screen_height)
    step = max(screen, 2)
    while n_px / step**2 > soon_px and step < min(rectangle.width, rectangle.height):
        step += 1
    return step


def coarse(pixels: npt.NDArray[Any], step: int) -> npt.NDArray[Any]:
    """Return a plane with the mean of `step` by `step` pixels for each; at the edges, of fewer.

    Numbers that a mean can't be made of are sampled instead.
    """
    height, width = pixels.shape[:2]
    if step <= 1 or pixels.dtype.kind not in "uif":
        return np.ascontiguousarray(pixels[::step, ::step])
    whole_y, whole_x = height // step, width // step
    if whole_y == 0 or whole_x == 0:
        return np.ascontiguousarray(pixels[::step, ::step])
    made = np.ascontiguousarray(pixels[::step, ::step]).copy()
    made[:whole_y, :whole_x] = _means(pixels[: whole_y * step, : whole_x * step], step)
    return made


def _means(pixels: npt.NDArray[Any], step: int) -> npt.NDArray[Any]:
    # Whole rows first, which lie together in memory.
    rows: npt.NDArray[Any] = pixels[::step].astype(_sum_type(pixels.dtype))
    for y in range(1, step):
        np.add(rows, pixels[y::step], out=rows)
    total = rows[:, ::step].copy()
    for x in range(1, step):
        np.add(total, rows[:, x::step], out=total)
    mean = np.divide if pixels.dtype.kind == "f" else np.floor_divide
    return np.asarray(mean(total, step**2), pixels.dtype)


def _sum_type(dtype: np.dtype[Any]) -> type[np.number[Any]]:
    """Return in what the sum of some pixels is exact, or as good as that."""
    if dtype.itemsize > 2 and dtype.kind != "f":
        return np.float64
    return {"u": np.uint32, "i": np.int32}.get(dtype.kind, np.float32)
