"""The agent's two sockets: the door, where everybody asks, and the bell, which all can hear."""

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import zmq

from planecast_agent.file_lock import LockFile
from planecast_agent.roles import LOCAL
from planecast_protocol.agent_messages import AgentHeartbeat, Bell, Refused
from planecast_protocol.endpoints import AgentAddress, require_loopback
from planecast_protocol.errors import EndpointError, PlanecastError
from planecast_protocol.limits import MAX_TEXT_CHARS
from planecast_protocol.messages import AnyMessage, encode
from planecast_protocol.sockets import server_socket
from planecast_protocol.state_messages import Ping, StateBell

MAX_UNSENT = 64
"""Answers kept for a peer that does not read; it asks again for what was dropped."""
TURN_MESSAGES = 64
TURN_BYTES = 1 << 20
"""One turn takes no more, so that its commit and its acks come soon: about 100 ms."""


class Door:
    """Where questions come in and answers go out. Belongs to the agent's thread."""

    def __init__(self, socket: "zmq.Socket[bytes]") -> None:
        self.socket = socket
        self.user = LOCAL
        """Whose key the connection of the message that was received last has."""
        self.refused = 0
        """Messages since the start that are none of ours, damaged, or not for their sender."""

    def receive(self) -> Iterator[tuple[bytes, list[bytes]]]:
        """Yield (who, frames) of what has arrived, as much as fits one turn."""
        n_bytes = n_messages = 0
        while n_messages < TURN_MESSAGES and n_bytes < TURN_BYTES:
            try:
                parts = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            identity, *frames = (part.bytes for part in parts)
            self.user = _user(parts[-1])
            n_messages += 1
            n_bytes += sum(len(frame) for frame in frames)
            yield identity, frames or [b""]

    def has_news(self) -> bool:
        """Whether messages have arrived that were not received yet."""
        return bool(self.socket.poll(0))

    def answer(
        self,
        identity: bytes,
        message: AnyMessage,
        *payload: bytes,
    ) -> None:
        """Send an answer without waiting; it is dropped where the peer does not read."""
        with contextlib.suppress(zmq.ZMQError):
            self.socket.send_multipart([identity, encode(message), *payload], zmq.NOBLOCK)

    def tell(self, identity: bytes, message: AnyMessage) -> bool:
        """Send what nobody asked for; `False` if that connection does not exist any more."""
        try:
            self.socket.send_multipart([identity, encode(message)], zmq.NOBLOCK)
        except zmq.Again:  # it does not read, but it is there
            return True
        except zmq.ZMQError as trouble:
            return trouble.errno != zmq.EHOSTUNREACH
        return True

    def reaches(self, identity: bytes) -> bool:
        """Tell whether a connection still exists."""
        return self.tell(identity, Ping())

    def refuse(self, identity: bytes, trouble: PlanecastError, request: int = 0) -> None:
        """Say why a message can't be served, and count it."""
        self.refused += 1
        why = str(trouble)[:MAX_TEXT_CHARS]
        self.answer(identity, Refused(request=request, code=type(trouble).__name__, why=why))


def _user(part: zmq.Frame) -> str:
    try:
        return str(part.get("User-Id"))
    except zmq.ZMQError:  # a connection without a key
        return LOCAL


class BellRope:
    """What is rung here is heard by all subscribers that listen just now."""

    def __init__(self, socket: "zmq.Socket[bytes]") -> None:
        self._socket = socket

    def ring(self, message: Bell | AgentHeartbeat | StateBell) -> None:
        """Send to all. A subscriber that does not read misses it, which is harmless."""
        with contextlib.suppress(zmq.Again):
            self._socket.send(encode(message), zmq.NOBLOCK)


def bind_sockets(address: str, stack: ExitStack) -> tuple[Door, BellRope]:
    """Bind both sockets of `address`; `stack` closes them.

    Raises `EndpointError` where the address is not this machine's alone, or in use.
    """
    endpoints = AgentAddress.parse(address)
    require_loopback(address)
    in_use = f"{address} is in use by another agent: stop it or give another address"
    if address.startswith("ipc://"):
        # Binding unlinks a living process's socket without a word: a lock beside it tells.
        lock = Path(address.removeprefix("ipc://") + ".lock")
        stack.enter_context(LockFile(lock, in_use))
    context: zmq.Context[zmq.Socket[bytes]] = stack.enter_context(zmq.Context())
    try:
        door = server_socket(context, zmq.ROUTER, endpoints.door, max_unsent=MAX_UNSENT)
        stack.callback(door.close)
        # Without it nothing tells a connection that is gone from one that is there.
        door.setsockopt(zmq.ROUTER_MANDATORY, 1)
        bell = server_socket(context, zmq.PUB, endpoints.bell)
        stack.callback(bell.close)
    except zmq.ZMQError as trouble:
        if trouble.errno == zmq.EADDRINUSE:
            raise EndpointError(in_use) from None
        raise EndpointError(f"{address} can't be bound: {trouble}") from None
    return Door(door), BellRope(bell)
