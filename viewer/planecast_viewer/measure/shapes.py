"""What is measured: a line or a rectangle, in pixels of the picture."""

import math
from dataclasses import dataclass

Point = tuple[float, float]
"""(x, y); pixel (i, j) covers i to i + 1 and j to j + 1."""


@dataclass(frozen=True)
class Line:
    """From one point to another."""

    start: Point
    end: Point

    @property
    def length_px(self) -> float:
        """Its length."""
        return math.dist(self.start, self.end)

    def moved(self, dx: float, dy: float) -> "Line":
        """Return it elsewhere."""
        (x0, y0), (x1, y1) = self.start, self.end
        return Line((x0 + dx, y0 + dy), (x1 + dx, y1 + dy))


@dataclass(frozen=True)
class Rectangle:
    """Between two opposite corners."""

    start: Point
    end: Point

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height in whole pixels: those that have their middle inside."""
        x0, y0, x1, y1 = self.bounds()
        return x1 - x0, y1 - y0

    def bounds(self) -> tuple[int, int, int, int]:
        """Return x0, y0, x1, y1 of the whole pixels, the last not included."""
        (xa, ya), (xb, yb) = self.start, self.end
        return (
            math.floor(min(xa, xb) + 0.5),
            math.floor(min(ya, yb) + 0.5),
            math.floor(max(xa, xb) + 0.5),
            math.floor(max(ya, yb) + 0.5),
        )

    def moved(self, dx: float, dy: float) -> "Rectangle":
        """Return it elsewhere."""
        (x0, y0), (x1, y1) = self.start, self.end
        return Rectangle((x0 + dx, y0 + dy), (x1 + dx, y1 + dy))


Shape = Line | Rectangle
