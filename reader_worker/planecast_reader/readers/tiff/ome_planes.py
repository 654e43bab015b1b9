"""What OME-XML says of single planes: exposure, time and the stage's position."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from planecast_protocol.metadata import StagePosition
from planecast_reader.readers.tiff.units import MICROMETRES, SECONDS, quantity


@dataclass(frozen=True, slots=True)
class OmePlanes:
    """The `Plane` elements of one image."""

    exposures_ms: dict[int, float] = field(default_factory=dict)
    """By channel, of its first plane that has one."""
    times_s: dict[int, float] = field(default_factory=dict)
    """By time point, the earliest `DeltaT` of its planes."""
    position: StagePosition | None = None
    """Of the first plane that has one."""

    def timestamps_s(self, n_times: int) -> list[float]:
        """Return the time of each point since the first; empty unless all are known."""
        if not 0 < n_times == len(self.times_s):
            return []
        return [self.times_s[t] - self.times_s[0] for t in sorted(self.times_s)]


def read_planes(pixels: ET.Element) -> OmePlanes:
    """Collect from the `Plane` elements; those without valid indices are left out."""
    planes = OmePlanes()
    position: StagePosition | None = None
    for plane in pixels:
        indices = [plane.get(name, "0") for name in ("TheC", "TheT")]
        if plane.tag.rpartition("}")[2] != "Plane" or not all(i.isdecimal() for i in indices):
            continue
        c, t = (int(index) for index in indices)
        exposure_s = quantity(plane, "ExposureTime", SECONDS, "s")
        if exposure_s is not None:
            planes.exposures_ms.setdefault(c, exposure_s * 1e3)
        time_s = quantity(plane, "DeltaT", SECONDS, "s")
        if time_s is not None:
            planes.times_s[t] = min(time_s, planes.times_s.get(t, time_s))
        position = position or _position(plane)
    return OmePlanes(planes.exposures_ms, planes.times_s, position)


def _position(plane: ET.Element) -> StagePosition | None:
    # Without a unit it is in the stage's own, which nobody knows: OME's "reference frame".
    x, y, z = (quantity(plane, f"Position{axis}", MICROMETRES, "reference frame") for axis in "XYZ")
    if x is None and y is None and z is None:
        return None
    return StagePosition(x_um=x, y_um=y, z_um=z)
