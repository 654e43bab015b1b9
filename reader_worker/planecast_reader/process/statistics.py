"""Statistics of a plane: what a viewer needs for contrast, computed where the plane was read."""

import math
from typing import Any

import numpy as np

from planecast_protocol.planes import PlaneStatistics
from planecast_reader.reader import Pixels

SAMPLE_PIXELS = 2**18
BINS = 256
PERCENTILES = (0.1, 1, 50, 99, 99.9)


def plane_statistics(pixels: Pixels) -> PlaneStatistics:
    """Return the statistics of a plane, (y, x) or (y, x, samples) over all its samples.

    Minimum and maximum are exact, of the finite values. Complex pixels count by magnitude. A
    plane without a finite value has 0 everywhere and an empty histogram.
    """
    real = _real(pixels)
    sample = _sample(real)
    if real.dtype.kind == "f":
        low, high = _finite_range(real)
        sample = sample[np.isfinite(sample)]
    elif real.size:
        low, high = float(real.min()), float(real.max())
    else:
        low = high = 0.0
    return PlaneStatistics(
        minimum=low,
        maximum=high,
        percentiles=_percentiles(sample),
        histogram=_histogram(sample, low, high),
    )


def looks_unwritten(pixels: Pixels) -> bool:
    """Whether all pixels are zero, as in a preallocated file that was not filled yet."""
    if not pixels.size:
        return False
    # Nearly every written plane shows itself in its first rows.
    return not pixels[:1].any() and not pixels[pixels.shape[0] // 2].any() and not pixels.any()


def has_zero_tail(pixels: Pixels) -> bool:
    """Whether the last row is all zero, as in a plane that is being written."""
    return bool(pixels.size) and not pixels[-1].any()


def _real(pixels: Pixels) -> Pixels:
    if pixels.dtype.kind == "c":
        return np.abs(pixels)
    return pixels.view(np.uint8) if pixels.dtype.kind == "b" else pixels


def _sample(pixels: Pixels) -> Pixels:
    """Return at most `SAMPLE_PIXELS` values, evenly spaced in memory."""
    flat = pixels.reshape(-1)
    step = max(-(-flat.size // SAMPLE_PIXELS), 1)
    row = math.prod(pixels.shape[1:])
    # A step with a factor in common with the row would miss whole columns, or a colour.
    while step > 1 and math.gcd(step, row) > 1:
        step += 1
    return np.ascontiguousarray(flat[::step])


def _finite_range(pixels: Pixels) -> tuple[float, float]:
    low, high = _min_max(pixels)
    if np.isfinite(low) and np.isfinite(high):
        return low, high
    finite = pixels[np.isfinite(pixels)]
    return _min_max(finite) if finite.size else (0.0, 0.0)


def _min_max(pixels: Pixels) -> tuple[float, float]:
    if not pixels.size:
        return 0.0, 0.0
    return float(pixels.min()), float(pixels.max())


def _percentiles(sample: Pixels) -> dict[str, float]:
    names = [f"{percent:g}" for percent in PERCENTILES]
    if not sample.size:
        return dict.fromkeys(names, 0.0)
    values = (
        _integer_percentiles(sample) if _is_small(sample.dtype) else _sorted_percentiles(sample)
    )
    return dict(zip(names, values, strict=True))


def _is_small(dtype: "np.dtype[Any]") -> bool:
    return dtype.kind in "iu" and dtype.itemsize <= 2


def _integer_percentiles(sample: Pixels) -> list[float]:
    """Return the nearest-rank percentiles by counting, which for 16 bits beats any sorting."""
    lowest = int(sample.min())
    counts = np.bincount(sample.reshape(-1).astype(np.int64) - lowest)
    ranks = [_rank(percent, sample.size) + 1 for percent in PERCENTILES]
    return [float(value + lowest) for value in np.searchsorted(np.cumsum(counts), ranks)]


def _sorted_percentiles(sample: Pixels) -> list[float]:
    ranks = [_rank(percent, sample.size) for percent in PERCENTILES]
    ordered = np.partition(sample, sorted(set(ranks)))
    return [float(ordered[rank]) for rank in ranks]


def _rank(percent: float, size: int) -> int:
    return min(max(round(percent / 100 * (size - 1)), 0), size - 1)


def _histogram(sample: Pixels, low: float, high: float) -> list[int]:
    """Return `BINS` counts over `low` to `high`; a constant plane is all in the first bin."""
    if not sample.size:
        return [0] * BINS
    if high <= low:
        return [sample.size] + [0] * (BINS - 1)
    if _is_small(sample.dtype):
        first = int(low)
        counts = np.bincount(sample.astype(np.int64) - first, minlength=int(high) - first + 1)
        places = np.arange(counts.size) * BINS // (counts.size - 1)
        binned = np.bincount(np.minimum(places, BINS - 1), weights=counts, minlength=BINS)
        return [int(count) for count in binned]
    # Halves keep the width of float64's full range finite.
    scaled = (sample.astype(np.float64) / 2 - low / 2) / (high / 2 - low / 2)
    places = np.clip((scaled * BINS).astype(np.int64), 0, BINS - 1)
    return [int(count) for count in np.bincount(places, minlength=BINS)]
