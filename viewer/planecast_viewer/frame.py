"""One picture: the planes of all channels at one position, as they are given to the canvas."""

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.planes import PlaneStatistics


@dataclass(frozen=True)
class FramePlane:
    """One channel of a picture."""

    pixels: npt.NDArray[Any]
    """(y, x), or (y, x, rgb) in a frame of one channel."""
    statistics: PlaneStatistics | None
    registered_at: float | None
    """Wall time in s since 1970."""
    draft: bool = False
    """Not all pixels are exact yet: the plane is on its way from another machine."""


@dataclass(frozen=True)
class Frame:
    """What is on the canvas. Channels that are not there are drawn empty."""

    number: int
    """Counts the frames of this process."""
    position: Position
    planes: tuple[FramePlane | None, ...]
    """One for each channel; `None`: hidden, not there, or failed."""
    wanted: tuple[int, ...]
    """The channels that were visible."""

    @property
    def complete(self) -> bool:
        """Tell whether every visible channel is in the picture."""
        return all(self.planes[channel] is not None for channel in self.wanted)

    @property
    def is_draft(self) -> bool:
        """Tell whether a plane of it is not exact yet."""
        return any(plane is not None and plane.draft for plane in self.planes)
