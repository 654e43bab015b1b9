"""Where viewers are asked to look: the value of the state `navigate`."""

import msgspec

from planecast_protocol.axes import Count
from planecast_protocol.base import AcquisitionId, Name

NAVIGATE = "navigate"
"""Name of the state value that viewers obey, once for each value."""


class Move(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A position to show. Axes that are left out stay where they are."""

    number: Count
    """Counts the moves of its controller: the same place again is another move."""
    acquisition: AcquisitionId | None = None
    """The one that is meant; `None`: whichever is shown."""
    fov: Count | None = None
    label: Name | None = None
    """Of the fov, such as `A1:0`, in the place of its number."""
    t: Count | None = None
    z: Count | None = None
