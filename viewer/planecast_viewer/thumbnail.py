"""Small pictures of planes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_protocol.planes import PlaneStatistics

SIDE_PX = 128
SAMPLES = 2
"""Each pixel is the mean of so many by so many of the plane's: all of them would take too long."""


@dataclass(frozen=True)
class Thumbnail:
    """A plane, much smaller."""

    pixels: npt.NDArray[np.float32]
    """Shape (y, x) or (y, x, rgb), at most `SIDE_PX` high and wide."""
    low: float
    high: float
    """What is drawn black and white: percentiles of the whole plane."""

    @property
    def n_bytes(self) -> int:
        """Return its memory."""
        return self.pixels.nbytes


def shrink(plane: npt.NDArray[Any], statistics: PlaneStatistics | None) -> Thumbnail:
    """Return a plane of shape (y, x) or (y, x, rgb) as thumbnail, in less than a millisecond."""
    height, width = plane.shape[:2]
    step = max(1, -(-max(height, width) // SIDE_PX))
    n_samples = min(SAMPLES, step)
    apart = step // n_samples
    rows, columns = -(-height // step), -(-width // step)
    total = np.zeros((rows, columns, *plane.shape[2:]), dtype=np.float32)
    y, x = np.arange(rows) * step, np.arange(columns) * step
    for dy in range(n_samples):
        for dx in range(n_samples):
            at_y = np.minimum(y + dy * apart, height - 1)
            at_x = np.minimum(x + dx * apart, width - 1)
            total += plane[at_y[:, None], at_x]
    total /= n_samples**2
    if plane.ndim == 3 and plane.dtype == np.uint8:
        return Thumbnail(total, 0.0, 255.0)
    finite = total[np.isfinite(total)]
    if statistics is not None:
        low = statistics.percentiles.get("1", statistics.minimum)
        high = statistics.percentiles.get("99.9", statistics.maximum)
    elif finite.size:
        low, high = float(finite.min()), float(finite.max())
    else:
        low, high = 0.0, 1.0
    return Thumbnail(total, low, high)


Limits = tuple[float, float]


def compose(
    thumbnails: Sequence[tuple[Thumbnail, Limits, tuple[int, int, int]]],
) -> npt.NDArray[np.uint8]:
    """Add channels up in their colours, each between its limits; return (y, x, 4) for RGB32."""
    height = max(one.pixels.shape[0] for one, _limits, _color in thumbnails)
    width = max(one.pixels.shape[1] for one, _limits, _color in thumbnails)
    total = np.zeros((height, width, 3), dtype=np.float32)
    for thumbnail, (low, high), color in thumbnails:
        share = (thumbnail.pixels - low) / (high - low if high > low else 1.0)
        share = np.clip(np.nan_to_num(share), 0.0, 1.0)
        if share.ndim == 2:
            share = share[:, :, None] * np.array(color, dtype=np.float32)
        else:
            share = share[:, :, :3] * np.float32(255)
        total[: share.shape[0], : share.shape[1]] += share
    picture = np.full((height, width, 4), 255, dtype=np.uint8)
    # RGB32 is blue, green, red in memory.
    picture[:, :, 2::-1] = np.minimum(total, 255)
    return picture
