"""Statistics of pixels that the viewer itself has computed; of planes the worker sends them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_protocol.planes import PlaneStatistics

SAMPLE_PIXELS = 2**18
BINS = 256
PERCENTILES = (0.1, 1.0, 50.0, 99.0, 99.9)


def sample_statistics(pixels: npt.NDArray[Any]) -> PlaneStatistics | None:
    """Return the statistics of a plane, its minimum and maximum exact; `None`: it has no value.

    A few ms for 2048 × 2048 pixels: not for the GUI thread.
    """
    flat = pixels.reshape(-1)
    # An odd step meets every column of a picture whose width is a power of two.
    sample = flat[:: max(-(-flat.size // SAMPLE_PIXELS), 1) | 1]
    if pixels.dtype.kind == "f":
        sample = sample[np.isfinite(sample)]
        flat = flat[np.isfinite(flat)]
    if not sample.size:
        return None
    low, high = float(flat.min()), float(flat.max())
    edges = (low, high if high > low else low + 1)
    return PlaneStatistics(
        minimum=low,
        maximum=high,
        percentiles=dict(
            zip(
                (f"{percent:g}" for percent in PERCENTILES),
                (float(value) for value in np.percentile(sample, PERCENTILES)),
                strict=True,
            )
        ),
        histogram=[int(count) for count in np.histogram(sample, BINS, edges)[0]],
    )
