"""The folders that planecast writes into, and how much room they have."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs

from planecast.doctor.finding import Finding, Patient, bad, good, note
from planecast_agent.settings import default_spool_dir, default_state_dir
from planecast_protocol.configuration import configuration
from planecast_protocol.endpoints import runtime_dir
from planecast_protocol.errors import EndpointError

CHECK = "folders"
LITTLE_BYTES = 64 << 20
"""Half a million events."""
SOME_BYTES = 1 << 30


def look_at_folders(_patient: Patient) -> Iterator[Finding]:
    """Write into each, and look at its room."""
    try:
        runtime_dir()
    except EndpointError as trouble:
        yield bad(CHECK, f"sockets: {trouble.message}", "chmod 700, or set folders.runtime")
    except OSError as trouble:
        yield bad(CHECK, f"sockets: {trouble}", "set folders.runtime to a folder of your own")
    else:
        yield from _look_at("sockets", runtime_dir(), "folders.runtime", small=True)
    places: tuple[tuple[str, Callable[[], Path], str], ...] = (
        ("spools", default_spool_dir, "folders.spool"),
        ("the agent's journal", default_state_dir, "folders.state"),
        ("thumbnails", _cache, "folders.cache"),
    )
    for what, find, key in places:
        yield from _look_at(what, find(), key, small=key == "folders.cache")


def _cache() -> Path:
    return Path(configuration().folders.cache or platformdirs.user_cache_dir("planecast"))


def _look_at(what: str, folder: Path, key: str, *, small: bool) -> Iterator[Finding]:
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        yield bad(CHECK, f"{what}: {there} is no folder", f"move it away, or set {key}")
        return
    try:
        # A try is the only test that knows of read-only disks, quotas and access lists.
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(bytes(4096))
            file.flush()
    except OSError as trouble:
        why = trouble.strerror or str(trouble)
        yield bad(
            CHECK,
            f"{what}: can't write into {there}: {why}",
            f"free some space, give {_user()} the right to write there, or set {key}",
        )
        return
    yield _room(what, folder, there, key, small=small)


def _room(what: str, folder: Path, there: Path, key: str, *, small: bool) -> Finding:
    free, inodes = 1 << 62, 1
    with contextlib.suppress(OSError, AttributeError):
        found = os.statvfs(there)
        free = found.f_bavail * found.f_frsize
        inodes = found.f_favail if found.f_files else 1
    text = f"{what}: {folder} has {_size(free)} free"
    way_out = f"free some space, or set {key} to a folder on another disk"
    if inodes == 0:
        return bad(CHECK, f"{what}: the disk of {folder} takes no more files (inodes)", way_out)
    if small:
        return good(CHECK, text)
    if free < LITTLE_BYTES:
        return bad(CHECK, f"{text}: events of an acquisition may not fit", way_out)
    return note(CHECK, text, way_out) if free < SOME_BYTES else good(CHECK, text)


def _user() -> str:
    import getpass

    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return "this user"


def _size(n_bytes: int) -> str:
    if n_bytes >= 1 << 30:
        return f"{n_bytes / (1 << 30):,.1f} GiB"
    return f"{n_bytes / (1 << 20):,.1f} MiB"
