"""The viewer against the clock: real processes, and pictures read from the screen of an X server.

Agent, reader worker and viewer are the real ones, and this process is the controller. The
window is on a virtual display of its own, drawn by the raster canvas. What each figure is, is
written in docs/viewer-speed.md.
"""

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.viewing import PARTS
from benchmarks.viewing.pictures import CHANNELS, FOLDER_PLANES, Pictures
from benchmarks.viewing.site import Site, WatchedViewer, cell_px, microscope
from benchmarks.viewing.starts import starts
from planecast.demo.display import virtual_display
from planecast_agent.subscriber.known_planes import Position

SIZE = 2048
WINDOW = (900, 830)
GIVE_UP_MS = 5000.0
"""As in `benchmarks.viewing.moves`, which needs Qt."""
KEPT_PLANES = 12
"""So many the viewer surely keeps."""
PAUSE_S = (0.09, 0.13)
"""Between two images that are registered one at a time: out of step with every timer."""

Figures = dict[str, Any]


def measure(*, quick: bool = False, only: Sequence[str] = PARTS) -> Figures:
    """Return the figures of these parts by name. `quick` takes 50 s."""
    return Run(quick=quick, only=only).measure()


class Amounts:
    """How much is measured."""

    def __init__(self, *, quick: bool, tiny: bool = False) -> None:
        self.starts = 1 if quick else 5
        self.opened = 2 if quick else 9
        self.one_channel = 22 if quick else 150
        self.three_channels = 16 if quick else 100
        self.flow_s = 2.0 if quick else 10.0
        self.jumps = 12 if quick else 60
        self.drags = 2 if quick else 9
        self.fovs, self.z = 16 if quick else 96, 80 if quick else 100
        self.browsed_planes = 1000
        self.updates = 0 if quick else 10_000
        self.folder_planes, self.size = FOLDER_PLANES, SIZE
        if tiny:
            self.starts = self.opened = self.drags = 1
            self.one_channel = self.three_channels = self.jumps = 3
            self.flow_s, self.fovs, self.z = 0.3, 6, 12
            self.browsed_planes, self.updates = 60, 20
            self.folder_planes, self.size = 300, 256


