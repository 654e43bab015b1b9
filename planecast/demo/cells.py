"""Shapes of single cells, drawn once: what `specimen` puts into a plane.

Lengths are in pixels. All arrays are float32.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]

SPRITE = 208
"""Height and width of one drawn cell."""
REACH = 84
"""No cell extends beyond this from its middle: its blurred edge must fit into the sprite."""
N_SHAPES = 14
DEFOCUS_LEVELS = 4
"""In focus, and three blurs; level n is blurred by `DEFOCUS_SIGMA` * n."""
DEFOCUS_SIGMA = 2.4


class Shapes:
    """Every cell in every look and blur. Read-only after it was made: any thread may use it."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 1])
        cells = [_Cell(rng) for _ in range(N_SHAPES)]
        self.nuclei = [_blurred(cell.chromatin) for cell in cells]
        self.cytoplasm = [_blurred(cell.cytoplasm) for cell in cells]
        self.granules = [_blurred(cell.granules) for cell in cells]
        self.relief = [_through_focus(cell.thickness) for cell in cells]
        """Per shape `2 * DEFOCUS_LEVELS - 1` pictures, from below the focus to above it."""


class _Cell:
    """One cell: a spread body, a nucleus, and grains around it. Values 0 to about 1."""

    def __init__(self, rng: np.random.Generator) -> None:
        y, x = np.mgrid[:SPRITE, :SPRITE].astype(np.float32) - SPRITE / 2
        turn = rng.uniform(0, np.pi)
        body = _outline(rng, y, x, turn, radius=rng.uniform(36, 50), uneven=0.17)
        body += ((x**2 + y**2) / REACH**2) ** 6
        off_y, off_x = rng.uniform(-7, 7, 2)
        nucleus = _outline(rng, y - off_y, x - off_x, turn, radius=rng.uniform(15, 19), uneven=0.05)
        inside = np.clip(1 - nucleus, 0, 1)

        height = np.clip(1 - body, 0, 1) ** 0.8
        fibres = 0.74 + 0.13 * _noise(rng, 7.0, 1.1, turn) + 0.13 * _noise(rng, 3.0, 3.0)
        self.granules = _grains(rng, body, nucleus)
        self.cytoplasm = height * fibres * (1 - 0.5 * np.clip(inside * 6, 0, 1))
        self.cytoplasm += 0.35 * self.granules

        nucleoli = _spots(rng, y - off_y, x - off_x, count=3, spread=6.0, sigma=2.4)
        texture = 0.75 + 0.25 * _noise(rng, 2.0, 2.0) - 0.4 * np.clip(nucleoli, 0, 1)
        self.chromatin = np.sqrt(inside) * np.clip(inside * 4, 0, 1) * texture
        self.thickness = 0.8 * height + 0.35 * np.sqrt(inside) + 0.3 * self.granules
        self.thickness += 0.35 * nucleoli * (inside > 0)


def blur(picture: npt.NDArray[Any], along: float, across: float, turn: float = 0.0) -> Picture:
    """Blur by a Gaussian of two widths, the first at `turn` radians; opposite edges meet."""
    fy = np.fft.fftfreq(picture.shape[0])[:, None]
    fx = np.fft.rfftfreq(picture.shape[1])[None, :]
    f_along = fx * np.cos(turn) + fy * np.sin(turn)
    f_across = fy * np.cos(turn) - fx * np.sin(turn)
    gain = np.exp(-2 * np.pi**2 * ((along * f_along) ** 2 + (across * f_across) ** 2))
    return np.fft.irfft2(np.fft.rfft2(picture) * gain, picture.shape).astype(np.float32)


def _outline(
    rng: np.random.Generator, y: Picture, x: Picture, turn: float, *, radius: float, uneven: float
) -> Picture:
    """Return the distance from the middle squared: below 1 inside of an irregular outline."""
    stretch = rng.uniform(1.05, 1.2 + 4.5 * uneven)
    along = (x * np.cos(turn) + y * np.sin(turn)) / stretch
    across = (y * np.cos(turn) - x * np.sin(turn)) * np.sqrt(stretch)
    angle = np.arctan2(across, along)
    edge = np.full_like(angle, radius)
    for lobes in range(2, 7):
        edge += radius * uneven / lobes * 1.6 * np.cos(lobes * angle + rng.uniform(0, 2 * np.pi))
    squared: Picture = ((along**2 + across**2) / edge**2).astype(np.float32)
    return squared


def _noise(rng: np.random.Generator, along: float, across: float, turn: float = 0.0) -> Picture:
    noise = blur(rng.standard_normal((SPRITE, SPRITE)), along, across, turn)
    noise /= noise.std()
    return noise


def _spots(
    rng: np.random.Generator, y: Picture, x: Picture, *, count: int, spread: float, sigma: float
) -> Picture:
    picture = np.zeros_like(y)
    for at_y, at_x in rng.normal(0, spread, (count, 2)):
        picture += np.exp(-((y - at_y) ** 2 + (x - at_x) ** 2) / (2 * sigma**2))
    return picture


def _grains(rng: np.random.Generator, body: Picture, nucleus: Picture) -> Picture:
    """Vesicles: small bright dots in the body around the nucleus."""
    picture = np.zeros_like(body)
    half = 4
    rows, columns = np.nonzero((body < 0.6) & (nucleus > 1.1))
    near_y, near_x = np.mgrid[-half : half + 1, -half : half + 1]
    for chosen in rng.integers(0, len(rows), 38):
        row, column, sigma = rows[chosen], columns[chosen], rng.uniform(0.9, 1.7)
        dot = rng.uniform(0.3, 1.0) * np.exp(-(near_y**2 + near_x**2) / (2 * sigma**2))
        picture[row - half : row + half + 1, column - half : column + half + 1] += dot
    return picture


def _blurred(picture: Picture) -> list[Picture]:
    sigmas = [0.8 + DEFOCUS_SIGMA * level for level in range(DEFOCUS_LEVELS)]
    return [blur(picture, sigma, sigma) for sigma in sigmas]


def _through_focus(thickness: Picture) -> list[Picture]:
    """Bright field under oblique light: slopes cast shadows, and edges turn over in focus."""
    pictures = []
    for level in range(1 - DEFOCUS_LEVELS, DEFOCUS_LEVELS):
        sigma = 1.0 + 0.9 * abs(level)
        soft = blur(thickness, sigma, sigma)
        slope_y, slope_x = np.gradient(soft)
        curvature = np.gradient(slope_y, axis=0) + np.gradient(slope_x, axis=1)
        pictures.append((2.6 * (slope_y + slope_x) - (1.5 + 5.0 * level) * curvature).astype("f4"))
    return pictures
