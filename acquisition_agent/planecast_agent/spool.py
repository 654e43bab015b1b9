"""The controller's side of a spool: an append-only file of events, one write(2) each.

    spool = MAGIC | publisher id (16 bytes) | records (`planecast_protocol.records`)

A record is an event of the publisher. The writer holds a lock on the file for as
long as it lives; a spool whose lock is free belongs to whoever takes it (`adoption`).
"""

import contextlib
import logging
import os
import threading
import weakref
from collections import deque
from pathlib import Path

from planecast_agent.file_lock import try_lock
from planecast_agent.spool_records import MAGIC, SPOOL_SUFFIX, SpoolRecords
from planecast_protocol.records import frame_record

MAX_WAITING_BYTES = 64 << 20
"""Events kept in memory while the disk is full: about 400,000 planes."""

logger = logging.getLogger(__name__)

# Windows would translate line ends otherwise.
BINARY = getattr(os, "O_BINARY", 0)

_open_spools: "weakref.WeakSet[Spool]" = weakref.WeakSet()


def create_spool(folder: Path, name: str, publisher: str) -> "Spool":
    """Create `folder/name.spool`; raise `OSError` if the folder can't be written."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / (name + SPOOL_SUFFIX)
    # Complete and locked before it gets its name: nobody ever sees half a header, or a
    # living writer's spool unlocked.
    hidden = path.with_suffix(".new")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | BINARY
    descriptor = os.open(hidden, flags, 0o600)
    try_lock(descriptor)
    os.write(descriptor, MAGIC + bytes.fromhex(publisher))
    hidden.rename(path)
    return Spool(path, descriptor, publisher)


class Spool:
    """Writes one spool. `append` may be called from any thread, `read_batch` from one."""

    def __init__(
        self, path: Path, descriptor: int, publisher: str, records: "SpoolRecords | None" = None
    ) -> None:
        """Use `create_spool`, or `resume_spool`. The open file is locked, and now ours."""
        self.path = path
        self.publisher = publisher
        self.lost = 0
        """Events that found disk and memory full."""
        self._descriptor = descriptor
        self._reader = self.path.open("rb", buffering=0)
        self._lock = threading.Lock()
        self._records = SpoolRecords() if records is None else records
        self._torn = False
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._synced = 0
        _open_spools.add(self)

    @property
    def head(self) -> int:
        """Number of the last event in the file; 0: none. See `lives`."""
        return self._records.head

    def n_behind(self, seq: int) -> int:
        """Return how many events come after this one, those that wait in memory too."""
        return self._records.n_behind(seq) + len(self._waiting)

    def next_after(self, seq: int) -> int:
        """Return the number of the event that follows this one, there already or not."""
        return self._records.next_after(seq)

    def before(self, first: int) -> int:
        """Return the number of the event before the first of a life; 0 for any other event."""
        return self._records.before(first)

    @property
    def waiting(self) -> int:
        """Number of events in memory, because the disk did not take them."""
        return len(self._waiting)

    def append(self, body: bytes) -> None:
        """Write one event. Where the disk is full it waits in memory; nothing is raised."""
        record = frame_record(body)
        with self._lock:
            if (not self._waiting or self._drain()) and self._write(record):
                return
            if self._waiting_bytes + len(record) > MAX_WAITING_BYTES:
                self.lost += 1
                return
            if not self._waiting:
                logger.error("%s: the disk is full; events wait in memory", self.path)
            self._waiting.append(record)
            self._waiting_bytes += len(record)

    def drain(self) -> None:
        """Write what waits in memory, as far as the disk takes it."""
        with self._lock:
            if self._waiting and self._drain():
                logger.warning("%s: the disk has room again, all events are written", self.path)

    def read_batch(self, first: int) -> tuple[bytes, int]:
        """Return (records, how many) from event `first` on, at most one batch."""
        start, end, n_events = self._records.batch(first)
        if not n_events:
            return b"", 0
        self._reader.seek(start)
        return self._reader.read(end - start), n_events

    def sync(self) -> None:
        """Make sure that what is written survives a power loss. Takes as long as the disk does."""
        head = self.head
        if head != self._synced:
            # A disk that can't do it says so at the next write.
            with contextlib.suppress(OSError):
                getattr(os, "fdatasync", os.fsync)(self._descriptor)
            self._synced = head

    def close(self) -> None:
        """Close the file and give its lock back. May be called twice."""
        with self._lock:
            if self._descriptor < 0:
                return
            if self._waiting and not self._drain():
                logger.critical("%s: %d events did not fit the disk", self.path, self.waiting)
            os.close(self._descriptor)
            self._descriptor = -1
            self._reader.close()

    def forget(self) -> None:
        """Close the file in a forked child, which would else hold the lock for as long as it lives.

        The lock stays with the parent. Takes no lock of ours: the thread that has it is not here.
        """
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _drain(self) -> bool:
        while self._waiting:
            if not self._write(self._waiting[0]):
                return False
            self._waiting_bytes -= len(self._waiting.popleft())
        return True

    def _write(self, record: bytes) -> bool:
        end = self._records.end
        try:
            if self._torn:
                os.ftruncate(self._descriptor, end)
                self._torn = False
            written = os.write(self._descriptor, record)
        except OSError:
            return False
        if written != len(record):  # the disk filled inside the record
            self._torn = True
            return False
        self._records.append(written)
        return True


def _forget_all() -> None:
    for spool in _open_spools:
        spool.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
