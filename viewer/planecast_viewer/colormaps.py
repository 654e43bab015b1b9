"""The colours that can be chosen for a channel, and their names in files."""

import re
from functools import lru_cache

import cmap
import numpy as np

from planecast_viewer.colors import Color

CHOICES = (
    "gray", "blue", "cyan", "green", "yellow", "red", "magenta",
    "viridis", "inferno", "magma", "turbo", "imagej:fire", "imagej:ice", "imagej:hilo",
)  # fmt: skip
"""What is offered; any other of cmap's catalogue can be added in the channel's row."""


def offered() -> list[cmap.Colormap]:
    """Return the colormaps of `CHOICES`."""
    return [cmap.Colormap(name) for name in CHOICES]


@lru_cache(maxsize=64)
def colormap_of(color: Color) -> cmap.Colormap:
    """Return black to a channel's own colour; of the same colour the same object again."""
    if color.rgb.lower() == "#ffffff":
        return cmap.Colormap("gray")
    return cmap.Colormap(["#000000", color.rgb], name=color.name)


def name_of(colormap: cmap.Colormap) -> str | None:
    """Return what `named` makes this colormap of again; `None`: nothing does."""
    stops = list(colormap.color_stops)
    if len(stops) == 2 and stops[0].color.hex.lower() in ("#000", "#000000"):
        red, green, blue = (round(255 * part) for part in stops[1].color.rgba[:3])
        return f"#{red:02x}{green:02x}{blue:02x}"
    again = named(colormap.name)
    return colormap.name if again is not None and are_same(again, colormap) else None


def are_same(one: cmap.Colormap, other: cmap.Colormap) -> bool:
    """Tell whether two colormaps have the same colours; cmap can't, where they differ in stops."""
    values = np.linspace(0, 1, 17)
    return bool(np.allclose(one(values), other(values)))


def named(name: str) -> cmap.Colormap | None:
    """Return a colormap of cmap's catalogue, or black to `#rrggbb`; `None`: there is none."""
    if re.fullmatch(r"#[0-9a-fA-F]{6}", name):
        return cmap.Colormap(["#000000", name.lower()], name=name.lower())
    try:
        return cmap.Colormap(name)
    except (ValueError, TypeError, KeyError):
        return None
