"""Asks an agent about its journal, one question at a time: for scripts and the command line."""

from collections.abc import Iterator
from typing import Self, TypeVar

import zmq

from planecast_protocol.agent_messages import (
    AcquisitionList,
    AcquisitionSummary,
    CursorBeyond,
    EventChunk,
    FetchEvents,
    ListAcquisitions,
    Refused,
)
from planecast_protocol.endpoints import AgentAddress, as_reached, default_agent_address
from planecast_protocol.errors import (
    AcquisitionError,
    AgentUnreachableError,
    ErrorInfo,
    PlanecastError,
)
from planecast_protocol.limits import RECONNECT_AFTER_S
from planecast_protocol.messages import AnyMessage, decode, encode
from planecast_protocol.retention_messages import (
    AcquisitionDetails,
    AcquisitionForgotten,
    DescribeAcquisition,
    ForgetAcquisition,
)
from planecast_protocol.sockets import client_socket

Answer = TypeVar("Answer", bound=AnyMessage)


class JournalClient:
    """A connection to an agent's door. Belongs to one thread; close it, or use `with`.

    The methods raise `AgentUnreachableError` if nobody answers, and what the agent answers.
    """

    def __init__(self, agent: str | None = None) -> None:
        """Connect to `agent`, or to this user's agent."""
        self.address = agent or default_agent_address()
        door = AgentAddress.parse(self.address).door
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._door = client_socket(self._context, zmq.DEALER, door)
        self._request = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. May be called twice."""
        self._door.close()
        self._context.term()

    def list(self) -> list[AcquisitionSummary]:
        """Return all acquisitions, oldest first."""
        self._request += 1
        question = ListAcquisitions(request=self._request)
        return self._ask(question, AcquisitionList)[0].acquisitions

    def worker(self) -> str:
        """Return the address of the agent's reader worker, as reached from here; empty: none."""
        self._request += 1
        question = ListAcquisitions(request=self._request)
        told = self._ask(question, AcquisitionList)[0].worker
        return as_reached(told, AgentAddress.parse(self.address).door)

    def find(self, acquisition: str) -> AcquisitionSummary:
        """Return an acquisition by its id, or the newest of a name; `"latest"`: the newest.

        Raises `AcquisitionError` if there is none.
        """
        listed = self.list()
        named = [one for one in listed if acquisition in (one.name, one.acquisition)]
        if acquisition == "latest":
            named = listed
        if not named:
            known = ", ".join(one.acquisition for one in listed[-5:]) or "none"
            raise AcquisitionError(
                f"the agent at {self.address} has no acquisition {acquisition!r}; "
                f"the newest it has: {known}"
            )
        return named[-1]

    def describe(self, acquisition: str) -> AcquisitionDetails:
        """Return all about an acquisition, by its id."""
        self._request += 1
        question = DescribeAcquisition(request=self._request, acquisition=acquisition)
        return self._ask(question, AcquisitionDetails)[0]

    def forget(self, acquisition: str, *, force: bool = False) -> int:
        """Have an acquisition forgotten; return the bytes that it took.

        Raises `AcquisitionError` while its controller lives, unless `force`.
        """
        self._request += 1
        question = ForgetAcquisition(request=self._request, acquisition=acquisition, force=force)
        return self._ask(question, AcquisitionForgotten)[0].n_bytes

    def chunks(self, acquisition: str) -> Iterator[tuple[EventChunk, bytes]]:
        """Yield the events that there are by now, as chunks of `columns.pack`."""
        first, head = 1, 1
        while first <= head:
            self._request += 1
            fetch = FetchEvents(request=self._request, acquisition=acquisition, first=first)
            chunk, payload = self._ask(fetch, EventChunk)
            if first == 1:
                head = chunk.head
            if not chunk.count:
                return
            yield chunk, payload
            first += chunk.count

    def _ask(
        self,
        question: ListAcquisitions | FetchEvents | DescribeAcquisition | ForgetAcquisition,
        expected: type[Answer],
    ) -> tuple[Answer, bytes]:
        self._door.send(encode(question))
        while self._door.poll(int(RECONNECT_AFTER_S * 1000)):
            frames = self._door.recv_multipart()
            answer = decode(frames[0])
            if getattr(answer, "request", None) != question.request:
                continue  # of an earlier question that was given up
            if isinstance(answer, Refused):
                raise PlanecastError.from_info(ErrorInfo(code=answer.code, message=answer.why))
            if isinstance(answer, CursorBeyond):
                raise AcquisitionError("the agent's journal was filled anew meanwhile: try again")
            if not isinstance(answer, expected):
                kind = type(answer).__name__
                raise AgentUnreachableError(f"{self.address}: answered with {kind}")
            return answer, frames[-1]
        raise AgentUnreachableError(
            f"no agent answers at {self.address}; start one with: planecast agent"
        )
