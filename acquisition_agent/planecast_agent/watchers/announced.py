"""An acquisition that was announced: what it holds, and planes of files as planes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from planecast_agent.watchers.description import Description
from planecast_agent.watchers.found import FoundPlane, channel_key

PlaneKey = tuple[int, int, int, int]
"""t, fov, z, channel, as in `PlaneIndex`."""

FileState = tuple[int | None, int | None]
"""Size and mtime in ns, where they are known."""


class Publisher(Protocol):
    """What is needed of `planecast_agent.acquisition.Acquisition`."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def alarm(self) -> str: ...  # noqa: D102
    @property
    def undelivered(self) -> int: ...  # noqa: D102
    def register_image(  # noqa: D102
        self, t: int, fov_idx: int, z: int, channel: str | int, filepath: str, *,
        page: int | None = None, scene: int = 0, index: Mapping[str, int] | None = None,
        size_bytes: int | None = None, mtime_ns: int | None = None,
    ) -> None: ...  # fmt: skip
    def end(self, status: Literal["done", "aborted"] = "done", reason: str = "") -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


StartOne = Callable[[str, Description], Publisher]
"""Announces an acquisition of this name."""


class Places:
    """Names in files to places of an acquisition."""

    def __init__(self, description: Description) -> None:
        self._num_z = description.num_z or 1
        self._fovs = {label: number for number, label in enumerate(description.fovs)}
        self._channels = {
            channel_key(name): number for number, name in enumerate(description.channels)
        }

    def key(self, plane: FoundPlane) -> PlaneKey | None:
        """Return a plane's index; `None` if the acquisition does not hold it."""
        fov = self._fovs.get(plane.fov)
        channel = self._channels.get(channel_key(plane.channel))
        if fov is None or channel is None or plane.z >= self._num_z:
            return None
        return plane.t, fov, plane.z, channel


@dataclass
class Announced:
    """One acquisition. Belongs to the watcher's thread."""

    publisher: Publisher
    description: Description
    known: dict[PlaneKey, FileState] = field(default_factory=dict)
    """Planes that were registered before we were restarted."""
    n_registered: int = 0

    def __post_init__(self) -> None:
        self._places = Places(self.description)

    def key(self, plane: FoundPlane) -> PlaneKey | None:
        """See `Places`."""
        return self._places.key(plane)

    def register(self, plane: FoundPlane, key: PlaneKey) -> None:
        """Announce the plane, unless it was announced as it is before a restart."""
        before = self.known.pop(key, None)
        if before is not None and before in ((plane.size_bytes, plane.mtime_ns), (None, None)):
            return
        t, fov, z, channel = key
        self.publisher.register_image(
            t, fov, z, channel, str(plane.path),
            page=plane.page, scene=plane.scene, index=plane.index,
            size_bytes=plane.size_bytes, mtime_ns=plane.mtime_ns,
        )  # fmt: skip
        self.n_registered += 1
