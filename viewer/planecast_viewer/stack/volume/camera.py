"""From where the volume is looked at: a turntable, without perspective, so that lengths hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

Vector = tuple[float, float, float]
"""(x, y, z) in the directions of the stack: y runs down in a plane, z from plane to plane."""

AZIMUTH_DEG, ELEVATION_DEG = 25.0, 40.0
"""At the start: the planes lie before us, seen from above."""
MARGIN = 1.06
MAX_ZOOM = 200.0


class Axes(NamedTuple):
    """The directions of the screen."""

    right: Vector
    up: Vector
    toward: Vector
    """From the stack to whoever looks at it."""


@dataclass(frozen=True)
class Camera:
    """Where it stands, how large the stack is, and which part of it is in the middle."""

    azimuth_deg: float = AZIMUTH_DEG
    elevation_deg: float = ELEVATION_DEG
    """90: from above, as the picture is seen."""
    zoom: float = 1.0
    """1: the whole stack fits, however it is turned."""
    pan: tuple[float, float] = (0.0, 0.0)
    """What is in the middle of the screen: to the right of and above the stack's middle."""

    def axes(self) -> Axes:
        """Return the directions of the screen, in the stack's own."""
        a, e = math.radians(self.azimuth_deg), math.radians(self.elevation_deg)
        sin_a, cos_a, sin_e, cos_e = math.sin(a), math.cos(a), math.sin(e), math.cos(e)
        # y runs down in a plane: seen from above with an azimuth of 0, up is -y.
        return Axes(
            right=(cos_a, -sin_a, 0.0),
            up=(-sin_a * sin_e, -cos_a * sin_e, cos_e),
            toward=(sin_a * cos_e, cos_a * cos_e, sin_e),
        )

    def units_per_px(self, extent: Vector, width: float, height: float) -> float:
        """Return the scale for a screen of this size, in the units of `extent`."""
        return math.hypot(*extent) * MARGIN / max(min(width, height), 1) / self.zoom

    def turned(self, right_deg: float, down_deg: float) -> Camera:
        """Return it after the stack was turned; it never stands on its head."""
        return replace(
            self,
            azimuth_deg=(self.azimuth_deg - right_deg) % 360,
            elevation_deg=min(max(self.elevation_deg + down_deg, -90.0), 90.0),
        )

    def zoomed(self, factor: float) -> Camera:
        """Return it nearer."""
        return replace(self, zoom=min(max(self.zoom * factor, 1 / 10), MAX_ZOOM))

    def panned(self, right: float, up: float) -> Camera:
        """Return it after the stack was dragged, in the stack's units."""
        return replace(self, pan=(self.pan[0] - right, self.pan[1] - up))

    def on_screen(
        self, point: Vector, extent: Vector, width: float, height: float
    ) -> tuple[float, float]:
        """Return where a point of the stack is drawn, in pixels from the top left corner."""
        axes, scale = self.axes(), self.units_per_px(extent, width, height)
        from_middle = [at - side / 2 for at, side in zip(point, extent, strict=True)]
        right = sum(map(_product, from_middle, axes.right)) - self.pan[0]
        up = sum(map(_product, from_middle, axes.up)) - self.pan[1]
        return width / 2 + right / scale, height / 2 - up / scale


def _product(one: float, other: float) -> float:
    return one * other
