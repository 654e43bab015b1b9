"""What the simulated controller acquires, and in which order."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planecast_protocol.axes import PlaneIndex


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to acquire."""

    out: Path
    agent: str | None = None
    planes: int = 0
    """0: until stopped, or until `max_mb` are written."""
    rate: float = 10.0
    """Planes per second."""
    wells: tuple[str, ...] = ("A1", "A2")
    fovs: int = 2
    """Per well."""
    num_z: int = 5
    channels: tuple[str, ...] = ("BF", "DAPI", "GFP")
    size: int = 1024
    """Height and width of a plane in pixels."""
    seed: int = 0
    cell: int = 8
    """Pixels per bit of the mark that says which plane it is."""
    max_mb: int = 4000

    @property
    def fov_places(self) -> list[tuple[str, int]]:
        """(well, number in the well) of each fov."""
        return [(well, fov) for well in self.wells for fov in range(self.fovs)]

    def indices(self) -> Iterator[PlaneIndex]:
        """Yield the planes in the order in which they are acquired."""
        fovs, channels = range(len(self.fov_places)), range(len(self.channels))
        most = self.max_mb * 1_000_000 // (2 * self.size**2)
        every = (
            PlaneIndex(t, fov, z, channel)
            for t in itertools.count()
            for fov, z, channel in itertools.product(fovs, range(self.num_z), channels)
        )
        return itertools.islice(every, min(self.planes, most) if self.planes else most)

    def path(self, index: PlaneIndex) -> Path:
        """Return the plane's file: `t/A1_0_2_DAPI.tiff` holds fov 0 of well A1 at z = 2."""
        well, fov = self.fov_places[index.fov]
        channel = self.channels[index.channel]
        return self.out.absolute() / str(index.t) / f"{well}_{fov}_{index.z}_{channel}.tiff"
