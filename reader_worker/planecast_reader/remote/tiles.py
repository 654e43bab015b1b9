"""A plane cut into rectangles, those that are seen first."""

from typing import NamedTuple

TILE_PX = 64
"""Sides of tiles are multiples of this."""


class Rectangle(NamedTuple):
    """In pixels of the plane."""

    x: int
    y: int
    width: int
    height: int

    def meets(self, other: "Rectangle") -> bool:
        """Tell whether both have a pixel."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


def cut_plane(
    height: int, width: int, pixel_bytes: int, tile_bytes: int, seen: Rectangle | None
) -> list[Rectangle]:
    """Return the rectangles that make up a plane, of about `tile_bytes` each.

    Whole rows, which need no copying, where most of their width is seen; else about squares.
    """
    if height == 0 or width == 0:
        return []
    if seen is None or 2 * seen.width > width:
        tile_width = width
        tile_height = max(1, tile_bytes // (width * pixel_bytes))
        if width * pixel_bytes > 4 * tile_bytes:  # one row is too much
            tile_width = max(1, tile_bytes // pixel_bytes)
    else:
        side = int((tile_bytes / pixel_bytes) ** 0.5) // TILE_PX * TILE_PX
        tile_width = tile_height = max(TILE_PX, side)
    return [
        Rectangle(x, y, min(tile_width, width - x), min(tile_height, height - y))
        for y in range(0, height, tile_height)
        for x in range(0, width, tile_width)
    ]
