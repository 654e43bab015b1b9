"""Serves planes to other machines, which bring a key, from a worker of this one.

A process of its own: encrypting takes as long as reading, and must not slow what is local.
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Literal

import zmq

from planecast_protocol.errors import (
    BadMessageError,
    EndpointError,
    NotPermittedError,
    UnreachableError,
)
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.gatekeeper import Gatekeeper
from planecast_protocol.keys.guest_list import GuestList
from planecast_protocol.keys.trust import keys_for_listening
from planecast_protocol.messages import decode
from planecast_protocol.open_files import connections_of
from planecast_protocol.rare_log import RareLog
from planecast_protocol.sockets import server_socket
from planecast_protocol.visitors import Visitors
from planecast_reader.remote.guest_line import GuestLine
from planecast_reader.remote.packing import Packing
from planecast_reader.worker_link import WorkerLink, find_worker

BEAT_S = 0.5
"""How often the list of guests is looked at, and whether clients are still there."""
HELD_BACK_MS = 2
"""How soon an answer follows one that has left: libzmq rings no bell for that."""
STALLED_MS = 20
"""The same, while nothing has left for a while: whoever reads slowly must not keep us busy."""
STALLED_AFTER_S = 0.1
MAX_GUESTS = 256
MAX_GUESTS_OF_A_KEY = 128
MAX_UNSENT = 64
"""Answers that libzmq keeps for a client; further ones stay with its line."""
MAPPED_BYTES = 32 << 20
"""Of the shared memory, how much each client's line maps: all of it, for many, is much."""
_TURN_MESSAGES = 256

logger = logging.getLogger(__name__)

Ended = Literal["revoked", "unguarded", "stopped"]
"""`revoked`: a key was struck off, and all connections with it: run again. `unguarded`: nobody
checks keys any more."""


