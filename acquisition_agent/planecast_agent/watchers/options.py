"""What a watcher is told when it is started."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from planecast_agent.watchers.description import Description
from planecast_agent.watchers.presets import PRESETS, Preset

SETTLE_S = 2.0


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """How to watch one folder."""

    root: Path
    """Absolute, and without links."""
    presets: tuple[Preset, ...] = PRESETS
    """The layouts to look for, in this order."""
    subfolders: bool | None = None
    """Whether the root's folders are the acquisitions; `None`: find out."""
    existing: Literal["all", "running", "none"] | None = None
    """What to do with acquisitions that are there at the start. `None`: `all` of a root that
    is an acquisition itself, else `running`."""
    poll: bool = False
    given: Description = field(default_factory=Description)
    """What the user says; it counts before what files say."""
    name: str | None = None
    """Of the acquisition; else its folder's."""
    settle_s: float = SETTLE_S
    """How long nothing new may appear until an acquisition that nothing describes is announced."""
    end_after_idle_s: float | None = None
    end_markers: tuple[str, ...] = ()
