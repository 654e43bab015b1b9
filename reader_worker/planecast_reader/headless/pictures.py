"""Pictures for people from planes of measured values: contrast, colours, one RGB image."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planecast_reader.headless.channel_colors import Rgb
from planecast_reader.headless.reduction import Gray, resize

Picture = npt.NDArray[np.uint8]
"""(y, x, rgb)."""
Percentiles = tuple[float, float]
"""What becomes black and what becomes full brightness."""


def limits(images: Sequence[Gray], percentiles: Percentiles) -> tuple[float, float]:
    """Return what becomes 0 and 1: two percentiles of all finite values.

    Of images that are the same nearly everywhere it is their extremes.
    """
    finite = np.concatenate([image[np.isfinite(image)] for image in images])
    if not finite.size:
        return 0.0, 0.0
    low, high = (float(value) for value in np.percentile(finite, percentiles))
    return (low, high) if high > low else (float(finite.min()), float(finite.max()))


def stretch(image: Gray, low: float, high: float) -> Gray:
    """Return values 0 to 1 between `low` and `high`; what is not finite is 0.

    Where there is nothing between them, zero is black and all else half bright.
    """
    if high > low:
        scaled = (image - low) / (high - low)
    else:
        scaled = np.where(np.isfinite(image), 0.5 if high else 0.0, np.nan)
    return np.asarray(np.clip(np.nan_to_num(scaled, nan=0.0), 0.0, 1.0), np.float32)


def composite(
    images: Sequence[Gray],
    colors: Sequence[Rgb],
    size: tuple[int, int],
    ranges: Sequence[tuple[float, float]],
) -> Picture:
    """Return channels, (y, x) each, added up in their colours at `size` (height, width).

    `ranges` has the `limits` of each.
    """
    picture = np.zeros((*size, 3), np.float32)
    for image, color, (low, high) in zip(images, colors, ranges, strict=True):
        shown = resize(stretch(image, low, high), *size)
        picture += shown[..., None] * np.asarray(color, np.float32)
    # Where the sum is too bright it keeps its hue: cut off, many channels would turn white.
    picture /= np.maximum(picture.max(axis=2, keepdims=True), 1.0)
    return _to_bytes(picture)


def colored(
    image: Gray, full_scale: float | None, size: tuple[int, int], percentiles: Percentiles
) -> Picture:
    """Return a colour image, (y, x, samples), at `size`: its first three samples.

    `full_scale` is the value of full brightness; None: all samples are stretched together.
    """
    samples = image[..., :3]
    if full_scale is None:
        shown = stretch(samples, *limits([samples], percentiles))
    else:
        shown = np.nan_to_num(samples / np.float32(full_scale), nan=0.0)
    return _to_bytes(resize(shown, *size))


def _to_bytes(picture: Gray) -> Picture:
    return np.asarray(np.clip(picture, 0.0, 1.0) * 255 + 0.5, np.uint8)
