"""Which zarr store, and which index in it, a plane is at."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import accumulate
from pathlib import PurePath

from planecast_agent.adapters.place import Place, chosen


class Stores(ABC):
    """The stores of one acquisition."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths

    @property
    def name(self) -> str:
        """The acquisition's name: the folder in which `zarr`, or the plate, is."""
        parents = PurePath(self._paths[0]).parents
        for parent in parents:
            if parent.name == "zarr" or parent.name.endswith(".zarr"):
                return parent.parent.name
        return parents[0].name

    @abstractmethod
    def flat_fov(self, fov: int, region: int) -> int:
        """Return the fov's number in the acquisition."""

    @abstractmethod
    def place(self, t: int, fov: int, z: int, channel: int, region: int) -> Place | None:
        """Return where the plane is; `None` if there is no store for it."""


class FovStores(Stores):
    """One store a fov, axes T, C, Z, Y, X."""

    def flat_fov(self, fov: int, region: int) -> int:  # noqa: ARG002 - stores know no regions
        """Return the fov itself."""
        return fov

    def place(
        self,
        t: int,
        fov: int,
        z: int,
        channel: int,
        region: int,  # noqa: ARG002 - as above
    ) -> Place | None:
        """Return the plane's place in its fov's store."""
        if not 0 <= fov < len(self._paths):
            return None
        return Place(self._paths[fov], index=chosen({"T": t, "C": channel, "Z": z}))


class RegionStores(Stores):
    """One store a region, axes FOV, T, C, Z, Y, X."""

    def __init__(self, paths: Sequence[str], fovs_per_region: Sequence[int]) -> None:
        """Raise `ValueError` for lists that are empty or do not fit each other."""
        if not paths:
            raise ValueError("region_paths must not be empty")
        if not fovs_per_region or not all(n > 0 for n in fovs_per_region):
            raise ValueError("fovs_per_region must be non-empty with positive values")
        if len(paths) != len(fovs_per_region):
            raise ValueError(
                f"region_paths length ({len(paths)}) must match "
                f"fovs_per_region length ({len(fovs_per_region)})"
            )
        super().__init__(paths)
        self._n_fovs = fovs_per_region
        self._first_fovs = [0, *accumulate(fovs_per_region)]

    def fov_labels(self, region_labels: Sequence[str] | None) -> list[str]:
        """Return `region:fov` for each fov of all regions."""
        labels = region_labels or [f"region_{number}" for number in range(len(self._paths))]
        return [
            f"{label}:{fov}"
            for label, n_fovs in zip(labels, self._n_fovs, strict=False)
            for fov in range(n_fovs)
        ]

    def flat_fov(self, fov: int, region: int) -> int:
        """Return the fov's number, counted through all regions."""
        return self._first_fovs[region] + fov

    def place(self, t: int, fov: int, z: int, channel: int, region: int) -> Place | None:
        """Return the plane's place in its region's store."""
        if not 0 <= region < len(self._paths) or not 0 <= fov < self._n_fovs[region]:
            return None
        index = chosen({"FOV": fov, "T": t, "C": channel, "Z": z})
        return Place(self._paths[region], index=index)
