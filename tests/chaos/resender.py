"""Sends stretches of the controllers' spools again: duplicates, gaps, and the wrong order.

python resender.py DOOR SPOOL_DIR SEED
"""

import random
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgpack
from raw_door import HEADER, Door, pack

SPOOL_HEADER_BYTES = 20
LIFE_BITS = 40
RESUME_TAG = b"\xa1k\xa6resume"
LONGEST = 40
"""Events in a batch."""


def resend(door: str, spool_dir: Path, seed: int) -> None:
    """Send stretches of the controllers' spools again, in any order, until killed."""
    rng = random.Random(seed)
    socket = Door(door)
    seen: dict[Path, int] = {}
    while True:
        spools = [*_growing(spool_dir, seen), *spool_dir.glob("*.done")]
        for path in rng.sample(spools, min(2, len(spools))):
            batches = _stretches(path, rng)
            rng.shuffle(batches)
            for batch in batches:
                socket.send(*batch)
        while socket.receive(30) is not None:
            pass


def _growing(spool_dir: Path, seen: dict[Path, int]) -> list[Path]:
    """Return the spools that are being written: those of the dead are the agent's to take over."""
    found = []
    for path in spool_dir.glob("*.spool"):
        with suppress(OSError):  # the agent has just renamed it
            size = path.stat().st_size
            if seen.get(path) != size:
                found.append(path)
            seen[path] = size
    return found


def _stretches(path: Path, rng: random.Random) -> list[list[bytes]]:
    try:
        content = path.read_bytes()
    except OSError:  # the agent has just renamed it
        return []
    publisher = content[4:SPOOL_HEADER_BYTES].hex()
    records = _records(content)
    batches = []
    for _ in range(min(len(records), rng.randrange(1, 4))):
        # The newest events too, which the agent may not have yet: then there is a gap.
        newest = max(0, len(records) - LONGEST // 2)
        place = rng.choice((rng.randrange(len(records)), rng.randrange(newest, len(records))))
        first = records[place]
        last = first
        for one in records[place : place + rng.randrange(1, LONGEST)]:
            if one.life == first.life:
                last = one
        numbers = {"first": first.seq, "count": last.seq - first.seq + 1}
        if place and records[place - 1].life < first.life:
            numbers["after"] = records[place - 1].seq
        head = pack("publish", publisher=publisher, **numbers)
        batches.append([head, content[first.start : last.end]])
    return batches


class Record(NamedTuple):
    """Where an event lies in its spool, and how its controller counts it."""

    life: int
    seq: int
    start: int
    end: int


def _records(content: bytes) -> list[Record]:
    """Return the whole records; a controller that was restarted counts from 2**40 on."""
    found: list[Record] = []
    life = n_in_life = 0
    start = SPOOL_HEADER_BYTES
    while start + HEADER.size <= len(content):
        length, _crc = HEADER.unpack_from(content, start)
        body, end = start + HEADER.size, start + HEADER.size + length
        if end > len(content):
            break
        if content.startswith(RESUME_TAG, body + 1):
            life, n_in_life = msgpack.unpackb(content[body:end])["life"], 0
        n_in_life += 1
        found.append(Record(life, (life << LIFE_BITS) + n_in_life, start, end))
        start = end
    return found


if __name__ == "__main__":
    resend(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
