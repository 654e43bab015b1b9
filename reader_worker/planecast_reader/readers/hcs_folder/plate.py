"""What is known of a plate's folder, whichever instrument wrote it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planecast_protocol.images import ChannelInfo
from planecast_protocol.metadata import Objective, StagePosition

Site = tuple[str, int]
"""Well, and number of the site (field) in it, both as in the names of files."""

_WELL = re.compile(r"([A-Z]+)(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Plate:
    """The files of a plate, and what the files beside them say."""

    folder: Path
    kind: str
    planes: dict[tuple[Site, int, int, str], Path]
    """(site, t, z, channel) to the file that has the plane; not all are on disk."""
    channels: dict[str, ChannelInfo]
    """The instrument's number of a channel to what it is, in order."""
    n_times: int
    n_z: int
    name_of: Callable[[Site, int, int, str], str]
    """Return the name that the file of a plane should have, or a pattern of it."""
    is_picture_of: Callable[[str, str], bool]
    """Tell whether a file name that fits the pattern is a picture of the channel."""
    pixel_size_um: dict[str, float | None]
    objective: Objective | None = None
    microscope: str | None = None
    acquisition_date: str | None = None
    positions: dict[Site, StagePosition] = field(default_factory=dict)
    timestamps_s: dict[Site, list[float]] = field(default_factory=dict)
    vendor: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def late_file(self, site: Site, t: int, z: int, channel: str) -> Path | None:
        """Return the file of a plane that was not there when the folder was looked at."""
        found = self.folder.glob(self.name_of(site, t, z, channel))
        return next((path for path in found if self.is_picture_of(path.name, channel)), None)

    @property
    def sites(self) -> list[Site]:
        """Every site, wells by row and column, A2 before A10."""
        return sorted({key[0] for key in self.planes}, key=_site_order)


def _site_order(site: Site) -> tuple[int, str, int, int]:
    well = _WELL.fullmatch(site[0])
    row, column = (well[1].upper(), int(well[2])) if well else (site[0], 0)
    return len(row), row, column, site[1]


def positive(value: Any) -> float | None:
    """Return a size or magnification; `None` where it is no number, or none that can be."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 1e6 else None
