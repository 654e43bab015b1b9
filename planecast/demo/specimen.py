"""A dish of living cells as a camera sees it: drifting, out of focus, noisy."""

import numpy as np
import numpy.typing as npt

from planecast.demo.cells import DEFOCUS_LEVELS, N_SHAPES, SPRITE, Picture, Shapes, blur
from planecast_protocol.axes import PlaneIndex

OFFSET = 100.0
"""What the camera reports in the dark."""
READ_NOISE = 3.0
PIXELS_PER_CELL = 13_000
Z_PER_DEFOCUS_LEVEL = 1.0

Sprites = list[list[Picture]]


class Specimen:
    """Cells in every field of view. The same arguments give the same pixels.

    `photograph` may be called from any thread.
    """

    def __init__(self, height: int, width: int, num_z: int = 1, *, seed: int = 0) -> None:
        """Draw the shapes of the cells; takes about half a second for a plane of 1024 x 1024."""
        self.height, self.width, self.num_z, self.seed = height, width, num_z, seed
        self._shapes = Shapes(seed)
        rng = np.random.default_rng([seed, 2])
        self._falloff = _illumination(height, width)
        self._dirt = self._falloff * _dirt(rng, height, width)
        # One field of noise, of which each plane gets another part: drawing a million
        # random numbers would take longer than all the rest.
        self._noise = rng.standard_normal((height + 199, width + 211), np.float32)

    def photograph(self, index: PlaneIndex, channel: str) -> npt.NDArray[np.uint16]:
        """Return the plane at `index` (y, x) as the light of `channel` shows it.

        `BF`, `DAPI` and `GFP` have looks of their own, and so do other names that tell the
        kind of light (`Brightfield`, `Hoechst`, `Phase`); the rest show vesicles.
        """
        look = _look(channel)
        sprites = self._sprites(look)
        signal = np.zeros((self.height, self.width), np.float32)
        for shape, level, y, x, turn, brightness in self._cells(index, look):
            _add(signal, sprites[shape][level], y, x, turn, brightness)
        if look == "relief":
            signal += 1.0
            signal *= self._dirt
            signal *= 1900.0
        else:
            signal *= 1500.0
            signal += 45.0
            signal *= self._falloff
        return self._expose(signal, index)

    def _sprites(self, look: str) -> Sprites:
        by_look: dict[str, Sprites] = {
            "relief": self._shapes.relief,
            "nuclei": self._shapes.nuclei,
            "cytoplasm": self._shapes.cytoplasm,
        }
        return by_look.get(look, self._shapes.granules)

    def _cells(
        self, index: PlaneIndex, look: str
    ) -> list[tuple[int, int, float, float, int, float]]:
        """Return (shape, blur, y, x, turn, brightness) of each cell at this time and depth."""
        count = max(3, self.height * self.width // PIXELS_PER_CELL)
        rng = np.random.default_rng([self.seed, 3, index.fov])
        shape = rng.integers(0, N_SHAPES, count)
        turn = rng.integers(0, 8, count)
        # Cells leave on one side and enter on the other, out of sight.
        room = np.array([self.height + SPRITE, self.width + SPRITE])
        start = _spread(rng, count) * room
        speed, swing = rng.normal(0, 1.1, (count, 2)), rng.uniform(3, 12, (count, 2))
        phase = rng.uniform(0, 2 * np.pi, (count, 2))
        sway = swing * np.sin(0.11 * index.t + phase)
        place = (start + speed * index.t + sway) % room - SPRITE / 2
        depth = (self.num_z - 1) / 2 + rng.normal(0, 0.35, count)
        defocus = np.rint((index.z - depth) / Z_PER_DEFOCUS_LEVEL).astype(int)
        defocus = np.clip(defocus, 1 - DEFOCUS_LEVELS, DEFOCUS_LEVELS - 1)
        level = defocus + DEFOCUS_LEVELS - 1 if look == "relief" else np.abs(defocus)
        brightness = rng.uniform(0.45, 1.15, count) if look != "relief" else np.ones(count)
        rows = zip(shape, level, place[:, 0], place[:, 1], turn, brightness, strict=True)
        return [(int(s), int(n), float(y), float(x), int(r), float(b)) for s, n, y, x, r, b in rows]

    def _expose(self, signal: Picture, index: PlaneIndex) -> npt.NDArray[np.uint16]:
        """Photons arrive at random (variance = mean), the camera adds its own noise."""
        key = [self.seed, 4, index.t, index.fov, index.z, index.channel]
        y, x = np.random.default_rng(key).integers(0, (200, 212))
        np.maximum(signal, 0.0, out=signal)
        spread = np.sqrt(signal + READ_NOISE**2)
        spread *= self._noise[y : y + self.height, x : x + self.width]
        signal += spread
        signal += OFFSET
        np.clip(signal, 0, 65535, out=signal)
        return signal.astype(np.uint16)


def _look(channel: str) -> str:
    name = channel.lower()
    if any(word in name for word in ("bf", "bright", "phase", "trans", "dic")):
        return "relief"
    if any(word in name for word in ("dapi", "hoechst", "405")):
        return "nuclei"
    if any(word in name for word in ("gfp", "fitc", "488", "yfp")):
        return "cytoplasm"
    return "granules"


def _spread(rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    """Return `count` places (y, x) from 0 to 1 that keep their distance, as cells in a dish do."""
    side = int(np.ceil(np.sqrt(count)))
    grid = np.stack(np.divmod(rng.permutation(side * side)[:count], side), axis=1)
    places: npt.NDArray[np.float64] = (grid + rng.uniform(0.1, 0.9, (count, 2))) / side
    return places


def _add(
    signal: Picture, sprite: Picture, y: float, x: float, turn: int, brightness: float
) -> None:
    """Add one cell with its middle at (y, x); what lies outside is cut off."""
    sprite = np.rot90(sprite if turn < 4 else sprite.T, turn % 4)
    top, left = round(y) - SPRITE // 2, round(x) - SPRITE // 2
    rows = slice(max(0, top), min(signal.shape[0], top + SPRITE))
    columns = slice(max(0, left), min(signal.shape[1], left + SPRITE))
    if rows.start < rows.stop and columns.start < columns.stop:
        part = sprite[
            rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]
        signal[rows, columns] += part * np.float32(brightness)


def _illumination(height: int, width: int) -> Picture:
    """Brightest a little beside the middle, a quarter less in the corners."""
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] - np.float32(0.12)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] + np.float32(0.08)
    return 1.04 - np.float32(0.16) * (y**2 + x**2)


def _dirt(rng: np.random.Generator, height: int, width: int) -> Picture:
    """Mottle of the glass and a few specks of dust, which stay where they are."""
    mottle = blur(rng.standard_normal((height, width)), 9.0, 9.0)
    picture: Picture = np.float32(1) + np.float32(0.008) * mottle / mottle.std()
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for at_y, at_x in rng.uniform(0, 1, (5, 2)) * (height, width):
        distance = np.hypot(y - at_y, x - at_x)
        ring = rng.uniform(7, 16)
        picture -= 0.05 * np.exp(-(((distance - ring) / 2.5) ** 2))
    return picture
