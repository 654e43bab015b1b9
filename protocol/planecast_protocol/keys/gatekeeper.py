"""Lets in the guests on the list, and nobody else: libzmq asks here (ZAP, ZeroMQ's RFC 27).

It asks at the beginning of a connection only. Who was let in and is struck off later stays
connected until the sockets are closed.
"""

import logging
import threading
from collections.abc import Mapping

import zmq

from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.guest_list import GuestList
from planecast_protocol.keys.guests import Guest
from planecast_protocol.keys.key import KEY_BYTES, key_text

ZAP_ENDPOINT = "inproc://zeromq.zap.01"
DOMAIN = b"planecast"
_LOOK_MS = 100
"""How soon `close` is noticed."""
_MAX_NAMED = 256
"""Refusals that are written to the log one by one; a flood must not fill the disk."""

logger = logging.getLogger(__name__)


class Gatekeeper:
    """A thread that answers for all sockets of one context. Make it before they are bound."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", keys: KeyFolder) -> None:
        self.refused = 0
        """Connections with a key that is not on the list, or not any more."""
        self._guests = GuestList(keys)
        self._let_in: dict[bytes, Guest] = {}
        self._named: set[tuple[bytes, str]] = set()
        self._closing = threading.Event()
        self._zap = context.socket(zmq.REP)
        self._zap.setsockopt(zmq.LINGER, 0)
        try:
            self._zap.bind(ZAP_ENDPOINT)
        except zmq.ZMQError:
            self._zap.close()
            raise
        self.thread = threading.Thread(target=self._run, name="gatekeeper", daemon=True)
        self.thread.start()

    @property
    def alive(self) -> bool:
        """Whether somebody is at the gate. If not, close the doors."""
        return self.thread.is_alive()

    def has_lost(self, guests: Mapping[bytes, Guest]) -> bool:
        """Tell whether any who was let in is not on the list any more, or may less than then."""
        for key, then in list(self._let_in.items()):
            now = guests.get(key)
            if now is None or now.name != then.name or then.may - now.may:
                return True
        return False

    def forget(self) -> None:
        """Forget who was let in: all connections were closed."""
        self._let_in.clear()

    def close(self) -> None:
        """End the thread. May be called twice."""
        self._closing.set()
        self.thread.join()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                if self._zap.poll(_LOOK_MS):
                    self._zap.send_multipart(self._answer(self._zap.recv_multipart()))
        finally:
            # Nobody at the gate: libzmq refuses by itself, because the domain is enforced.
            self._zap.close()

    def _answer(self, question: list[bytes]) -> list[bytes]:
        version, request, domain, address, _identity, mechanism, *credentials = question
        key = credentials[0] if credentials else b""
        where = address.decode("utf-8", "replace")
        if domain != DOMAIN or mechanism != b"CURVE" or len(key) != KEY_BYTES:
            user = self._refuse(key, where, "it brought no key")
        else:
            guest = self._guests.guests().get(key)
            if guest is None:
                user = self._refuse(key, where, f"the key {key_text(key)} is not on the list")
            elif guest.revoked:
                user = self._refuse(key, where, f"the key of {guest.name} was revoked")
            else:
                user = guest.name
                self._let_in[key] = guest
        status = (b"200", b"OK") if user else (b"400", b"not on the list")
        return [version, request, *status, user.encode(), b""]

    def _refuse(self, key: bytes, where: str, why: str) -> str:
        self.refused += 1
        if (key, where) not in self._named and len(self._named) < _MAX_NAMED:
            self._named.add((key, where))
            logger.warning("refused a connection from %s: %s", where, why)
        return ""
