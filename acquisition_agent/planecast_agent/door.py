"""The agent's two sockets: the door, where everybody asks, and the bell, which all can hear."""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import zmq

from planecast_agent.file_lock import LockFile
from planecast_agent.remote_entrance import MAX_UNHEARD, MAX_UNREAD, RemoteEntrance
from planecast_agent.roles import LOCAL
from planecast_protocol.agent_messages import AgentHeartbeat, Bell, Refused
from planecast_protocol.endpoints import AgentAddress, require_loopback
from planecast_protocol.errors import EndpointError, PlanecastError
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.limits import MAX_TEXT_CHARS
from planecast_protocol.messages import AnyMessage, encode
from planecast_protocol.open_files import connections_of
from planecast_protocol.sockets import server_socket
from planecast_protocol.state_messages import Ping, StateBell
from planecast_protocol.visitors import Visitors

MAX_UNSENT = 64
"""Answers kept for a peer that does not read; it asks again for what was dropped."""
TURN_MESSAGES = 64
TURN_BYTES = 1 << 20
"""One turn takes no more, so that its commit and its acks come soon: about 100 ms."""


NOBODY = "?"
"""A stranger who came in from another machine without a key, which can't be. May do nothing."""
_LOCAL, _REMOTE = b"l", b"r"
"""Identities begin so: those of one socket mean nothing to the other."""


class Door:
    """Where questions come in and answers go out. Belongs to the agent's thread."""

    def __init__(
        self,
        socket: "zmq.Socket[bytes]",
        entrance: RemoteEntrance | None = None,
        visitors: Sequence[Visitors] = (),
    ) -> None:
        """`visitors` watch this machine's sockets; the entrance has its own."""
        self._socket = socket
        self._entrance = entrance
        self._visitors = visitors
        self.user = LOCAL
        """Whose key the connection of the message that was received last has."""
        self._n_refused = 0

    @property
    def refused(self) -> int:
        """Messages since the start that are none of ours, damaged, or not for their sender.

        And connections from other machines that did not come in.
        """
        return self._n_refused + (0 if self._entrance is None else self._entrance.refused)

    def count_refused(self) -> None:
        """Count one more message that was not taken."""
        self._n_refused += 1

    def register(self, poller: zmq.Poller) -> None:
        """Have a poller wait for what arrives."""
        for socket in self._sockets().values():
            poller.register(socket, zmq.POLLIN)
        for visitors in self._all_visitors():
            poller.register(visitors.news, zmq.POLLIN)

    def look_at_visitors(self) -> None:
        """See who came and went, in each turn: many can come between two heartbeats."""
        for visitors in self._all_visitors():
            visitors.look()

    def is_remote(self, identity: bytes) -> bool:
        """Tell whether a connection comes from another machine."""
        return identity.startswith(_REMOTE)

    def receive(self) -> Iterator[tuple[bytes, list[bytes]]]:
        """Yield (who, frames) of what has arrived, as much as fits one turn of each socket."""
        for origin, socket in self._sockets().items():
            n_bytes = n_messages = 0
            while n_messages < TURN_MESSAGES and n_bytes < TURN_BYTES:
                try:
                    parts = socket.recv_multipart(zmq.NOBLOCK, copy=False)
                except zmq.Again:
                    break
                identity, *frames = (part.bytes for part in parts)
                self.user = _user(parts[-1])
                if origin == _REMOTE and self.user == LOCAL:
                    self.user = NOBODY
                n_messages += 1
                n_bytes += sum(len(frame) for frame in frames)
                yield origin + identity, frames or [b""]

    def has_news(self) -> bool:
        """Whether messages have arrived that were not received yet."""
        return any(socket.poll(0) for socket in self._sockets().values())

    def answer(
        self,
        identity: bytes,
        message: AnyMessage,
        *payload: bytes,
    ) -> None:
        """Send an answer without waiting; it is dropped where the peer does not read."""
        self._send(identity, message, *payload)

    def tell(self, identity: bytes, message: AnyMessage) -> bool:
        """Send what nobody asked for; `False` if that connection does not exist any more."""
        return self._send(identity, message)

    def reaches(self, identity: bytes) -> bool:
        """Tell whether a connection still exists."""
        return self.tell(identity, Ping())

    def refuse(self, identity: bytes, trouble: PlanecastError, request: int = 0) -> None:
        """Say why a message can't be served, and count it."""
        self.count_refused()
        why = str(trouble)[:MAX_TEXT_CHARS]
        self.answer(identity, Refused(request=request, code=type(trouble).__name__, why=why))

    def _sockets(self) -> "dict[bytes, zmq.Socket[bytes]]":
        if self._entrance is None or self._entrance.door is None:
            return {_LOCAL: self._socket}
        return {_LOCAL: self._socket, _REMOTE: self._entrance.door}

    def _all_visitors(self) -> list[Visitors]:
        return [*self._visitors, *(self._entrance.visitors if self._entrance else ())]

    def _send(self, identity: bytes, message: AnyMessage, *payload: bytes) -> bool:
        socket = self._sockets().get(identity[:1])
        if socket is None:  # closed meanwhile
            return False
        try:
            socket.send_multipart([identity[1:], encode(message), *payload], zmq.NOBLOCK)
        except zmq.Again:  # it does not read, but it is there
            return True
        except zmq.ZMQError as trouble:
            return trouble.errno != zmq.EHOSTUNREACH
        return True


