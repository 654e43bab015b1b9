"""Watches one folder: finds the acquisitions in it, and gives each its turn."""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from planecast_agent.watchers.changes import Changes
from planecast_agent.watchers.folder_watch import FolderWatch, turn_or_explain
from planecast_agent.watchers.found import natural_order
from planecast_agent.watchers.memory import Memory
from planecast_agent.watchers.mounts import network_kind
from planecast_agent.watchers.options import WatchOptions
from planecast_agent.watchers.presets import Preset
from planecast_agent.watchers.report import Report
from planecast_agent.watchers.sweep import walk
from planecast_protocol.errors import PlanecastError

MAX_DEPTH = 2
"""How far below the root the folders of acquisitions are looked for."""
MAX_PEEKS = 2000
"""Files of a folder that are looked at to tell what it is."""
DISCOVERY_S = 2.0
POLL_S = 0.2
"""A turn at least so often."""
FRESH_S = 3600.0
"""An unfinished acquisition that was not touched for so long is not running."""

OpenFolder = Callable[[Path, Preset], FolderWatch]


class Watcher:
    """One root. Made, run and closed in one thread; `stop` and `leave` may be called by any."""

    def __init__(
        self, options: WatchOptions, open_folder: OpenFolder, memory: Memory, report: Report
    ) -> None:
        """Begin to listen. Raises `PlanecastError` if the folder can't be watched."""
        self._options = options
        self._open_folder = open_folder
        self._memory = memory
        self._report = report
        self._stopping = threading.Event()
        self._is_leaving = False
        self._is_first_look = True
        """What is found now was there before us."""
        self._folders: dict[Path, FolderWatch] = {}
        self._left_out: set[Path] = set()
        self._known: set[Path] = set()
        """Folders in the root that belong to an acquisition."""
        self._discover_at = 0.0
        if not options.root.is_dir():
            raise PlanecastError(f"{options.root}: no such folder; give one that is there")
        memory.claim(options.root)
        self._changes = self._listen()

    @property
    def folders(self) -> list[FolderWatch]:
        """The acquisitions so far."""
        return list(self._folders.values())

    def stop(self) -> None:
        """End `run`; every acquisition ends as done. For any thread, and signal handlers."""
        self._stopping.set()

    def leave(self) -> None:
        """End `run`; acquisitions stay open, and the next watcher goes on with them."""
        self._is_leaving = True
        self._stopping.set()

    def run(self) -> None:
        """Watch until `stop` or `leave` is called."""
        self.turn()
        while not self._stopping.is_set():
            self.turn()
        for folder in [] if self._is_leaving else self.folders:
            folder.end(time.monotonic())

    def turn(self) -> None:
        """Wait a little for changes, and do what is due."""
        now = time.monotonic()
        wait_s = min((one.next_turn_s for one in self._folders.values()), default=POLL_S)
        wait_s = min(wait_s, POLL_S, max(self._discover_at - now, 0.0))
        for path in sorted(self._next_changes(wait_s), key=_by_time):
            self._route(path, time.monotonic())
        now = time.monotonic()
        if now >= self._discover_at:
            self._discover(now)
        for folder in self.folders:
            turn_or_explain(folder, now, self._report)
        self._show_status(now)

    def close(self) -> None:
        """Stop listening, and let go of what is not ended. May be called twice."""
        if self._changes is not None:
            self._changes.close()
        for folder in self.folders:
            folder.close()
        self._memory.close()

    # ------------------------------------------------------------ changes

    def _listen(self) -> Changes | None:
        root, kind = self._options.root, network_kind(self._options.root)
        how = "told by the system"
        changes = None
        if self._options.poll or kind is not None:
            how = f"looking again and again{f', it lies on a share ({kind})' if kind else ''}"
        else:
            changes = Changes(root)
        self._report.tell("watching", f"{root}: watching, {how}", folder=str(root), how=how)
        return changes

    def _next_changes(self, wait_s: float) -> set[Path]:
        if self._changes is None:
            self._stopping.wait(wait_s)
            return set()
        changed = self._changes.next(wait_s)
        if self._changes.trouble:
            self._listen_again(self._changes)
        elif self._changes.missed.is_set():
            self._changes.missed.clear()
            self._sweep_all()
        return changed

    def _listen_again(self, broken: Changes) -> None:
        """Begin anew where it worked for a while (an odd file name ends it); else look."""
        broken.close()
        self._sweep_all()
        self._changes = Changes(self._options.root) if broken.has_worked else None
        if self._changes is None:
            self._report.tell(
                "warning",
                f"{self._options.root}: the system can't tell of changes ({broken.trouble}); "
                "looking again and again instead",
            )

    def _sweep_all(self) -> None:
        for folder in self._folders.values():
            folder.sweep_soon()

    def _route(self, path: Path, now: float) -> None:
        """Give a path to the acquisition that it belongs to."""
        if path.is_dir():
            # What was in it before we listened there, nobody told.
            if self._watch_of(path) is None:
                self._discover_at = now
                return
            for inside in walk(path):
                self._route(inside, now)
            return
        watch = self._watch_of(path)
        is_its_own = watch is not None and (
            watch.layout.claims(watch.layout.relative(path)) or path.parent == watch.folder
        )
        if not is_its_own and not self._is_left_out(path):
            watch = self._claim(path) or watch
        if watch is not None:
            watch.changed(path, now)

    def _watch_of(self, path: Path) -> FolderWatch | None:
        for folder in (path, *path.parents):
            if folder in self._folders:
                return self._folders[folder]
            if folder == self._options.root:
                break
        return None

    def _is_left_out(self, path: Path) -> bool:
        return not self._left_out.isdisjoint(path.parents)

    # ------------------------------------------------------------ acquisitions

    def _claim(self, path: Path) -> FolderWatch | None:
        """Begin an acquisition if a layout knows the file."""
        place = folder_of(path, self._options)
        if place is None:
            return None
        return self._folders.get(place[0]) or self._open(*place)

    def _open(self, folder: Path, preset: Preset) -> FolderWatch | None:
        is_old = self._is_first_look and not self._is_wanted(folder, preset)
        if is_old:
            self._left_out.add(folder)
            self._report.tell(
                "found", f"{folder}: not running, left out (--existing all takes it)",
                folder=str(folder),
            )  # fmt: skip
            return None
        try:
            watch = self._folders[folder] = self._open_folder(folder, preset)
        except PlanecastError as trouble:
            self._left_out.add(folder)
            self._report.tell("warning", str(trouble), folder=str(folder))
            return None
        return watch

    def _is_wanted(self, folder: Path, preset: Preset) -> bool:
        """Whether an acquisition that was there before us is to be registered."""
        how = self._options.existing or ("all" if folder == self._options.root else "running")
        if how != "running":
            return how == "all"
        markers = (*preset.end_markers, *self._options.end_markers)
        remembered = self._memory.load(folder)
        if any(next(folder.glob(marker), None) for marker in markers):
            return False
        if remembered is not None:
            return not remembered.ended
        newest = max((_mtime_s(path) for path in (folder, *folder.iterdir())), default=0.0)
        # The file system's clock against ours: only here, where an hour does not matter.
        return time.time() - newest < FRESH_S

    def _discover(self, now: float) -> None:
        """Look for acquisitions that nobody told of."""
        started = time.monotonic()
        self._peek(self._options.root)
        self._is_first_look = False
        self._discover_at = now + max(DISCOVERY_S, 50 * (time.monotonic() - started))

    def _peek(self, root: Path) -> None:
        """Look at files of the root, and of each folder in it that is not known yet."""
        files, folders = _inside(root)
        if root not in self._folders:
            self._claim_one_of(root / name for name in files)
        if self._options.subfolders is False and root in self._folders:
            return
        for name in folders:
            folder = root / name
            if root in self._left_out:
                return
            if folder in self._known or folder in self._left_out:
                continue
            if self._claim_one_of(walk(folder)):
                self._known.add(folder)

    def _claim_one_of(self, paths: Iterable[Path]) -> bool:
        """Begin the acquisition of the first files that belong to one."""
        for path in itertools.islice(paths, MAX_PEEKS):
            if self._claim(path) is not None:
                return True
            if self._is_left_out(path):
                return False
        return False

    def _show_status(self, now: float) -> None:
        planes = sum(one.n_planes for one in self._folders.values())
        waiting = sum(one.n_waiting for one in self._folders.values())
        undelivered = sum(one.undelivered for one in self._folders.values())
        running = sum(one.state in ("running", "finishing") for one in self._folders.values())
        sentence = f"{running} running, {planes} planes, {waiting} files not whole"
        if undelivered:
            sentence += f", {undelivered} events not at the agent yet"
        self._report.status(
            now, sentence, running=running, planes=planes, waiting=waiting, undelivered=undelivered
        )


def _inside(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of files and folders in a folder, without the hidden ones."""
    files: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    is_folder = entry.is_dir(follow_symlinks=False)
                    (folders if is_folder else files).append(entry.name)
    except OSError:
        return [], []
    return sorted(files, key=natural_order), sorted(folders, key=natural_order)


def _by_time(path: Path) -> tuple[float, list[tuple[int, int, str]]]:
    return _mtime_s(path), natural_order(path.name)


def _mtime_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def folder_of(path: Path, options: WatchOptions) -> tuple[Path, Preset] | None:
    """Return which folder is the acquisition that a file belongs to, and its layout."""
    if not path.is_relative_to(options.root):
        return None
    parts = path.relative_to(options.root).parts
    for depth in _depths(options):
        relative = "/".join(parts[depth:])
        for preset in options.presets if relative else ():
            if preset.claims(relative):
                return options.root.joinpath(*parts[:depth]), preset
    return None


def _depths(options: WatchOptions) -> range:
    """Return how far below the root the folder of an acquisition may be."""
    if options.subfolders is not None:
        return range(1, MAX_DEPTH + 1) if options.subfolders else range(1)
    is_pattern = options.presets[0].name == "pattern"
    return range(1 if is_pattern else MAX_DEPTH + 1)
