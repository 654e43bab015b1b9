"""How long each axis is, as far as it is known."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Extents:
    """How many values each slider has."""

    t: int = 1
    fov: int = 1
    z: int = 1
