"""Where a canvas looks: the world point of its top left corner and its zoom."""

from __future__ import annotations

from typing import NamedTuple

# A pixel is at most this many screen pixels, an image at least this many screen pixels, wide.
MAX_PX_PER_WORLD = 200.0
MIN_IMAGE_PX = 20.0


class Extent(NamedTuple):
    """The size of what is shown, in world units. World is image pixels times ndv's scales."""

    width: float
    height: float


class View(NamedTuple):
    """Screen pixel (i, j) covers the world from `x0 + i * world_per_px`, and so on in y."""

    x0: float
    y0: float
    world_per_px: float

    def to_world(self, x: float, y: float) -> tuple[float, float]:
        """Return the world point under the canvas point (x, y), in logical pixels."""
        return self.x0 + x * self.world_per_px, self.y0 + y * self.world_per_px

    def to_canvas(self, x: float, y: float) -> tuple[float, float]:
        """Return the canvas point, in logical pixels, of the world point (x, y)."""
        return (x - self.x0) / self.world_per_px, (y - self.y0) / self.world_per_px

    def panned(self, dx: float, dy: float) -> View:
        """Return the view after the picture was dragged by (dx, dy) logical pixels."""
        return View(
            self.x0 - dx * self.world_per_px, self.y0 - dy * self.world_per_px, self.world_per_px
        )

    def zoomed(self, factor: float, center: tuple[float, float], extent: Extent) -> View:
        """Return the view with `world_per_px` times `factor`, the world point `center` kept."""
        coarsest = max(extent.width, extent.height, 1.0) / MIN_IMAGE_PX
        zoom = min(max(self.world_per_px * factor, 1 / MAX_PX_PER_WORLD), coarsest)
        factor = zoom / self.world_per_px
        x, y = center
        return View(x - (x - self.x0) * factor, y - (y - self.y0) * factor, zoom)


def fitted(
    x: tuple[float, float], y: tuple[float, float], width: int, height: int, margin: float = 0.01
) -> View:
    """Return the view that centres the world rectangle x, y in a canvas of width by height."""
    world_per_px = max((x[1] - x[0]) / max(width, 1), (y[1] - y[0]) / max(height, 1))
    world_per_px = max(world_per_px * (1 + 2 * margin), 1e-9)
    return View(
        (x[0] + x[1] - width * world_per_px) / 2,
        (y[0] + y[1] - height * world_per_px) / 2,
        world_per_px,
    )
