"""Where the next step will probably lead: there planes are read ahead."""

from planecast_agent.subscriber.known_planes import Position
from planecast_viewer.extents import Extents

AHEAD = 4
"""Pictures that are read ahead while one axis plays."""
STEPS = (("z", 1), ("z", -1), ("t", 1), ("t", -1), ("fov", 1))


def likely_next(position: Position, heading: str | None, extents: Extents) -> list[Position]:
    """Return positions, the likeliest first; `heading` is the axis along which the next will go."""
    if heading is not None:
        length = getattr(extents, heading)
        start = getattr(position, heading)
        ahead = [(start + by) % length for by in range(1, AHEAD + 1)]
        return [position._replace(**{heading: value}) for value in ahead]
    near = (position._replace(**{axis: getattr(position, axis) + by}) for axis, by in STEPS)
    return [neighbour for neighbour in near if min(neighbour) >= 0]
