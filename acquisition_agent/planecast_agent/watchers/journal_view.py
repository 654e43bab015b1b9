"""What the agent's journal has of one acquisition: asked for with plain messages."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import zmq

from planecast_agent.watchers.announced import FileState, PlaneKey
from planecast_protocol.agent_messages import CursorBeyond, EventChunk, FetchEvents
from planecast_protocol.columns import INTEGER_COLUMNS, Columns, unpack
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.errors import AcquisitionError, AgentUnreachableError
from planecast_protocol.event_messages import EndAcquisition, StartAcquisition
from planecast_protocol.limits import RECONNECT_AFTER_S
from planecast_protocol.messages import decode, decode_event, encode
from planecast_protocol.sockets import client_socket


@dataclass
class JournalView:
    """One acquisition, as the agent has it."""

    start: StartAcquisition
    planes: dict[PlaneKey, FileState]
    """Each plane's file, as it was last registered."""
    ended: bool


def read_journal(agent: str, acquisition: str) -> JournalView:
    """Fetch all events of an acquisition.

    Raises `AgentUnreachableError`, and `AcquisitionError` if the agent does not know it.
    """
    start: StartAcquisition | None = None
    planes: dict[PlaneKey, FileState] = {}
    ended = False
    for columns in _fetch(agent, acquisition):
        for _, body in columns.others:
            event = decode_event(body)
            if isinstance(event, StartAcquisition):
                start = event
            ended = ended or isinstance(event, EndAcquisition)
        planes.update(_planes(columns))
    if start is None:
        raise AcquisitionError(
            f"the agent at {agent} knows no acquisition {acquisition}: planecast acquisitions "
            "lists those that it knows"
        )
    return JournalView(start, planes, ended)


def _fetch(agent: str, acquisition: str) -> Iterator[Columns]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, client_socket(context, zmq.DEALER, AgentAddress.parse(agent).door) as door:
        first = 1
        while True:
            door.send(encode(FetchEvents(request=first, acquisition=acquisition, first=first)))
            if not door.poll(int(RECONNECT_AFTER_S * 1000)):
                raise AgentUnreachableError(
                    f"no agent answers at {agent}; start one with: planecast agent"
                )
            header, *payload = door.recv_multipart()
            answer = decode(header)
            if not isinstance(answer, EventChunk | CursorBeyond):
                raise AcquisitionError(
                    f"the agent at {agent} knows no acquisition {acquisition}: planecast "
                    "acquisitions lists those that it knows"
                )
            if isinstance(answer, CursorBeyond) or not answer.count:
                return
            yield unpack(b"".join(payload))
            first += answer.count


def _planes(columns: Columns) -> Iterator[tuple[PlaneKey, FileState]]:
    rows = columns.planes
    integers, sizes, mtimes = array("i"), array("q"), array("q")
    integers.frombytes(columns.integers)
    sizes.frombytes(columns.sizes)
    mtimes.frombytes(columns.mtimes)
    axes = [
        integers[at * rows : (at + 1) * rows]
        for at in map(INTEGER_COLUMNS.index, ("t", "fov", "z", "channel"))
    ]
    for *place, size, mtime in zip(*axes, sizes, mtimes, strict=True):
        t, fov, z, channel = place
        known = (None if size < 0 else size, None if mtime < 0 else mtime)
        yield (t, fov, z, channel), known
