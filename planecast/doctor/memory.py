"""Shared memory: how planes are shared, and how much there is for them."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from planecast.doctor.finding import Finding, Patient, bad, good, note

CHECK = "shared memory"
FOLDER = Path("/dev/shm")  # noqa: S108  where Linux has it
LITTLE_BYTES = 256 << 20
"""Some 30 planes of 2048 × 2048."""
TRIED_BYTES = 1 << 20


def look_at_memory(patient: Patient) -> Iterator[Finding]:
    """Look at what the reader worker's cache would get."""
    if "reader" not in patient.roles:
        return
    from planecast_reader.arena import shared_memory

    way = shared_memory.way()
    if way == "none":
        yield note(
            CHECK,
            "not used: planes travel through sockets, which is slower",
            "reader.shared_memory and PLANECAST_SHARED_MEMORY may ask for memfd or posix",
        )
        return
    trouble = _try(way)
    if trouble:
        yield trouble
        return
    spare = shared_memory.affordable_bytes()
    text = f"{way}: {_mib(spare)} to spare for the worker's cache"
    if spare >= LITTLE_BYTES:
        yield good(CHECK, text)
    elif way == "posix":
        yield bad(CHECK, f"{text}, all that {FOLDER} has", _LARGER)
    else:
        yield bad(
            CHECK,
            f"{text}: memory is short, or a container's or service's limit is low",
            "close other programs; raise MemoryMax= of the unit, or --memory of the container",
        )
    yield from _look_at_folder(way)


_LARGER = (
    f"mount -o remount,size=4G {FOLDER}; for a container --shm-size=4g or shm_size: 4g "
    "(deploy/compose.yaml)"
)


def _try(way: str) -> Finding | None:
    """Make a little of it, as the worker does."""
    from planecast_protocol.errors import TooLargeError
    from planecast_reader.arena import shared_memory

    try:
        fd = shared_memory.create("planecast doctor", TRIED_BYTES)
        try:
            shared_memory.back_with_pages(fd, 0, TRIED_BYTES)
        finally:
            os.close(fd)
    except (OSError, TooLargeError) as trouble:
        full = isinstance(trouble, TooLargeError) or trouble.errno in (errno.ENOSPC, errno.ENOMEM)
        why = "it is full" if full else str(trouble)
        return bad(CHECK, f"{way}: not to be had: {why}", _LARGER if way == "posix" else _OTHER)
    return None


_OTHER = (
    "a sandbox may forbid memfd_create: PLANECAST_SHARED_MEMORY=posix; with none planes travel "
    "through sockets"
)


def _look_at_folder(way: str) -> Iterator[Finding]:
    """Say how large `/dev/shm` is, which other programs of this kind depend on."""
    if way != "posix" and FOLDER.is_dir():
        total, _used, free = shutil.disk_usage(FOLDER)
        if total < LITTLE_BYTES:
            text = f"{FOLDER} has {_mib(total)} in all; {way} does not need it"
            yield note(CHECK, text, _LARGER)
        elif free < TRIED_BYTES:
            yield note(CHECK, f"{FOLDER} is full; {way} does not need it", _LARGER)


def _mib(n_bytes: int) -> str:
    return f"{n_bytes / (1 << 20):,.0f} MiB"
