"""The ground of thumbnails and orthogonal views: planes that come in reduced, part by part."""

from abc import abstractmethod
from collections.abc import Hashable, Iterator, Mapping

import numpy as np

from planecast_protocol.images import ImageInfo
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.headless.reduction import Gray, reduction_for
from planecast_reader.headless.selection import scene_of
from planecast_reader.headless.streaming import (
    Missing,
    Pixels,
    Plan,
    Result,
    Wanted,
    in_flight_for,
    keeps,
)

PlaneKey = tuple[int, int]
"""Which of the shown channels, and which step along the axis that is folded."""


class ReducedPlan(Plan[Result]):
    """Asks for the parts of planes, reduces each, and has whole planes added."""

    def __init__(self, info: ImageInfo, scene: int, longest: int | None) -> None:
        super().__init__()
        self._info = info
        self._scene = scene
        self._facts = scene_of(info, scene)
        self._reduction = reduction_for(self._facts, longest)
        self._parts: dict[PlaneKey, list[Gray]] = {}
        self._failed: set[PlaneKey] = set()
        self.in_flight = in_flight_for(self._facts) if len(self._reduction.areas) == 1 else 2

    @abstractmethod
    def add(self, key: PlaneKey, plane: Gray) -> None:
        """Use a whole plane, reduced: (y, x) or (y, x, samples)."""

    def _requests(self, key: PlaneKey, index: Mapping[str, int]) -> Iterator[Wanted]:
        for part, area in enumerate(self._reduction.areas):
            request = ReadPixels(
                request=0,
                path=self._info.path,
                scene=self._scene,
                index=dict(index),
                area=area,
                keep=keeps(self._facts, self.n_planes),
            )
            yield (key, part), request

    def take(self, key: Hashable, pixels: Pixels) -> None:
        """Reduce a part, and add the plane when it was the last."""
        plane_key = _plane_key(key)
        parts = self._parts.setdefault(plane_key, [])
        parts.append(self._reduction.reduce(pixels))
        if len(parts) == len(self._reduction.areas):
            del self._parts[plane_key]
            self.add(plane_key, parts[0] if len(parts) == 1 else np.concatenate(parts))

    def miss(self, key: Hashable, error: Missing) -> None:
        """Remember a plane that is not there; all its parts count once."""
        plane_key = _plane_key(key)
        if plane_key not in self._failed:
            self._failed.add(plane_key)
            self.missing.append(error)


def _plane_key(key: Hashable) -> PlaneKey:
    assert isinstance(key, tuple)
    channel, step = key[0]
    return int(channel), int(step)
