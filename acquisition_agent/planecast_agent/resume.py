"""Goes on in the spool of a controller that died: what `Acquisition.resume` needs.

The spool is the truth, whether the agent has it already, is just taking it over, or is not there:
its lock says that the former controller is dead, and from then on that this one lives.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from planecast_agent.file_lock import try_lock
from planecast_agent.lives import life_begun_by
from planecast_agent.spool import BINARY, Spool
from planecast_agent.spool_reader import SpoolReader
from planecast_agent.spool_records import (
    DAMAGED_SUFFIX,
    DONE_SUFFIX,
    SPOOL_SUFFIX,
    SpoolRecords,
)
from planecast_protocol.errors import AcquisitionError, BadMessageError, SpoolDamagedError
from planecast_protocol.event_messages import (
    EndAcquisition,
    ResumeAcquisition,
    StartAcquisition,
)
from planecast_protocol.messages import decode_event, encode
from planecast_protocol.records import HEADER

LOOK_AGAIN_S = 0.05
"""A lock that another process holds rings no bell."""
_END_TAG = b"\xa1k\xa3end"
_IMAGE_TAG = b"\xa1k\xa5image"
"""Where the first pair of a message's map begins: the second byte, while it has few fields."""

LifeSource = Literal["controller", "rescan"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ResumedSpool:
    """A spool that goes on, and what is in it."""

    spool: Spool
    start: StartAcquisition
    n_registered: int
    """Images registered in it so far."""


def resume_spool(
    folder: Path, acquisition: str, timeout_s: float, source: LifeSource = "controller"
) -> ResumedSpool:
    """Lock an acquisition's spool, mend its end, and begin another life in it.

    `acquisition` is an id, or the name of one that was not ended. Waits at most `timeout_s`
    for an agent that is just reading the spool. Raises `AcquisitionError` if there is none, if
    it was ended or if its controller lives; `SpoolDamagedError`; and `OSError`.
    """
    identity = _find(folder, acquisition)
    path, descriptor = _lock(folder, identity, time.monotonic() + timeout_s)
    try:
        return _continue(path, descriptor, source)
    except BaseException:
        os.close(descriptor)
        raise


def _continue(path: Path, descriptor: int, source: LifeSource) -> ResumedSpool:
    records = SpoolRecords()
    start: StartAcquisition | None = None
    n_registered = 0
    reader = SpoolReader(path, os.dup(descriptor))
    try:
        for batch in reader.batches():
            for body in batch.bodies:
                _count(records, body)
                if start is None:
                    start = _decode_start(path, body)
                n_registered += _check_goes_on(body)
    finally:
        reader.close()
    if start is None:
        raise AcquisitionError(f"{path}: nothing was announced in it: start another acquisition")
    # With its old name again the agent takes it for what it is: of a controller that lives.
    spool_path = path.with_suffix(SPOOL_SUFFIX)
    path.rename(spool_path)
    spool = Spool(spool_path, descriptor, reader.publisher, records)
    _begin_life(spool, records, start.acquisition, source)
    return ResumedSpool(spool, start, n_registered)


def _count(records: SpoolRecords, body: bytes) -> None:
    life = life_begun_by(body)
    if life is not None and life > records.life:
        records.begin_life(life)
    records.append(HEADER.size + len(body))


def _begin_life(spool: Spool, records: SpoolRecords, acquisition: str, source: LifeSource) -> None:
    life = records.life + 1
    records.begin_life(life)
    event = ResumeAcquisition(
        acquisition=acquisition, life=life, resumed_at=time.time(), source=source
    )
    spool.append(encode(event))
    # A life's number must never be used twice: it is on the disk before anybody is told.
    spool.sync()
    logger.info("acquisition %s goes on in %s, restart %d", acquisition, spool.path, life)


def _decode_start(path: Path, body: bytes) -> StartAcquisition:
    try:
        event = decode_event(body)
    except BadMessageError as trouble:
        raise AcquisitionError(f"{path}: its start can't be read: {trouble}") from None
    if not isinstance(event, StartAcquisition):
        raise AcquisitionError(f"{path}: does not begin with the start of an acquisition")
    return event


def _check_goes_on(body: bytes) -> bool:
    """Return whether an event registers an image; raise `AcquisitionError` for an end."""
    if not body.startswith(_END_TAG, 1):
        return body.startswith(_IMAGE_TAG, 1)
    event = decode_event(body)
    if isinstance(event, EndAcquisition):
        raise AcquisitionError(
            f"acquisition {event.acquisition} has ended ({event.status}): start another one"
        )
    return False


# ---------------------------------------------------------------- which spool


def _find(folder: Path, acquisition: str) -> str:
    """Return the id of an acquisition, given that or its name."""
    if _spool_of(folder, acquisition) is not None:
        return acquisition
    damaged = folder / (acquisition + DAMAGED_SUFFIX)
    if damaged.exists():
        raise SpoolDamagedError(
            f"{damaged}: is damaged, nothing can be added to it: start another acquisition",
            path=str(damaged),
        )
    spools = [*folder.glob("*" + SPOOL_SUFFIX), *folder.glob("*" + DONE_SUFFIX)]
    named = sorted(path.stem for path in spools if _name_in(path) == acquisition)
    if not named:
        raise AcquisitionError(
            f"no spool of acquisition {acquisition!r} in {folder}: give its id, and the folder "
            "(spool_dir) that its controller wrote to, on the same machine"
        )
    running = [stem for stem in named if not _is_ended(folder, stem)]
    if len(running) != 1:
        listed = ", ".join(running or named)
        why = "several of them go on" if running else "all of them have ended"
        raise AcquisitionError(f"acquisition {acquisition!r}: {why}, give an id: {listed}")
    return running[0]


def _spool_of(folder: Path, identity: str) -> Path | None:
    candidates = (folder / (identity + suffix) for suffix in (SPOOL_SUFFIX, DONE_SUFFIX))
    return next((path for path in candidates if path.exists()), None)


def _name_in(path: Path) -> str | None:
    """Return the name of the acquisition in a spool; `None` if it can't be read."""
    bodies = _read_only(path)
    try:
        return _decode_start(path, next(bodies)).name
    except (StopIteration, AcquisitionError, SpoolDamagedError, OSError):
        return None


def _is_ended(folder: Path, identity: str) -> bool:
    path = _spool_of(folder, identity)
    if path is None:
        return True
    try:
        return any(body.startswith(_END_TAG, 1) for body in _read_only(path))
    except (SpoolDamagedError, OSError):
        return True


def _read_only(path: Path) -> Iterator[bytes]:
    reader = SpoolReader(path, os.open(path, os.O_RDONLY | BINARY), read_only=True)
    try:
        yield from reader.sound_bodies()
    finally:
        reader.close()


# ---------------------------------------------------------------- whose spool


def _lock(folder: Path, identity: str, deadline: float) -> tuple[Path, int]:
    """Return the spool's path and its open, locked file."""
    never = threading.Event()
    while True:
        path = _spool_of(folder, identity)
        if path is None:
            raise AcquisitionError(f"acquisition {identity} was forgotten: start another one")
        descriptor = _try_to_lock(path)
        if descriptor is not None:
            return path, descriptor
        if time.monotonic() >= deadline:
            raise AcquisitionError(
                f"acquisition {identity} belongs to a controller that is running ({path} is "
                "locked): end that process first; if it is the agent that reads it, try again"
            )
        never.wait(LOOK_AGAIN_S)


def _try_to_lock(path: Path) -> int | None:
    """Return the open, locked file; `None` if somebody else has it, or it has moved."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | BINARY)
    except FileNotFoundError:
        return None
    try:
        # Its name may have changed, or it may have been deleted, before it was locked.
        if try_lock(descriptor) and os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
    except FileNotFoundError:
        pass
    os.close(descriptor)
    return None
