"""The planes of an opened file: all of them are there from the start."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from planecast_agent.subscriber.known_planes import KnownPlanes, Position
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.images import ImageInfo
from planecast_protocol.planes import PlaneSource


class ImagePlanes(KnownPlanes):
    """Maps t, fov, z, channel onto T, scene, Z, C of a file."""

    def __init__(self, info: ImageInfo) -> None:
        self._path = info.path
        self._sizes = [scene.sizes for scene in info.scenes]
        self.n_channels = max(sizes.get("C", 1) for sizes in self._sizes)
        self._n_t = max(sizes.get("T", 1) for sizes in self._sizes)
        self._per_fov = np.array(
            [sizes.get("T", 1) * sizes.get("Z", 1) * sizes.get("C", 1) for sizes in self._sizes],
            dtype=np.int64,
        )

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
        sizes = self._sizes[index.fov]
        wanted = {"T": index.t, "Z": index.z, "C": index.channel}
        return all(value < sizes.get(axis, 1) for axis, value in wanted.items())

    def planes_per_fov(self) -> npt.NDArray[np.int64]:
        """See `KnownPlanes`."""
        return self._per_fov.copy()

    def source(self, index: PlaneIndex) -> PlaneSource:
        """See `KnownPlanes`."""
        if not self.has(index):
            raise KeyError(index)
        sizes = self._sizes[index.fov]
        wanted = {"T": index.t, "Z": index.z, "C": index.channel}
        return PlaneSource(
            path=self._path,
            scene=index.fov,
            index={axis: value for axis, value in wanted.items() if axis in sizes},
        )

    def follow_target(self, _locked: Mapping[str, int]) -> Position | None:
        """See `KnownPlanes`: a file is not followed."""
        return None
