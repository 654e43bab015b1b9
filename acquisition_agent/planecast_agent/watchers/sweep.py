"""Walks through a folder, to find what nobody told of."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from planecast_agent.watchers.found import natural_order

SLICE_S = 0.05
"""How long one turn may go through files."""
SHARE = 0.02
"""Of the time, that goes into sweeps."""


class Sweeps:
    """Walks through one folder again and again, a slice at a time. Times are monotonic, in s."""

    def __init__(self, folder: Path, least_s: float) -> None:
        """Begin the first. `least_s` is the least pause between two."""
        self._folder = folder
        self._least_s = least_s
        self._paths: Iterator[Path] | None = None
        self._took_s = 0.0
        self._due = 0.0
        self.n_done = 0
        """Sweeps since everything was to be found again."""
        self.begin_anew()

    @property
    def is_going(self) -> bool:
        """Whether one is not at its end."""
        return self._paths is not None

    def begin_anew(self) -> None:
        """Begin one whose files are to be found in the order in which they were written."""
        self._paths, self._took_s, self.n_done = walk(self._folder, by_time=True), 0.0, 0

    def begin(self) -> None:
        """Begin one, unless one is going."""
        if self._paths is None:
            self._paths, self._took_s = walk(self._folder), 0.0

    def restart(self) -> None:
        """Begin one that sees everything from now on."""
        self._paths = None
        self.begin()

    def begin_if_due(self, now: float) -> None:
        """Begin one when the last was long enough ago."""
        if now >= self._due:
            self.begin()

    def slice(self, now: float) -> Iterator[Path]:
        """Yield files for a short time."""
        started = time.monotonic()
        for path in self._paths or ():
            yield path
            if time.monotonic() - started > SLICE_S:
                self._took_s += time.monotonic() - started
                return
        if self._paths is not None:
            self._took_s += time.monotonic() - started
            self._due = now + max(self._least_s, self._took_s / SHARE)
            self._paths = None
            self.n_done += 1


def walk(folder: Path, *, by_time: bool = False) -> Iterator[Path]:
    """Yield the files beneath a folder: its own, then those of its folders in natural order.

    `by_time`: in the order in which they were written, within one folder. Hidden folders and
    links to folders are left out, and what vanishes meanwhile is too.
    """
    files: list[tuple[int, str]] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    if _is_file(entry):
                        files.append((0, entry.name))
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif _is_file(entry):
                    files.append((_mtime_ns(entry) if by_time else 0, entry.name))
    except OSError:
        return
    if by_time:
        files.sort(key=lambda file: (file[0], natural_order(file[1])))
    for _, name in files:
        yield folder / name
    for name in sorted(folders, key=natural_order):
        yield from walk(folder / name, by_time=by_time)


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _mtime_ns(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat().st_mtime_ns
    except OSError:
        return 0
