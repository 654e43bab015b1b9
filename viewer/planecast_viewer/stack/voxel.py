"""How large a voxel is, and what is assumed where nobody said."""

import math
from dataclasses import dataclass

from planecast_viewer.facts import Facts


@dataclass(frozen=True)
class Voxel:
    """The sides of a voxel, in µm, or in pixels if `is_um` is false."""

    xy: float
    z: float
    is_um: bool
    assumed: str = ""
    """What people must know of the proportions; empty: they are those of the specimen."""


def voxel_of(facts: Facts) -> Voxel:
    """Return the voxel of an acquisition or file."""
    xy, z = _length(facts.pixel_size_um), _length(facts.z_step_um)
    if xy is None:
        return Voxel(1.0, 1.0, False, "pixel size unknown: a z step is drawn as large as a pixel")
    if z is None:
        return Voxel(xy, xy, True, f"z step unknown: drawn as large as a pixel, {xy:g} µm")
    return Voxel(xy, z, True)


def _length(um: float | None) -> float | None:
    """Return a usable length; a stage that goes down has steps below 0."""
    return abs(um) if um is not None and math.isfinite(um) and um != 0 else None
