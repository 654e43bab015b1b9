"""Finds files that a controller wrote and did not live to register."""

import contextlib
import json
from dataclasses import dataclass, field

from planecast_agent.acquisition import Acquisition
from planecast_agent.watchers.announced import Announced, FileState, Places, PlaneKey
from planecast_agent.watchers.description import Description
from planecast_agent.watchers.dry_run import find
from planecast_agent.watchers.found import FoundPlane
from planecast_agent.watchers.journal_view import read_journal
from planecast_agent.watchers.options import WatchOptions
from planecast_agent.watchers.program import AgentPlace
from planecast_agent.watchers.spool_view import SpoolView, read_spool
from planecast_protocol.errors import AcquisitionError, AgentUnreachableError, PlanecastError
from planecast_protocol.event_messages import StartAcquisition


@dataclass
class Orphans:
    """What is in files and not in an acquisition."""

    acquisition: str
    start: StartAcquisition
    ended: bool
    known: dict[PlaneKey, FileState] = field(repr=False)
    planes: list[tuple[PlaneKey, FoundPlane]] = field(default_factory=list)
    beyond: list[FoundPlane] = field(default_factory=list)
    """Planes of a fov, z or channel that the acquisition does not have."""
    n_found: int = 0
    """Planes in files."""


def find_orphans(acquisition: str, options: WatchOptions, place: AgentPlace) -> Orphans:
    """Compare the files in a folder with what was registered of an acquisition.

    Raises `PlanecastError` if neither the agent nor a spool on this machine knows it.
    """
    orphans = _registered(acquisition, place)
    book = Places(_described(orphans.start))
    for found in find(options):
        for plane in found.planes:
            orphans.n_found += 1
            key = book.key(plane)
            if key is None:
                orphans.beyond.append(plane)
            elif key not in orphans.known:
                orphans.planes.append((key, plane))
    return orphans


def _registered(acquisition: str, place: AgentPlace) -> Orphans:
    """Return what was registered, by the journal and by the spool.

    The agent may not have read a dead controller's spool yet, and need not be running; the
    spool is only where the controller ran.
    """
    spool: SpoolView | None = None
    with contextlib.suppress(PlanecastError, OSError):
        spool = read_spool(place.spool_dir, acquisition)
    try:
        journal = read_journal(place.address, acquisition)
    except (AcquisitionError, AgentUnreachableError):
        if spool is None:
            raise
        return Orphans(acquisition, spool.start, spool.ended, spool.planes)
    if spool is None:
        return Orphans(acquisition, journal.start, journal.ended, journal.planes)
    ended = journal.ended or spool.ended
    return Orphans(acquisition, journal.start, ended, journal.planes | spool.planes)


def register_orphans(orphans: Orphans, place: AgentPlace, *, end: bool) -> int:
    """Register the planes, and end the acquisition if wanted; return how many.

    Raises `AcquisitionError` if it was ended, or if its controller lives.
    """
    if orphans.ended:
        raise AcquisitionError(
            f"acquisition {orphans.acquisition} has ended and takes no more planes; "
            "planecast watch DIR registers all of them as a new acquisition"
        )
    resumed = Acquisition.resume(
        orphans.acquisition,
        agent=place.address,
        roots=place.roots,
        spool_dir=place.spool_dir,
        source="rescan",
    )
    announced = Announced(resumed, _described(orphans.start))
    try:
        for key, plane in orphans.planes:
            announced.register(plane, key)
        if end:
            resumed.end("done", f"{len(orphans.planes)} planes were found by a rescan")
    finally:
        resumed.close()
    return announced.n_registered


def print_rescan(
    acquisition: str,
    options: WatchOptions,
    place: AgentPlace,
    *,
    dry_run: bool,
    end: bool,
    as_json: bool,
) -> int:
    """Find, register unless `dry_run`, and print; return the exit code."""
    orphans = find_orphans(acquisition, options, place)
    registered = 0
    if not dry_run and (orphans.planes or end):
        registered = register_orphans(orphans, place, end=end)
    if as_json:
        print(json.dumps(_as_json(orphans, registered), indent=2))
        return 0
    for (t, _, z, _), plane in orphans.planes:
        print(f"t={t} fov={plane.fov} z={z} channel={plane.channel}  {plane.path}")
    for plane in orphans.beyond[:20]:
        print(f"not of this acquisition: fov={plane.fov} channel={plane.channel}  {plane.path}")
    print(
        f"{orphans.n_found} planes in files, {len(orphans.planes)} of them were not registered, "
        f"{registered} are now; {len(orphans.beyond)} are not of {acquisition}"
    )
    return 0


def _described(start: StartAcquisition) -> Description:
    return Description(
        channels=tuple(start.channels), fovs=tuple(start.fov_labels), num_z=start.num_z
    )


def _as_json(orphans: Orphans, registered: int) -> dict[str, object]:
    return {
        "acquisition": orphans.acquisition,
        "found": orphans.n_found,
        "orphans": [
            {"index": key, "path": str(plane.path), "page": plane.page}
            for key, plane in orphans.planes
        ],
        "registered": registered,
        "beyond": [str(plane.path) for plane in orphans.beyond],
    }
