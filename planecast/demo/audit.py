"""The demo's last check: every registered plane is read again, and says which one it is."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import zmq

from planecast.demo.identity import decode
from planecast_protocol.agent_messages import (
    AcquisitionList,
    EventChunk,
    FetchEvents,
    ListAcquisitions,
)
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.columns import Columns, unpack
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.errors import (
    AgentUnreachableError,
    FileMissingError,
    NotYetWrittenError,
    PlanecastError,
)
from planecast_protocol.messages import decode as decode_message
from planecast_protocol.messages import encode
from planecast_protocol.reader_messages import ReadPixels
from planecast_protocol.sockets import client_socket
from planecast_reader.client import Answer, PixelAnswer, ReaderClient

ANSWER_TIMEOUT_S = 10.0
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
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, client_socket(context, zmq.DEALER, AgentAddress.parse(agent).door) as door:
        listed = _ask(door, ListAcquisitions(request=1))
        assert isinstance(listed[0], AcquisitionList)
        for summary in listed[0].acquisitions:
            first = 1
            while first <= summary.head:
                fetch = FetchEvents(request=2, acquisition=summary.acquisition, first=first)
                chunk, payload = _ask(door, fetch)
                if not isinstance(chunk, EventChunk) or chunk.count == 0:
                    break
                yield summary.acquisition, unpack(payload)
                first += chunk.count


def _ask(
    door: "zmq.Socket[bytes]", question: ListAcquisitions | FetchEvents
) -> tuple[object, bytes]:
    door.send(encode(question))
    if not door.poll(int(1000 * ANSWER_TIMEOUT_S)):
        raise AgentUnreachableError(f"the agent did not answer within {ANSWER_TIMEOUT_S:g} s")
    frames = door.recv_multipart()
    try:
        return decode_message(frames[0]), frames[1] if len(frames) > 1 else b""
    except PlanecastError as trouble:
        raise AgentUnreachableError(f"the agent's answer is not understood: {trouble}") from None
