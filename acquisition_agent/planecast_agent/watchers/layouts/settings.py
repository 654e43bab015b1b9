"""What a controller's own files say of an acquisition, read again while they are incomplete."""

import time
from collections.abc import Callable
from pathlib import Path

from planecast_agent.watchers.description import Description

AGAIN_AFTER_S = 0.5

ReadSettings = Callable[[Path], Description]


class Settings:
    """The settings of one folder. Belongs to the watcher's thread."""

    def __init__(self, read: ReadSettings | None) -> None:
        self._read = read
        self._known = Description()
        self._regions: frozenset[str] = frozenset()
        self._next_read = 0.0

    def get(self, folder: Path) -> Description:
        """Return what is known by now."""
        known = self._known
        is_complete = known.channels and known.fovs and known.num_z
        if self._read is not None and not is_complete and time.monotonic() >= self._next_read:
            self._known = self._read(folder)
            self._regions = frozenset(one.rpartition(":")[0] for one in self._known.fovs)
            self._next_read = time.monotonic() + AGAIN_AFTER_S
        return self._known

    def regions(self, folder: Path) -> frozenset[str]:
        """Return the names of the regions, by which names of files can be split."""
        self.get(folder)
        return self._regions