def _user(part: zmq.Frame) -> str:
    try:
        return str(part.get("User-Id"))
    except zmq.ZMQError:  # a connection without a key
        return LOCAL


class BellRope:
    """What is rung here is heard by all subscribers that listen just now."""

    def __init__(self, socket: "zmq.Socket[bytes]", entrance: RemoteEntrance | None = None) -> None:
        self._socket = socket
        self._entrance = entrance

    def ring(self, message: Bell | AgentHeartbeat | StateBell) -> None:
        """Send to all. A subscriber that does not read misses it, which is harmless."""
        sound = encode(message)
        remote = None if self._entrance is None else self._entrance.bell
        for socket in (self._socket, remote):
            if socket is not None:
                with contextlib.suppress(zmq.Again):
                    socket.send(sound, zmq.NOBLOCK)


class Sockets(NamedTuple):
    """All that an agent listens and speaks through."""

    door: Door
    bell: BellRope
    entrance: RemoteEntrance | None
    """None: it is for this machine alone."""


def bind_sockets(
    address: str, stack: ExitStack, remote: str = "", keys: KeyFolder | None = None
) -> Sockets:
    """Bind both sockets of `address`, and those of `remote` with keys; `stack` closes them.

    Raises `EndpointError` where `address` is not this machine's alone, where there are no keys
    for `remote`, or where one is in use.
    """
    endpoints = AgentAddress.listening(address)
    require_loopback(address)
    in_use = f"{address} is in use by another agent: stop it or give another address"
    if address.startswith("ipc://"):
        # Binding unlinks a living process's socket without a word: a lock beside it tells.
        lock = Path(address.removeprefix("ipc://") + ".lock")
        stack.enter_context(LockFile(lock, in_use))
    context: zmq.Context[zmq.Socket[bytes]] = stack.enter_context(zmq.Context())
    most = connections_of(4 if remote else 2)
    try:
        door = server_socket(
            context, zmq.ROUTER, endpoints.door, max_unsent=MAX_UNSENT, max_unread=MAX_UNREAD
        )
        stack.callback(door.close)
        # Without it nothing tells a connection that is gone from one that is there.
        door.setsockopt(zmq.ROUTER_MANDATORY, 1)
        bell = server_socket(context, zmq.PUB, endpoints.bell, max_unsent=MAX_UNHEARD)
        stack.callback(bell.close)
    except zmq.ZMQError as trouble:
        if trouble.errno == zmq.EADDRINUSE:
            raise EndpointError(in_use) from None
        raise EndpointError(f"{address} can't be bound: {trouble}") from None
    visitors = []
    for socket, endpoint in ((door, endpoints.door), (bell, endpoints.bell)):
        visitors.append(Visitors(socket, most, endpoint, keyed=False))
        stack.callback(visitors[-1].close)
    entrance = None
    if remote:
        entrance = RemoteEntrance(context, remote, keys or KeyFolder(), MAX_UNSENT, most)
        stack.callback(entrance.close)
    return Sockets(Door(door, entrance, visitors), BellRope(bell, entrance), entrance)
