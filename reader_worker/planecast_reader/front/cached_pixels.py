"""What the front remembers of a plane that lies in the arena."""

from typing import NamedTuple

from planecast_protocol.planes import DtypeName, PlaneStatistics, Shape
from planecast_reader.signature import Signature


class CachedPixels(NamedTuple):
    """What the arena's slot holds."""

    wire_path: str
    shape: Shape
    dtype: DtypeName
    nbytes: int
    signature: Signature
    checked: bool
    """Read for a running acquisition, so it is known not to be half written."""
    statistics: PlaneStatistics | None