class Gateway:
    """One opening of the door. Made, run and closed in one thread."""

    def __init__(self, address: str, worker: str, keys: KeyFolder) -> None:
        """Bind. Raises `EndpointError` without keys, and where the address can't be bound."""
        own = keys_for_listening(address, keys)
        self._worker = worker
        self._guest_list = GuestList(keys)
        self._lines: dict[bytes, GuestLine] = {}
        self._n_refused = 0
        self._log = RareLog(logger)
        self._left_at = 0.0
        """When an answer has left last, while others are held back."""
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=2)
        self.gatekeeper = Gatekeeper(self._context, keys)
        try:
            self._door = server_socket(
                self._context, zmq.ROUTER, address, max_unsent=MAX_UNSENT, own=own
            )
        except zmq.ZMQError as trouble:
            self.gatekeeper.close()
            self._context.term()
            raise EndpointError(f"{address} can't be bound: {trouble}") from None
        self._door.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._visitors = Visitors(self._door, connections_of(2), address)
        self._packing = Packing()

    @property
    def refused(self) -> int:
        """Connections and messages that were turned away."""
        return self._n_refused + self.gatekeeper.refused

    def run(self, is_over: Callable[[], bool]) -> Ended:
        """Serve until `is_over`, which is asked twice a second."""
        beat_at = 0.0
        while True:
            now = time.monotonic()
            if now >= beat_at:
                beat_at = now + BEAT_S
                if not self.gatekeeper.alive:
                    return "unguarded"
                if is_over():
                    return "stopped"
                self._n_refused += self._visitors.count()
                if self.gatekeeper.has_lost(self._guest_list.guests()):
                    return "revoked"
                self._look_after_lines()
            self._turn(beat_at - now)

    def close(self) -> None:
        """End all connections. May be called twice."""
        for line in self._lines.values():
            line.link.close()
        self._lines.clear()
        if not self._door.closed:
            self._visitors.close()
            self._packing.close()
            self._door.close()
        self.gatekeeper.close()
        self._context.term()

    # ------------------------------------------------------------ a turn

    def _turn(self, wait_s: float) -> None:
        poller = zmq.Poller()
        poller.register(self._door, zmq.POLLIN)
        poller.register(self._visitors.news, zmq.POLLIN)
        poller.register(self._packing.bell, zmq.POLLIN)
        by_fd = {}
        for line in self._lines.values():
            by_fd[line.link.connection.socket.fileno()] = line
            poller.register(line.link.connection.socket.fileno(), line.watched)
        held_back = any(line.waits for line in self._lines.values())
        wait_ms = max(1, int(wait_s * 1000))
        if held_back:
            stalled = time.monotonic() - self._left_at > STALLED_AFTER_S
            wait_ms = min(wait_ms, STALLED_MS if stalled else HELD_BACK_MS)
        ready = dict(poller.poll(wait_ms))
        if self._visitors.news in ready:
            self._visitors.look()
        if self._door in ready:
            self._receive()
        for source, line in by_fd.items():
            if source in ready:
                self._attempt(line, line.listen)
        for identity, work in self._packing.take_done():
            if (packed_for := self._lines.get(identity)) is not None:
                self._attempt(packed_for, partial(packed_for.packed, work))
        for line in list(self._lines.values()):
            self._attempt(line, partial(self._let_speak, line))

    def _let_speak(self, line: GuestLine) -> None:
        if line.speak(self._door):
            self._left_at = time.monotonic()

    def _receive(self) -> None:
        for _ in range(_TURN_MESSAGES):
            try:
                parts = self._door.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            identity, user = parts[0].bytes, str(parts[-1].get("User-Id"))
            line = self._lines.get(identity)
            if line is None:
                line = self._welcome(identity, user)
                if line is None:
                    continue
            if len(parts) == 2 and len(parts[1]):
                self._attempt(line, partial(self._take, line, parts[1].bytes))

    def _welcome(self, identity: bytes, user: str) -> GuestLine | None:
        n_same = sum(line.user == user for line in self._lines.values())
        if len(self._lines) >= MAX_GUESTS or n_same >= MAX_GUESTS_OF_A_KEY:
            self._n_refused += 1
            text = "%d clients are connected, %d with the key of %s: one more is not"
            self._log.warning(f"full {user}", text, len(self._lines), n_same, user)
            return None
        try:
            link: WorkerLink = find_worker(self._worker, MAPPED_BYTES)
        except UnreachableError as trouble:
            self._log.warning("no worker", "the worker can't be reached for a client: %s", trouble)
            return None
        self._log.info(f"came {user}", "a client with the key of %s", user)
        self._lines[identity] = GuestLine(identity, user, link, self._packing)
        return self._lines[identity]

    def _take(self, line: GuestLine, body: bytes) -> None:
        message = decode(body)
        guest = self._guest_list.by_name().get(line.user)
        if guest is None or "view" not in guest.may:
            why = f"the key of {line.user} may not view here; the worker's operator can allow it"
            self._n_refused += 1
            self._log.warning(f"role {line.user}", "refused: %s", why)
            line.refuse(message, NotPermittedError(why))
            return
        line.ask(message)

    # ------------------------------------------------------------ lines

    def _attempt(self, line: GuestLine, act: Callable[[], None]) -> None:
        """Do something for a client; whatever breaks its line ends it, and nobody else's."""
        try:
            act()
        except BadMessageError as trouble:
            self._n_refused += 1
            text = "a client of %s is cut off: %s"
            self._log.warning(f"garbage {line.user}", text, line.user, trouble)
            self._drop(line)
        except (UnreachableError, zmq.ZMQError) as trouble:
            self._log.info(f"gone {line.user}", "a client of %s is gone: %s", line.user, trouble)
            self._drop(line)

    def _look_after_lines(self) -> None:
        """Say an empty word to each client, which fails if it is not there any more."""
        for line in list(self._lines.values()):
            try:
                self._door.send_multipart([line.identity, b""], zmq.NOBLOCK)
            except zmq.Again:
                continue  # it does not read, but it is there
            except zmq.ZMQError:
                self._drop(line)

    def _drop(self, line: GuestLine) -> None:
        if self._lines.pop(line.identity, None) is not None:
            line.link.close()
