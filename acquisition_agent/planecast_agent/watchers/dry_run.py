"""What a watcher would register of the files that are there now."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from planecast_agent.watchers.description import Description, Extent, covering
from planecast_agent.watchers.found import FoundPlane
from planecast_agent.watchers.layouts.layout import SETTLE_S, Layout, is_unfinished
from planecast_agent.watchers.options import WatchOptions
from planecast_agent.watchers.presets import Preset
from planecast_agent.watchers.sweep import walk
from planecast_agent.watchers.watcher import folder_of
from planecast_protocol.errors import ReadError


@dataclass
class Findings:
    """What is in one folder."""

    folder: Path
    preset: Preset
    layout: Layout
    planes: list[FoundPlane] = field(default_factory=list)
    not_whole: list[Path] = field(default_factory=list)
    damaged: dict[Path, str] = field(default_factory=dict)
    unmatched: int = 0
    """Files that the layout does not know."""

    def description(self, given: Description) -> Description:
        """Return what would be announced."""
        extent = Extent()
        for plane in self.planes:
            extent.add(plane)
        return covering(given.or_else(self.layout.description()), extent)


def find(options: WatchOptions) -> list[Findings]:
    """Look at every file beneath the root once, and at doubtful ones a second time."""
    findings: dict[Path, Findings] = {}
    for path in walk(options.root, by_time=True):
        place = folder_of(path, options)
        if place is not None and place[0] not in findings:
            folder, preset = place
            findings[folder] = Findings(folder, preset, preset.open(folder))
    for found in findings.values():
        _look_through(found)
    return list(findings.values())


def _look_through(found: Findings) -> None:
    again = list(_look(found, walk(found.folder, by_time=True)))
    if again:
        # Kinds of files that we can't look into count as whole when they stay the same.
        time.sleep(SETTLE_S)
        found.not_whole = list(_look(found, iter(again)))
    found.planes += found.layout.finish(complete=False).planes


def _look(found: Findings, paths: Iterator[Path]) -> Iterator[Path]:
    """Yield the files that are not whole."""
    for path in paths:
        relative = found.layout.relative(path)
        if not found.layout.claims(relative):
            found.unmatched += not is_unfinished(path.name)
            continue
        try:
            look = found.layout.look(path, time.monotonic())
        except (ReadError, OSError) as trouble:
            found.damaged[path] = str(trouble)
            continue
        found.planes += look.planes
        if look.again:
            yield path
