"""The thread that follows controllers: their state up, commands down, and who lives."""

import logging
import math
import os
import queue
import socket as system_socket
import threading
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import NamedTuple

import zmq

from planecast_agent.subscriber.command_calls import CommandCalls, OnAnswer
from planecast_agent.subscriber.control_picture import ControlBook, ControlPicture
from planecast_agent.wakeup import WakeUp
from planecast_protocol.agent_messages import Farewell
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.errors import BadMessageError
from planecast_protocol.limits import (
    CLOSE_TIMEOUT_S,
    HEARTBEAT_S,
    RECONNECT_AFTER_S,
    REQUEST_TIMEOUT_S,
    SILENT_AFTER_S,
)
from planecast_protocol.messages import AnyMessage, decode, encode
from planecast_protocol.sockets import client_socket
from planecast_protocol.state_messages import Part, PartBeat
from planecast_protocol.values import Scalar

BELL_REST_S = 0.03
"""Bells are heard no more often: those of a fast acquisition are of no interest here, and state
is told no more often."""
FAREWELL_MS = 200
"""How long the last message may take to leave."""

Socket = zmq.Socket[bytes]

logger = logging.getLogger(__name__)


class _Wish(NamedTuple):
    controller: str
    name: str
    arguments: Mapping[str, Scalar]
    deadline: float
    on_answer: OnAnswer


class ControlFollower:
    """Keeps a `ControlPicture`. The sockets live and die in its thread; any may call methods."""

    def __init__(
        self,
        address: str,
        *,
        on_change: Callable[[], object],
        introduce: Callable[[], Part | None] | None = None,
        sender: str = "",
    ) -> None:
        """Prepare to follow.

        `on_change` is called by the follower's thread when `picture` is another one.
        `introduce` says who we are and what we show; called for every heartbeat, which is left
        out if it returns `None`: a program whose main thread hangs is silent. `sender` is shown
        to people beside our commands.
        """
        self._address = AgentAddress.parse(address)
        self._on_change = on_change
        self._introduce = introduce
        self._introduced: Part | None = None
        requests = count(1)
        self._book = ControlBook(requests)
        self._calls = CommandCalls(sender or default_sender(), requests)
        self._wishes: queue.SimpleQueue[_Wish] = queue.SimpleQueue()
        self._heard_at: float | None = None
        self._clock_at = self._asked_at = self._beat_at = float("-inf")
        self._closing = threading.Event()
        self._wakeup = WakeUp()
        self.picture = ControlPicture()
        """What is known now; replaced as a whole."""
        self._thread = threading.Thread(target=self._run, name="control-follower", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def send(
        self,
        controller: str,
        name: str,
        arguments: Mapping[str, Scalar],
        timeout_s: float,
        on_answer: OnAnswer,
    ) -> None:
        """Send a command; `on_answer` is called once, in the follower's thread."""
        deadline = time.monotonic() + timeout_s
        self._wishes.put(_Wish(controller, name, arguments, deadline, on_answer))
        self._wakeup.ring()

    def close(self) -> None:
        """End the thread and wait for it. May be called twice."""
        self._closing.set()
        self._wakeup.ring()
        if self._thread.is_alive():
            self._thread.join(CLOSE_TIMEOUT_S)
        if not self._thread.is_alive():
            self._wakeup.close()

    # ------------------------------------------------------------ in the follower's thread

    def _run(self) -> None:
        context: zmq.Context[Socket] = zmq.Context()
        try:
            while not self._closing.is_set():
                with (
                    client_socket(context, zmq.SUB, self._address.bell) as bell,
                    client_socket(context, zmq.DEALER, self._address.door) as door,
                ):
                    bell.subscribe(b"")
                    self._converse(bell, door)
        finally:
            context.term()

    def _converse(self, bell: Socket, door: Socket) -> None:
        """Talk on this socket until the agent was silent for too long, or all is over."""
        poller = zmq.Poller()
        for source in (door, self._wakeup):
            poller.register(source, zmq.POLLIN)
        bell_heard_at = float("-inf")
        self._book.give_up()
        since = time.monotonic()
        while not self._closing.is_set():
            now = time.monotonic()
            if now - max(since, self._heard_at or since) > RECONNECT_AFTER_S:
                # What sits in the old sockets is dropped with them. Who was refused once is not
                # let in on the same socket, listed or not.
                return
            self._speak(door, now)
            self._tell(changed=False)
            due_s = min(now + HEARTBEAT_S, self._calls.due_at()) - now
            rest_s = bell_heard_at + BELL_REST_S - now
            if rest_s <= 0:
                poller.register(bell, zmq.POLLIN)
            elif bell in poller:
                poller.unregister(bell)
            ready = dict(poller.poll(_whole_ms(min(due_s, rest_s) if rest_s > 0 else due_s)))
            self._wakeup.clear()
            if bell in ready:
                bell_heard_at = time.monotonic()
            changed = (bell in ready and self._receive(bell)) | self._receive(door)
            self._tell(changed=changed)
        if self._introduced is not None and self._heard_at is not None:
            door.setsockopt(zmq.LINGER, FAREWELL_MS)
            _send(door, Farewell(publisher=self._introduced.part))

    def _speak(self, door: Socket, now: float) -> None:
        if self._introduce is not None and now >= self._beat_at:
            self._beat_at = now + HEARTBEAT_S
            part = self._introduce()
            if part is not None:
                self._introduced = part
                _send(door, PartBeat(part=part))
        if self._book.outstanding is not None and now - self._asked_at > REQUEST_TIMEOUT_S:
            self._book.give_up()
        request = self._book.next_request()
        if request is not None:
            self._asked_at = now
            _send(door, request)
        while not self._wishes.empty():
            self._calls.add(*self._wishes.get())
        agent_clock_s = self._book.clock_s + now - self._clock_at
        for order in self._calls.speak(now, self._book.boot, agent_clock_s):
            _send(door, order)

    def _receive(self, socket: Socket) -> bool:
        """Take all that has arrived; return whether the picture changed."""
        changed = False
        while True:
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return changed
            try:
                message = decode(frames[-1])
            except BadMessageError as trouble:
                logger.warning("a message of %s was dropped: %s", self._address.door, trouble)
                continue
            clock_s = self._book.clock_s
            changed |= self._book.take(message)
            self._heard_at = time.monotonic()
            if self._book.clock_s != clock_s:
                self._clock_at = self._heard_at
            self._calls.listen(message)

    def _tell(self, *, changed: bool) -> None:
        silent_s = 0.0 if self._heard_at is None else time.monotonic() - self._heard_at
        if self._heard_at is None or not self._book.is_complete:
            picture = self._book.picture("connecting", 0.0)
        elif silent_s <= SILENT_AFTER_S:
            picture = self._book.picture("live", 0.0)
        else:
            picture = self._book.picture("silent", float(int(silent_s)))
        before = self.picture
        if changed or (picture.agent, picture.silent_s) != (before.agent, before.silent_s):
            self.picture = picture
            self._on_change()


def _whole_ms(seconds: float) -> int:
    return max(0, math.ceil(1000 * seconds))


def _send(door: Socket, message: AnyMessage) -> None:
    try:
        door.send(encode(message), zmq.NOBLOCK)
    except zmq.Again:
        logger.debug("nobody there yet; saying it again later")


def default_sender() -> str:
    """Return how we are named beside our commands."""
    return f"process {os.getpid()} on {system_socket.gethostname()}"