class Run:
    """One run: a folder, a display, and the figures so far."""

    def __init__(
        self, *, quick: bool = False, tiny: bool = False, only: Sequence[str] = PARTS
    ) -> None:
        self._amounts = Amounts(quick=quick or tiny, tiny=tiny)
        self._only = frozenset(only)
        self._random = random.Random(1)
        self._seconds: dict[str, float] = {}
        self.figures: Figures = {}

    def measure(self) -> Figures:
        """Measure all, and end all that was started."""
        began, load = time.monotonic(), os.getloadavg()[0]
        # The path of a socket must be short.
        with virtual_display() as display, tempfile.TemporaryDirectory(prefix="pcv") as name:
            folder = Path(name)
            progress("writing files")
            self._pictures = Pictures(folder, self._amounts.size)
            site = Site(folder, display)
            try:
                site.start()
                if self._only != {"starts"}:
                    progress("the viewer")
                    self._watch(site)
                if "starts" in self._only:
                    progress("starting windows")
                    with self._timed("starts"):
                        self.figures |= starts(site, self._amounts.starts)
            finally:
                site.close()
        self.figures["load_before"] = round(load, 1)
        self.figures["seconds_of_parts"] = self._seconds
        self.figures["seconds"] = round(time.monotonic() - began, 1)
        return self.figures

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._seconds[part] = round(time.monotonic() - began, 1)

    def _watch(self, site: Site) -> None:
        viewer = WatchedViewer(site, WINDOW, cell_px(self._amounts.size))
        try:
            before = viewer.rss_mb(), viewer.private_mb()
            for part, what, measure_part in (
                ("open", "a folder of 3,000 files", lambda: self._open(viewer)),
                ("save", "saving", lambda: self._save(site, viewer)),
                ("register", "images one at a time", lambda: self._register(site, viewer)),
                ("stall", "20 and 200 images a second", lambda: self._stall(site, viewer)),
                ("look", "looking around", lambda: self._look_around(site, viewer, before)),
            ):
                if part in self._only:
                    progress(what)
                    with self._timed(part):
                        self.figures |= measure_part()
            counts = viewer.do("counts")
            for example in counts.pop("wrong_examples"):
                progress(f"a wrong picture: expected {example}")
            self.figures |= {
                f"pictures_{name}": counts.pop(name) for name in ("wrong", "unread")
            } | counts
        finally:
            viewer.close()

    def _open(self, viewer: WatchedViewer) -> Figures:
        """Open folders, each for the first time."""
        found = []
        for _ in range(self._amounts.opened):
            folder = self._pictures.acquisition_folder(self._amounts.folder_planes)
            found.append(viewer.do("open", path=str(folder)))
        times = sorted(one["s"] for one in found)
        return {
            "open_3000_s": round(statistics.median(times), 3),
            "open_3000_worst_s": round(times[-1], 3),
            "open_3000_stall_ms": max(one["max"] for one in found),
        }

    def _save(self, site: Site, viewer: WatchedViewer) -> Figures:
        """Save what is shown, in each way; where one is not possible, say why."""
        if "open" not in self._only:
            self._open(viewer)
        show_channels(viewer, 1)
        stalls: Figures = {}
        for kind, name in (("picture", "p.png"), ("planes", "p.ome.tif"), ("movie", "p.mp4")):
            found = viewer.do("save", kind=kind, path=str(site.folder / name))
            saved = found["said"].startswith("saved")
            stalls[kind] = found["max"] if saved else found["said"]
        show_channels(viewer, len(CHANNELS))
        return {"save_stall_ms": stalls}

    def _register(self, site: Site, viewer: WatchedViewer) -> Figures:
        one = self._one_at_a_time(site, viewer, 1, self._amounts.one_channel)
        three = self._one_at_a_time(site, viewer, 3, self._amounts.three_channels)
        return {"register_to_shown_ms": {"one_channel": one, "three_channels": three}}

    def _one_at_a_time(
        self, site: Site, viewer: WatchedViewer, n_channels: int, n_images: int
    ) -> Figures:
        """Register complete positions with pauses, while the newest is followed."""
        with microscope(site, self._pictures, n_channels=n_channels) as scope:
            positions = scope.prepare(2 + n_images)
            viewer.do("choose", acquisition=scope.acquisition.id)
            began = {}
            for position in positions:
                began[position] = scope.register(position)
                time.sleep(self._random.uniform(*PAUSE_S))
            seen = _first_seen(viewer.do("log"))
        # The first two make the window's rows of controls and lay it out.
        took = [1000 * (seen[p] - began[p]) for p in positions[2:] if p in seen]
        return {**percentiles(took, 50, 95), "skipped": n_images - len(took)}

    def _stall(self, site: Site, viewer: WatchedViewer) -> Figures:
        return {"stall_ms": {f"at_{rate}": self._flow(site, viewer, rate) for rate in (20, 200)}}

    def _flow(self, site: Site, viewer: WatchedViewer, images_per_s: int) -> Figures:
        """Register a 3-channel acquisition at a steady pace, while the newest is followed."""
        n_positions = round(images_per_s * self._amounts.flow_s / len(CHANNELS))
        with microscope(site, self._pictures, n_fovs=8, n_z=5, n_channels=3) as scope:
            positions = scope.prepare(3 + n_positions // 40)[: 5 + n_positions]
            viewer.do("choose", acquisition=scope.acquisition.id)
            # A plate and its rows of controls are laid out once, when an acquisition begins.
            scope.register_paced(positions[:5], images_per_s)
            time.sleep(0.3)
            viewer.do("log")
            viewer.do("heartbeat", on=True)
            scope.register_paced(positions[5:], images_per_s)
            time.sleep(0.1)
            gaps: Figures = viewer.do("heartbeat", on=False)
            shown = len({tuple(entry[:3]) for entry in viewer.do("log")})
        gaps["shown_per_s"] = round(shown / self._amounts.flow_s, 1)
        return gaps

    def _look_around(
        self, site: Site, viewer: WatchedViewer, before: tuple[float, float]
    ) -> Figures:
        """Go back and forth in an acquisition of many planes."""
        amounts = self._amounts
        figures: Figures = {}
        with microscope(
            site, self._pictures, n_fovs=amounts.fovs, n_z=amounts.z, n_channels=3
        ) as scope:
            positions = scope.prepare(1)
            viewer.do("choose", acquisition=scope.acquisition.id)
            viewer.do("follow", on=False)
            for position in positions:
                scope.register(position)
            viewer.do("registered", n_planes=len(positions) * len(CHANNELS))
            progress("other fields of view")
            figures["fov_switch_ms"] = self._switch(viewer, 1)
            figures["fov_switch_3_channels_ms"] = self._switch(viewer, 3)
            progress("dragging")
            for n_channels, name in ((1, "scrub_last_ms"), (3, "scrub_last_3_channels_ms")):
                figures |= self._drag(viewer, n_channels, name)
            progress("browsing")
            self._browse(viewer, positions)
            figures["rss_growth_mb"] = round(viewer.rss_mb() - before[0])
            figures["private_growth_mb"] = round(viewer.private_mb() - before[1])
            if self._amounts.updates:
                progress("many updates")
                figures |= self._update(viewer, positions)
        return figures

    def _switch(self, viewer: WatchedViewer, n_channels: int) -> Figures:
        """Go to fields of view in no order: first read by nobody, then known to the viewer."""
        show_channels(viewer, n_channels)
        # Somewhere that was not looked at with fewer channels.
        viewer.do("jumps", axis="z", values=[2 + 2 * n_channels], pause_ms=100)
        here = viewer.do("where")[1]
        order = [fov for fov in range(self._amounts.fovs) if fov != here]
        self._random.shuffle(order)
        took = viewer.do("jumps", axis="fov", values=order[: self._amounts.jumps], pause_ms=40)
        # What the viewer keeps: the last that was shown is on the screen, and no step away.
        known = order[: self._amounts.jumps][-1 - KEPT_PLANES // n_channels : -1]
        again = viewer.do("jumps", axis="fov", values=known, pause_ms=40)
        return {"page_cache": percentiles(took, 50, 95), "cached": percentiles(again, 50, 95)}

    def _drag(self, viewer: WatchedViewer, n_channels: int, name: str) -> Figures:
        """Drag over z, in fields of view where nobody was."""
        show_channels(viewer, n_channels)
        took = []
        for fov in range(self._amounts.drags):
            viewer.do("jumps", axis="fov", values=[2 * fov + (n_channels == 3)], pause_ms=50)
            viewer.do("jumps", axis="z", values=[0], pause_ms=100)
            last_ms = viewer.do("drag", axis="z", values=list(range(1, self._amounts.z)))
            took.append(GIVE_UP_MS if last_ms is None else last_ms)
        return {name: round(statistics.median(took), 1), f"{name}_worst": round(max(took), 1)}

    def _browse(self, viewer: WatchedViewer, positions: Sequence[Position]) -> None:
        """Look at planes until there were a thousand."""
        show_channels(viewer, 3)
        missing = self._amounts.browsed_planes - viewer.do("counts")["planes"]
        n_positions = max(0, -(-missing // 3))
        ordered = [p for p in positions if p.z % 2]
        viewer.do("browse", positions=ordered[:n_positions])

    def _update(self, viewer: WatchedViewer, positions: Sequence[Position]) -> Figures:
        """Show some positions again and again."""
        show_channels(viewer, 1)
        half = self._amounts.updates // 2
        rss_mb = []
        for _ in range(2):
            viewer.do("browse", positions=[positions[n % 10] for n in range(half)])
            rss_mb.append(viewer.rss_mb())
        return {"updates": 2 * half, "update_growth_mb": round(rss_mb[1] - rss_mb[0], 1)}


def show_channels(viewer: WatchedViewer, n_channels: int) -> None:
    """Show so many channels, and hide the others."""
    viewer.do("channels", visible=[number < n_channels for number in range(len(CHANNELS))])


def _first_seen(log: Sequence[Sequence[float]]) -> dict[Position, float]:
    seen: dict[Position, float] = {}
    for t, fov, z, at in log:
        seen.setdefault(Position(int(t), int(fov), int(z)), at)
    return seen


def percentiles(values: Sequence[float | None], *percents: int) -> Figures:
    """Return percentiles, to a tenth, and the largest; of nothing, nothing.

    What did not come onto the screen at all counts with the time after which that was given up.
    """
    ordered = sorted(GIVE_UP_MS if value is None else value for value in values)
    if not ordered:
        return {}
    last = len(ordered) - 1
    places = {f"p{percent}": round(last * percent / 100) for percent in percents}
    figures = {name: round(ordered[place], 1) for name, place in places.items()}
    return figures | {"max": round(ordered[-1], 1)}


def progress(what: str) -> None:
    """Tell people what is being measured."""
    print(f"viewer: {what}", file=sys.stderr, flush=True)
