"""The demo's last check: every registered plane is read again, and says which one it is."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from planecast.demo.identity import decode
from planecast_agent.subscriber.journal_client import JournalClient
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.columns import Columns, unpack
from planecast_protocol.errors import (
    FileMissingError,
    NotYetWrittenError,
)
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.client import Answer, PixelAnswer, ReaderClient

IN_FLIGHT = 8


@dataclass
class Audit:
    """What was found."""

    planes: int = 0
    """In the agent's journal, each counted once."""
    wrong: list[str] = field(default_factory=list)
    """Planes whose pixels say that they are another one."""
    unreadable: list[str] = field(default_factory=list)
    never_written: list[str] = field(default_factory=list)
    """Announced, but the controller died before it had written the whole file."""


def audit(agent: str, worker: str, cell: int) -> Audit:
    """Read every registered plane of every acquisition of `agent`, through `worker`."""
    found = Audit()
    places: dict[tuple[str, PlaneIndex], str] = {}
    for acquisition, columns in fetch_all(agent):
        for index, path in rows(columns):
            places[acquisition, index] = path
    found.planes = len(places)
    client = ReaderClient(worker)
    try:
        _read_all(client, places, cell, found)
    finally:
        client.close()
    return found


def _read_all(
    client: ReaderClient, places: dict[tuple[str, PlaneIndex], str], cell: int, found: Audit
) -> None:
    room = threading.BoundedSemaphore(IN_FLIGHT)

    def check(index: PlaneIndex, path: str, answer: Answer) -> None:
        match answer:
            case PixelAnswer(pixels=pixels):
                if decode(pixels, cell, index.channel * 8 * cell, 0) != index:
                    found.wrong.append(path)
            case FileMissingError() | NotYetWrittenError():
                found.never_written.append(path)
            case _:
                found.unreadable.append(f"{path}: {answer}")
        room.release()

    for (_acquisition, index), path in places.items():
        room.acquire()
        client.submit(
            ReadPixels(request=0, path=path, priority="prefetch"), partial(check, index, path)
        )
    for _ in range(IN_FLIGHT):
        room.acquire()


def rows(columns: Columns) -> Iterator[tuple[PlaneIndex, str]]:
    """Yield the index and the path of each plane in a chunk."""
    table = np.frombuffer(columns.integers, "<i4").reshape(-1, columns.planes)
    if columns.planes:
        for place, path in zip(table[:4].T.tolist(), columns.paths.split("\0"), strict=True):
            yield PlaneIndex(*place), path


def fetch_all(agent: str) -> Iterator[tuple[str, Columns]]:
    """Yield (acquisition, chunk of its events) for all that an agent remembers."""
    with JournalClient(agent) as journal:
        for summary in journal.list():
            for _chunk, payload in journal.chunks(summary.acquisition):
                yield summary.acquisition, unpack(payload)
