"""What every layout can do."""

import os
from abc import ABC, abstractmethod
from pathlib import Path

from planecast_agent.watchers.description import Description
from planecast_agent.watchers.found import NOTHING, Look

Signature = tuple[int, int, int]
"""Size, mtime in ns, inode."""

SETTLE_S = 0.2
"""A file of a kind that we can't look into counts as whole when it stayed the same so long."""
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".lock", ".crdownload", ".filepart")


class Layout(ABC):
    """The files of one acquisition. Belongs to the watcher's thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def claims(self, relative: str) -> bool:
        """Tell by its name whether a file is one of this layout. `relative` has "/"."""

    @abstractmethod
    def look(self, path: Path, now: float) -> Look:
        """Return the planes of a file that are new since the last look. `now` is monotonic.

        Raises `ReadError` for a file that is damaged, and `OSError`.
        """

    @abstractmethod
    def description(self) -> Description:
        """Return what the files that were looked at, and those beside them, say so far."""

    @abstractmethod
    def forget(self) -> None:
        """Find everything again from now on."""

    def finish(self, *, complete: bool) -> Look:  # noqa: ARG002 - a default
        """Return what was kept back until the end. `complete`: the controller said it is done."""
        return NOTHING

    def relative(self, path: Path) -> str:
        """Return the path from the folder on."""
        return path.relative_to(self.folder).as_posix()


def is_unfinished(name: str) -> bool:
    """Whether a file's name says that it will be renamed when it is whole."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


def signature_of(path: Path) -> Signature:
    """Return what changes when a file does."""
    stat = os.stat(path)  # noqa: PTH116 - called for every file of every sweep
    return stat.st_size, stat.st_mtime_ns, stat.st_ino
