"""Which planes are kept: of the shown fov, along time, z, or both."""

from collections.abc import Iterable
from dataclasses import dataclass

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.stack_order import StackOrder
from planecast_viewer.canvas.compositing import Lut
from planecast_viewer.keep.movie import MoviePicture
from planecast_viewer.planes import PlaneKey, WantedPlane
from planecast_viewer.session import Session


@dataclass(frozen=True)
class Choice:
    """Axes that are taken whole; of the others what is shown."""

    along_t: bool = False
    along_z: bool = False

    def positions(self, session: Session) -> list[Position]:
        """Return them, z fastest."""
        shown, extents = session.shown, session.extents
        all_t = range(extents.t) if self.along_t else [shown.t]
        all_z = range(extents.z) if self.along_z else [shown.z]
        return [Position(t, shown.fov, z) for t in all_t for z in all_z]


def plane_at(session: Session, position: Position, channel: int) -> WantedPlane | None:
    """Return a plane as it may be asked for; `None`: it is not there."""
    index = position.plane(channel)
    if session.planes is None or session.facts is None or not session.planes.has(index):
        return None
    revision = session.planes.revision(index)
    key = PlaneKey(session.facts.identity, index, revision)
    return WantedPlane(key, session.planes.source(index), session.running)


def stack_order(session: Session, choice: Choice, out: str) -> StackOrder:
    """Return the order for the visible channels of what is chosen."""
    facts = session.facts
    assert facts is not None
    channels = session.visible_channels()
    planes = []
    for position in choice.positions(session):
        for channel in channels:
            plane = plane_at(session, position, channel)
            planes.append(None if plane is None else plane.source)
    return StackOrder(
        out=out,
        worker=session.worker_in_use or None,
        num_t=session.extents.t if choice.along_t else 1,
        num_z=session.extents.z if choice.along_z else 1,
        channels=[facts.channels[channel].name for channel in channels],
        planes=planes,
        pixel_size_um=facts.pixel_size_um,
        z_step_um=facts.z_step_um,
    )


def movie_pictures(session: Session, axis: str, luts: dict[int, Lut]) -> tuple[MoviePicture, ...]:
    """Return the pictures along an axis, composed of the channels in `luts`.

    With the brightest of all z shown, so it is in the movie.
    """
    length = getattr(session.extents, axis)
    return tuple(
        _picture(session, session.shown._replace(**{axis: value}), luts) for value in range(length)
    )


def _picture(session: Session, position: Position, luts: dict[int, Lut]) -> MoviePicture:
    zs: Iterable[int] = range(session.extents.z) if session.projection.on else [position.z]
    stacks = []
    for channel, lut in luts.items():
        planes = (plane_at(session, position._replace(z=z), channel) for z in zs)
        stacks.append((tuple(plane for plane in planes if plane is not None), lut))
    return MoviePicture(session.describe(position), tuple(stacks))
