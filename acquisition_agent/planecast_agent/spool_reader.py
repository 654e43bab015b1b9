"""The agent's side of a spool whose writer is dead: read it, and mend its torn end."""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planecast_agent.file_lock import try_lock
from planecast_agent.lives import first_of_life, life_begun_by
from planecast_agent.spool_records import HEADER_BYTES, MAGIC
from planecast_protocol.errors import SpoolDamagedError
from planecast_protocol.limits import MAX_BATCH_EVENTS, MAX_EVENT_BYTES
from planecast_protocol.records import HEADER, record_end

_BLOCK_BYTES = 1 << 20
_MAX_RECORD_BYTES = HEADER.size + MAX_EVENT_BYTES
_MAX_ZEROS = 8
"""An event may end in as many zero bytes: a float64 of 0.0."""


def read_publisher(path: Path) -> str | None:
    """Return the publisher's id in a spool's header, `None` if it is no spool."""
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    return header[len(MAGIC) :].hex() if _is_header(header) else None


def take_spool(path: Path) -> "SpoolReader | None":
    """Open a spool if its writer is dead; `None` while the writer lives.

    Raises `SpoolDamagedError` if it is no spool, `OSError` if it can't be opened.
    """
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    if not try_lock(descriptor):
        os.close(descriptor)
        return None
    return SpoolReader(path, descriptor)


@dataclass(frozen=True, slots=True)
class SpoolBatch:
    """Consecutive events of one life of a controller."""

    first: int
    """Number of the first of them."""
    after: int
    """Number of the event before, if the first begins a life (`lives`)."""
    bodies: list[bytes]

    @property
    def last(self) -> int:
        """Number of the last of them."""
        return self.first + len(self.bodies) - 1


class SpoolReader:
    """Reads one spool from its start, in batches. Holds its lock until `close`."""

    def __init__(self, path: Path, descriptor: int, *, read_only: bool = False) -> None:
        self.path = path
        self._file = os.fdopen(descriptor, "rb" if read_only else "r+b", buffering=0)
        header = self._file.read(HEADER_BYTES)
        if not _is_header(header):
            self.close()
            raise SpoolDamagedError(f"{path}: not a spool file; it is kept", path=str(path))
        self.publisher = header[len(MAGIC) :].hex()

    def batches(self) -> Iterator[SpoolBatch]:
        """Yield the events of the spool, in order, at most a batch at a time.

        A torn end (the one write that was killed, or zeros that a power loss left) is cut
        off. Any other damage raises `SpoolDamagedError`, and then nothing was cut.
        """
        batch = SpoolBatch(first=1, after=0, bodies=[])
        life = 0
        for body in self._bodies():
            begun = life_begun_by(body)
            if begun is not None and begun > life:
                life = begun
                if batch.bodies:
                    yield batch
                batch = SpoolBatch(first=first_of_life(life), after=batch.last, bodies=[])
            batch.bodies.append(body)
            if len(batch.bodies) == MAX_BATCH_EVENTS:
                yield batch
                batch = SpoolBatch(first=batch.last + 1, after=0, bodies=[])
        if batch.bodies:
            yield batch

    def sound_bodies(self) -> Iterator[bytes]:
        """Yield the events up to the first that is not whole. Changes nothing."""
        return self._bodies(mend=False)

    def _bodies(self, *, mend: bool = True) -> Iterator[bytes]:
        buffer = b""
        offset = HEADER_BYTES
        while True:
            start = 0
            while (end := record_end(buffer, start)) > 0:
                yield buffer[start + HEADER.size : end]
                start = end
            offset += start
            block = self._file.read(_BLOCK_BYTES)
            buffer = buffer[start:] + block
            if not block or len(buffer) - len(block) >= _MAX_RECORD_BYTES:
                break
        if buffer and mend:
            self._cut(offset, buffer)

    def _cut(self, offset: int, rest: bytes) -> None:
        if not self._is_torn(rest):
            raise SpoolDamagedError(
                f"{self.path}: damaged at byte {offset}, {offset + len(rest)} bytes read; "
                "nothing was cut, the file is kept",
                path=str(self.path),
            )
        self._file.truncate(offset)

    def _is_torn(self, rest: bytes) -> bool:
        """Whether a killed writer or a power loss leaves such an end; `False`: it is damage."""
        written = rest.rstrip(b"\0")
        if written and len(rest) - len(written) <= _MAX_ZEROS:
            written = rest
        if len(written) > _MAX_RECORD_BYTES:
            return False
        while block := self._file.read(_BLOCK_BYTES):
            if block.strip(b"\0"):
                return False
        if len(written) >= HEADER.size:
            length, crc = HEADER.unpack_from(written)
            if length > MAX_EVENT_BYTES or HEADER.size + length <= len(written):
                return False
            # A damaged length also looks like an unfinished record: but its event is whole …
            if zlib.crc32(rest[HEADER.size :]) == crc:
                return False
        # … or sound records follow it.
        return all(record_end(rest, at) < 0 for at in range(1, len(written)))

    def close(self) -> None:
        """Close the file and give its lock back. May be called twice."""
        self._file.close()


def _is_header(header: bytes) -> bool:
    return len(header) == HEADER_BYTES and header.startswith(MAGIC)
