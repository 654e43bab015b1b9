"""Where the three views lie in a widget, and which part of the stack each shows.

XY | YZ
---+---
XZ |
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from planecast_viewer.canvas.view import View

Pane = Literal["xy", "xz", "yz"]
GAP_PX = 8
MIN_SIDE_PX = 84
"""A thin stack still gets a view that a cross can be seen and dragged in."""
MAX_SIDE = 0.45
"""A deep one takes at most this part of the widget."""
MARGIN = 1.02
FINEST = 50_000
"""The shorter side of a plane is never more logical pixels than this."""


class Point(NamedTuple):
    """A point of the stack, in the units of its voxels."""

    x: float
    y: float
    z: float


class Rectangle(NamedTuple):
    """A part of the widget, in logical pixels."""

    left: int
    top: int
    width: int
    height: int

    def contains(self, x: float, y: float) -> bool:
        """Tell whether a point lies in it."""
        return 0 <= x - self.left < self.width and 0 <= y - self.top < self.height


AXES_OF: dict[Pane, tuple[str, str]] = {"xy": ("x", "y"), "xz": ("x", "z"), "yz": ("z", "y")}
"""What runs to the right and what runs down."""


@dataclass(frozen=True)
class Panes:
    """The views of a stack of the size `extent`; all three have one scale and share their axes."""

    width: int
    height: int
    extent: Point
    side: int
    """Of the views from the side, across z."""
    scale: float
    """Units of the stack per logical pixel."""
    middle: Point
    """What is in the middle of the views."""

    def rectangle(self, pane: Pane) -> Rectangle:
        """Return where a view lies."""
        across = max(self.width - self.side - GAP_PX, 1)
        down = max(self.height - self.side - GAP_PX, 1)
        if pane == "xy":
            return Rectangle(0, 0, across, down)
        if pane == "xz":
            return Rectangle(0, down + GAP_PX, across, self.side)
        return Rectangle(across + GAP_PX, 0, self.side, down)

    def view(self, pane: Pane) -> View:
        """Return which part a view shows, in logical pixels from its own corner."""
        place = self.rectangle(pane)
        across, down = (getattr(self.middle, axis) for axis in AXES_OF[pane])
        return View(
            across - place.width / 2 * self.scale, down - place.height / 2 * self.scale, self.scale
        )

    def pane_at(self, x: float, y: float) -> Pane | None:
        """Return the view under a point of the widget."""
        panes: tuple[Pane, ...] = ("xy", "xz", "yz")
        return next((pane for pane in panes if self.rectangle(pane).contains(x, y)), None)

    def to_stack(self, pane: Pane, x: float, y: float) -> dict[str, float]:
        """Return the axes that a point of the widget tells of, by their letters."""
        place = self.rectangle(pane)
        across, down = self.view(pane).to_world(x - place.left, y - place.top)
        return dict(zip(AXES_OF[pane], (across, down), strict=True))

    def to_widget(self, pane: Pane, point: Point) -> tuple[float, float]:
        """Return where a point of the stack lies in a view, in the widget."""
        place = self.rectangle(pane)
        across, down = (getattr(point, axis) for axis in AXES_OF[pane])
        x, y = self.view(pane).to_canvas(across, down)
        return x + place.left, y + place.top

    def zoomed(self, factor: float, kept: dict[str, float]) -> Panes:
        """Return them `factor` times larger, the point `kept` where it is."""
        coarsest = fitted(self.width, self.height, self.extent).scale * 4
        finest = min(self.extent.x, self.extent.y) / FINEST
        scale = min(max(self.scale / factor, finest), coarsest)
        ratio = scale / self.scale
        moved = {axis: at - (at - getattr(self.middle, axis)) * ratio for axis, at in kept.items()}
        return replace(self, scale=scale, middle=self.middle._replace(**moved))

    def panned(self, pane: Pane, dx: float, dy: float) -> Panes:
        """Return them after one was dragged by so many logical pixels."""
        across, down = AXES_OF[pane]
        moved = {
            across: getattr(self.middle, across) - dx * self.scale,
            down: getattr(self.middle, down) - dy * self.scale,
        }
        return replace(self, middle=self.middle._replace(**moved))

    def resized(self, width: int, height: int) -> Panes:
        """Return them in a widget of another size, the middle and the scale kept."""
        return replace(fitted(width, height, self.extent), scale=self.scale, middle=self.middle)


def fitted(width: int, height: int, extent: Point) -> Panes:
    """Return views that show the whole stack."""
    whole = max(
        (extent.x + extent.z) / max(width - GAP_PX, 1),
        (extent.y + extent.z) / max(height - GAP_PX, 1),
        1e-9,
    )
    most = max(int(min(width, height) * MAX_SIDE), 1)
    side = min(max(round(extent.z / whole), MIN_SIDE_PX), most)
    scale = max(
        extent.x / max(width - side - GAP_PX, 1),
        extent.y / max(height - side - GAP_PX, 1),
        extent.z / side,
        1e-9,
    )
    middle = Point(extent.x / 2, extent.y / 2, extent.z / 2)
    return Panes(width, height, extent, side, scale * MARGIN, middle)
