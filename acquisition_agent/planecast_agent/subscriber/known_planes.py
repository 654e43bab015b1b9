"""Which planes there are, and where: what a live acquisition and an opened file have in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from planecast_protocol.axes import PlaneIndex
from planecast_protocol.planes import PlaneSource


class Position(NamedTuple):
    """What the sliders choose: all channels of it are one picture."""

    t: int
    fov: int
    z: int

    def plane(self, channel: int) -> PlaneIndex:
        """Return the index of one of its planes."""
        return PlaneIndex(self.t, self.fov, self.z, channel)


class KnownPlanes(ABC):
    """The planes that may be asked for. Belongs to one thread: in a viewer the GUI's."""

    n_channels: int

    @property
    @abstractmethod
    def n_planes(self) -> int:
        """Planes known so far, each counted once however often it was registered."""

    @property
    @abstractmethod
    def n_t(self) -> int:
        """Time points that have a plane so far."""

    @property
    @abstractmethod
    def newest(self) -> Position | None:
        """Position of the plane that was registered last."""

    @abstractmethod
    def has(self, index: PlaneIndex) -> bool:
        """Tell whether the plane is known. "Known" never means "whole on disk"."""

    @abstractmethod
    def source(self, index: PlaneIndex) -> PlaneSource:
        """Return where the plane is; raise `KeyError` for one that is not known."""

    @abstractmethod
    def follow_target(self, locked: Mapping[str, int]) -> Position | None:
        """Return the newest position worth showing, with the given axes held.

        That is the newest one with all channels; where an acquisition takes its channels one
        after another, the newest one that it has left behind.
        """

    @abstractmethod
    def planes_per_fov(self) -> npt.NDArray[np.int64]:
        """Return how many planes of each fov are known. A copy; some microseconds."""

    def revision(self, _index: PlaneIndex) -> int:
        """Count how often the plane was registered again."""
        return 0

    def registered_at(self, _index: PlaneIndex) -> float | None:
        """Return the wall time at which the controller registered it, in s since 1970."""
        return None

    def has_any(self, position: Position) -> bool:
        """Tell whether any channel of the position is known."""
        return any(self.has(position.plane(channel)) for channel in range(self.n_channels))
