"""The planes of an opened file: all of them are there from the start."""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from planecast_agent.subscriber.known_planes import KnownPlanes, Position
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.images import ImageInfo
from planecast_protocol.planes import PlaneSource
from planecast_viewer.scene_axes import depth, depth_axis


class ImagePlanes(KnownPlanes):
    """Maps t, fov, z, channel onto T, scene, Z (or what takes its place), C of a file."""

    def __init__(self, info: ImageInfo) -> None:
        self._path = info.path
        self._sizes = [scene.sizes for scene in info.scenes]
        self.n_channels = max(sizes.get("C", 1) for sizes in self._sizes)
        self._lengths = [(s.get("T", 1), depth(s), s.get("C", 1)) for s in self._sizes]
        self._axes = [("T", depth_axis(sizes), "C") for sizes in self._sizes]
        self._n_t = max(sizes.get("T", 1) for sizes in self._sizes)
        self._per_fov = np.array([math.prod(lengths) for lengths in self._lengths], dtype=np.int64)

    @property
    def n_planes(self) -> int:
        """See `KnownPlanes`."""
        return int(self._per_fov.sum())

    @property
    def n_t(self) -> int:
        """See `KnownPlanes`."""
        return self._n_t

    @property
    def newest(self) -> Position | None:
        """See `KnownPlanes`."""
        return Position(0, 0, 0)

    def has(self, index: PlaneIndex) -> bool:
        """See `KnownPlanes`."""
        if index.fov >= len(self._sizes):
            return False
        wanted = (index.t, index.z, index.channel)
        lengths = self._lengths[index.fov]
        return all(value < length for value, length in zip(wanted, lengths, strict=True))

    def planes_per_fov(self) -> npt.NDArray[np.int64]:
        """See `KnownPlanes`."""
        return self._per_fov.copy()

    def source(self, index: PlaneIndex) -> PlaneSource:
        """See `KnownPlanes`."""
        if not self.has(index):
            raise KeyError(index)
        sizes = self._sizes[index.fov]
        wanted = zip(self._axes[index.fov], (index.t, index.z, index.channel), strict=True)
        return PlaneSource(
            path=self._path,
            scene=index.fov,
            index={axis: value for axis, value in wanted if axis in sizes},
        )

    def follow_target(self, _locked: Mapping[str, int]) -> Position | None:
        """See `KnownPlanes`: a file is not followed."""
        return None
