"""What a former watcher registered: read from its spool, so that no agent need be running."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from planecast_agent.spool_reader import SpoolReader
from planecast_agent.watchers.announced import FileState, PlaneKey
from planecast_protocol.errors import AcquisitionError
from planecast_protocol.event_messages import EndAcquisition, RegisterImage, StartAcquisition
from planecast_protocol.messages import decode_event

_SUFFIXES = (".spool", ".done")


@dataclass
class SpoolView:
    """One acquisition, as its spool has it."""

    start: StartAcquisition
    planes: dict[PlaneKey, FileState] = field(default_factory=dict)
    """Each plane's file, as it was last registered."""
    ended: bool = False


def read_spool(spool_dir: Path, acquisition: str) -> SpoolView:
    """Return all that was written of an acquisition on this machine.

    Raises `AcquisitionError` if there is no such spool, or no start in it, and `OSError`.
    """
    paths = (spool_dir / (acquisition + suffix) for suffix in _SUFFIXES)
    path = next((one for one in paths if one.exists()), None)
    if path is None:
        raise AcquisitionError(f"no spool of acquisition {acquisition} in {spool_dir}")
    view: SpoolView | None = None
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    reader = SpoolReader(path, os.open(path, flags), read_only=True)
    try:
        for body in reader.sound_bodies():
            event = decode_event(body)
            if view is None:
                if not isinstance(event, StartAcquisition):
                    break
                view = SpoolView(event)
            elif isinstance(event, RegisterImage):
                at, source = event.index, event.source
                key = (at.t, at.fov, at.z, at.channel)
                view.planes[key] = (source.size_bytes, source.mtime_ns)
            else:
                view.ended = view.ended or isinstance(event, EndAcquisition)
    finally:
        reader.close()
    if view is None:
        raise AcquisitionError(f"{path}: does not begin with the start of an acquisition")
    return view
