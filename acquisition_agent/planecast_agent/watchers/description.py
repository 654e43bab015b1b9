"""What is known of an acquisition before all of its planes are there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from planecast_agent.watchers.found import FoundPlane, channel_key, fov_order, natural_order
from planecast_protocol.errors import AcquisitionError
from planecast_protocol.limits import MAX_CHANNELS, MAX_FOVS


@dataclass(frozen=True, slots=True)
class Description:
    """Names and sizes; `None` and empty where nobody has said."""

    channels: tuple[str, ...] = ()
    fovs: tuple[str, ...] = ()
    num_z: int | None = None
    num_t: int | None = None
    height: int | None = None
    width: int | None = None
    dtype: str | None = None
    pixel_size_um: float | None = None
    z_step_um: float | None = None
    time_interval_s: float | None = None

    def or_else(self, other: "Description") -> "Description":
        """Return this one, with what it does not say taken from another."""
        gaps = {name: getattr(other, name) for name in _NAMES if getattr(self, name) in (None, ())}
        return replace(self, **gaps)

    @property
    def is_certain(self) -> bool:
        """Whether all is known that an announcement fixes."""
        return bool(self.channels and self.fovs and self.num_z and self.height and self.width)


_NAMES = tuple(Description.__dataclass_fields__)


@dataclass
class Extent:
    """What appeared so far: the names, and the largest numbers."""

    channels: dict[str, str] = field(default_factory=dict)
    """Key to the name as it appeared first."""
    fovs: dict[str, None] = field(default_factory=dict)
    num_z: int = 0
    num_t: int = 0

    def add(self, plane: FoundPlane) -> None:
        """Take one plane into account."""
        self.channels.setdefault(channel_key(plane.channel), plane.channel)
        self.fovs.setdefault(plane.fov)
        self.num_z = max(self.num_z, plane.z + 1)
        self.num_t = max(self.num_t, plane.t + 1)


def covering(known: Description, extent: Extent) -> Description:
    """Return a description that holds what is known and all that appeared.

    What nobody announced stands behind what was, in natural order. Raises `AcquisitionError`
    if there is more than one acquisition can have.
    """
    announced = {channel_key(name) for name in known.channels}
    others = (name for key, name in extent.channels.items() if key not in announced)
    channels = (*known.channels, *sorted(others, key=natural_order))
    fovs = _joined(known.fovs, sorted(extent.fovs, key=fov_order))
    if len(channels) > MAX_CHANNELS or len(fovs) > MAX_FOVS:
        raise AcquisitionError(
            f"{len(channels)} channels and {len(fovs)} fovs: an acquisition has at most "
            f"{MAX_CHANNELS} and {MAX_FOVS}. Is the pattern right? See --dry-run"
        )
    num_z = max(known.num_z or 1, extent.num_z)
    num_t = None if known.num_t is None else max(known.num_t, extent.num_t)
    return replace(known, channels=channels, fovs=fovs, num_z=num_z, num_t=num_t)


def _joined(known: Sequence[str], found: Iterable[str]) -> tuple[str, ...]:
    names = set(known)
    return (*known, *(one for one in found if one not in names))
