"""Ties a watcher to an agent: announces, and goes on where a killed watcher stopped."""

from dataclasses import dataclass, field
from pathlib import Path

from planecast_agent.acquisition import Acquisition
from planecast_agent.settings import default_spool_dir
from planecast_agent.watchers.announced import Announced, Publisher
from planecast_agent.watchers.description import Description
from planecast_agent.watchers.folder_watch import FolderWatch
from planecast_agent.watchers.memory import Memory, Remembered
from planecast_agent.watchers.options import WatchOptions
from planecast_agent.watchers.presets import Preset
from planecast_agent.watchers.report import Report
from planecast_agent.watchers.spool_view import read_spool
from planecast_agent.watchers.watcher import Watcher
from planecast_protocol.configuration import configured_roots
from planecast_protocol.endpoints import default_agent_address
from planecast_protocol.errors import PlanecastError
from planecast_protocol.limits import MAX_NAME_CHARS
from planecast_protocol.paths import Roots, to_wire_path


@dataclass(frozen=True, kw_only=True)
class AgentPlace:
    """Where acquisitions are published."""

    address: str = field(default_factory=default_agent_address)
    spool_dir: Path = field(default_factory=default_spool_dir)
    roots: Roots = field(default_factory=configured_roots)

    def start(self, name: str, description: Description) -> Publisher:
        """Announce an acquisition."""
        return Acquisition.start(
            name.encode(errors="replace").decode()[:MAX_NAME_CHARS],
            list(description.channels),
            description.num_z or 1,
            description.height or 0,
            description.width or 0,
            list(description.fovs),
            num_t=description.num_t,
            dtype=description.dtype,
            pixel_size_um=description.pixel_size_um,
            z_step_um=description.z_step_um,
            time_interval_s=description.time_interval_s,
            agent=self.address,
            roots=self.roots,
            spool_dir=self.spool_dir,
        )

    def go_on(self, remembered: Remembered) -> Announced:
        """Take up an acquisition that a former process announced and did not end.

        Raises `PlanecastError` if it was ended, or its spool is gone or damaged.
        """
        publisher = Acquisition.resume(
            remembered.acquisition, agent=self.address, roots=self.roots, spool_dir=self.spool_dir
        )
        view = read_spool(self.spool_dir, remembered.acquisition)
        description = Description(
            channels=tuple(view.start.channels),
            fovs=tuple(view.start.fov_labels),
            num_z=view.start.num_z,
            height=view.start.height,
            width=view.start.width,
        )
        return Announced(publisher, description.or_else(remembered.description), view.planes)


def make_watcher(options: WatchOptions, place: AgentPlace, report: Report) -> Watcher:
    """Return a watcher that publishes.

    Raises `PlanecastError` if the folder can't be watched, or is beneath none of the roots.
    """
    to_wire_path(options.root / "file", place.roots)
    memory = Memory(place.spool_dir)

    def open_folder(folder: Path, preset: Preset) -> FolderWatch:
        if folder != options.root:
            memory.claim(folder)
        watch = FolderWatch(folder, preset, options, place.start, memory, report)
        remembered = memory.load(folder)
        if remembered is not None and not remembered.ended and remembered.preset == preset.name:
            _resume(watch, remembered, place, report)
        return watch

    try:
        return Watcher(options, open_folder, memory, report)
    except BaseException:
        memory.close()
        raise


def _resume(watch: FolderWatch, remembered: Remembered, place: AgentPlace, report: Report) -> None:
    try:
        announced = place.go_on(remembered)
    except (PlanecastError, OSError) as trouble:
        report.tell(
            "warning",
            f"{watch.folder}: {remembered.acquisition} can't be continued ({trouble}); "
            "its files are announced as a new acquisition",
            folder=str(watch.folder), acquisition=remembered.acquisition,
        )  # fmt: skip
        return
    watch.resume(announced)
    report.tell(
        "resumed",
        f"{watch.folder}: goes on with {remembered.acquisition}, "
        f"{len(announced.known)} planes are there",
        folder=str(watch.folder), acquisition=remembered.acquisition, planes=len(announced.known),
    )  # fmt: skip
