"""Listens to an agent's heartbeat."""

import time
from typing import Literal, Self

import zmq

from planecast.status.reaching import reach
from planecast_protocol.agent_messages import AgentHeartbeat
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.errors import BadMessageError
from planecast_protocol.limits import SILENT_AFTER_S
from planecast_protocol.messages import decode
from planecast_protocol.sockets import client_socket

AgentLife = Literal["connecting", "live", "silent", "absent"]
"""`silent`: somebody listens there, but says nothing. `absent`: nobody does."""


class AgentEar:
    """Hears one agent, in one thread. Close it, or use `with`."""

    def __init__(self, address: str) -> None:
        """Begin to listen. Raises `EndpointError` for a malformed address."""
        self.address = address
        parsed = AgentAddress.parse(address)
        self._door = parsed.door
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._bell = client_socket(self._context, zmq.SUB, parsed.bell)
        self._bell.subscribe(b"")
        self._since = time.monotonic()
        self._heard_at: float | None = None
        self.beats: list[AgentHeartbeat] = []
        """The last two: their difference is a rate."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening. May be called twice."""
        self._bell.close()
        self._context.term()

    def listen(self, timeout_s: float) -> bool:
        """Wait for the next heartbeat; return whether one came."""
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            if not self._bell.poll(max(1, int(left_s * 1000))):
                return False
            try:
                message = decode(self._bell.recv_multipart()[-1])
            except BadMessageError:
                continue
            self._heard_at = time.monotonic()
            if isinstance(message, AgentHeartbeat):
                self.beats = [*self.beats[-1:], message]
                return True
        return False

    def catch_up(self) -> None:
        """Take the heartbeats that came while nobody listened."""
        while self.listen(0.001):
            pass

    @property
    def silent_s(self) -> float:
        """How long ago the agent was last heard, or how long we listen in vain."""
        return time.monotonic() - (self._heard_at or self._since)

    @property
    def life(self) -> AgentLife:
        """How the agent is."""
        if self._heard_at is not None:
            return "live" if self.silent_s <= SILENT_AFTER_S else "silent"
        if reach(self._door) != "listens":
            return "absent"
        return "connecting" if self.silent_s <= SILENT_AFTER_S else "silent"
