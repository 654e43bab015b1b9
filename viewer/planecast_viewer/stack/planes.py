"""The planes of a stack as far as they are here: what the views draw."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy.typing as npt


class StackPlace(NamedTuple):
    """Which stack."""

    acquisition: str
    t: int
    fov: int


class PlanePlace(NamedTuple):
    """Which plane of a stack."""

    z: int
    channel: int


@dataclass(frozen=True, eq=False)
class StackPlane:
    """One plane, reduced. Its pixels belong to nobody else and are never written to."""

    pixels: npt.NDArray[Any]
    """(y, x) or (y, x, rgb)."""
    block: int
    """Each pixel is the mean of so many times so many."""
    size_yx: tuple[int, int]
    """Of the plane as it was read."""
    sample: npt.NDArray[Any]
    """Some of the pixels, spread evenly, at the same places in all planes of a channel."""
    extremes: tuple[float, float]
    """The smallest and the largest value that is a number; (0, 0): there is none."""


@dataclass(frozen=True, eq=False)
class Stack:
    """What is here of a stack. Never changes, so that any thread may draw it."""

    place: StackPlace
    num_z: int
    planes: dict[int, tuple[StackPlane | None, ...]]
    """Channel to its planes by z. Every plane of a channel has the same size."""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is here yet."""
        return not any(plane is not None for stack in self.planes.values() for plane in stack)

    def first(self, channel: int) -> StackPlane | None:
        """Return any plane of a channel."""
        planes = self.planes.get(channel, ())
        return next((plane for plane in planes if plane is not None), None)
