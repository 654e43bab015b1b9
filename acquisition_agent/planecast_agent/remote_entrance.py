"""The agent's sockets for other machines: open while somebody checks keys, closed otherwise."""

import logging
import time
from collections.abc import Mapping

import zmq

from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.errors import EndpointError
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.gatekeeper import Gatekeeper
from planecast_protocol.keys.guest_list import GuestList
from planecast_protocol.keys.guests import Guest
from planecast_protocol.keys.trust import keys_for_listening
from planecast_protocol.sockets import server_socket
from planecast_protocol.visitors import Visitors

MAX_UNREAD = 64
"""Messages of one peer that wait for the agent, each of 1 MiB at most. A controller has 8 batches
under way."""
MAX_UNHEARD = 256
"""Sounds of the bell that are kept for one who does not listen: it misses nothing by that."""
BIND_AGAIN_S = 10.0
"""For so long the address may be in use by the sockets that were closed before."""

logger = logging.getLogger(__name__)


class RemoteEntrance:
    """A door and a bell with keys. Belongs to the agent's thread."""

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        address: str,
        keys: KeyFolder,
        max_unsent: int,
        most: int,
    ) -> None:
        """Bind. Raises `EndpointError` without keys, and where the address can't be bound.

        Each socket keeps at most `most` connections.
        """
        self._own = keys_for_listening(address, keys)
        self._context = context
        self._address = address
        self._max_unsent, self._most = max_unsent, most
        self._guest_list = GuestList(keys)
        self.visitors: list[Visitors] = []
        self._n_strangers = 0
        self._closed_since = 0.0
        self.door: zmq.Socket[bytes] | None = None
        """None while it is closed."""
        self.bell: zmq.Socket[bytes] | None = None
        self.alarm = ""
        """What an operator must know; empty: nothing."""
        self.gatekeeper = Gatekeeper(context, keys)
        try:
            self._open()
        except zmq.ZMQError as trouble:
            self.close()
            raise EndpointError(f"{address} can't be bound: {trouble}") from None

    @property
    def refused(self) -> int:
        """Connections that were turned away since the start."""
        return self._n_strangers + self.gatekeeper.refused

    def guests(self) -> Mapping[str, Guest]:
        """Return the guests by name, as they are listed now."""
        return self._guest_list.by_name()

    def look(self) -> bool:
        """See who was struck off, and whether keys are still checked; with every heartbeat.

        Returns whether `door` and `bell` are others now.
        """
        self._n_strangers += sum(visitors.count() for visitors in self.visitors)
        guests = self._guest_list.guests()
        door = self.door
        if not self.gatekeeper.alive:
            if door is not None:
                self.alarm = "nobody checks keys any more: other machines are shut out; restart us"
                logger.error("%s: %s", self._address, self.alarm)
                self._shut()
        elif door is None:
            self._open_again()
        elif self.gatekeeper.has_lost(guests):
            # ZAP is asked at the beginning of a connection only: end them all, and those who
            # are still on the list come back by themselves.
            logger.info("%s: a key was revoked or changed; guests connect anew", self._address)
            self._shut()
            self._open_again()
        else:
            self.alarm = self._guest_list.trouble
        return self.door is not door

    def close(self) -> None:
        """Close the sockets and end the thread. May be called twice."""
        self._shut()
        self.gatekeeper.close()

    def _open(self) -> None:
        endpoints = AgentAddress.listening(self._address)
        door = server_socket(
            self._context,
            zmq.ROUTER,
            endpoints.door,
            max_unsent=self._max_unsent,
            max_unread=MAX_UNREAD,
            own=self._own,
        )
        door.setsockopt(zmq.ROUTER_MANDATORY, 1)
        try:
            bell = server_socket(
                self._context, zmq.PUB, endpoints.bell, max_unsent=MAX_UNHEARD, own=self._own
            )
        except zmq.ZMQError:
            door.close()
            raise
        self.door, self.bell = door, bell
        self.visitors = [
            Visitors(door, self._most, endpoints.door),
            Visitors(bell, self._most, endpoints.bell),
        ]

    def _open_again(self) -> None:
        try:
            self._open()
        except zmq.ZMQError as trouble:
            # The old sockets are closed by another thread: they may need a moment.
            if time.monotonic() - self._closed_since > BIND_AGAIN_S:
                self.alarm = f"{self._address} can't be bound again: {trouble}"
        else:
            self.alarm = ""

    def _shut(self) -> None:
        self._closed_since = time.monotonic()
        self.gatekeeper.forget()
        for visitors in self.visitors:
            visitors.close()
        self.visitors = []
        for socket in (self.door, self.bell):
            if socket is not None:
                socket.close()
        self.door = self.bell = None
