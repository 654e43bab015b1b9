"""Carries a controller's state to the agent, and commands back, in a thread of its own."""

import logging
import math
import select
import threading
import time

import zmq

from planecast_agent.command_runner import CommandRunner
from planecast_agent.controller_dialogue import ControllerDialogue
from planecast_agent.state_book import StateBook
from planecast_agent.wakeup import WakeUp
from planecast_protocol.agent_messages import Farewell
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.errors import BadMessageError
from planecast_protocol.limits import CLOSE_TIMEOUT_S, RECONNECT_AFTER_S, SILENT_AFTER_S
from planecast_protocol.messages import decode, encode
from planecast_protocol.sockets import client_socket
from planecast_protocol.state_messages import Part

FAREWELL_MS = 500
"""How long the last message may take to leave."""

logger = logging.getLogger(__name__)


class ControllerLink:
    """Owns the socket. The methods may be called from any thread."""

    def __init__(self, part: Part, address: str, book: StateBook, runner: CommandRunner) -> None:
        self._door = AgentAddress.parse(address).door
        self._part = part
        self._dialogue = ControllerDialogue(part, book, runner)
        self._heard_at = float("-inf")
        self._trouble = ""
        self._started_at = time.monotonic()
        self._close_by = math.inf
        self._asleep = False
        self._wakeup = WakeUp()
        self._thread = threading.Thread(target=self._run, name="planecast-controller", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether the agent was heard lately."""
        return time.monotonic() - self._heard_at <= SILENT_AFTER_S

    @property
    def alarm(self) -> str:
        """What an operator must know of the way to the agent; empty: nothing."""
        return self._trouble or self._dialogue.alarm

    def wake(self) -> None:
        """Say that there is news. Costs nothing while the link is awake."""
        if self._asleep:
            self._asleep = False
            self._wakeup.ring()

    def close(self, timeout_s: float) -> None:
        """Bring the last news to the agent, for so long at most, and end the thread.

        May be called twice.
        """
        self._close_by = min(self._close_by, time.monotonic() + timeout_s)
        self._wakeup.ring()
        self._thread.join()

    def _run(self) -> None:
        with zmq.Context() as context:
            while not self._is_over():
                try:
                    with client_socket(context, zmq.DEALER, self._door) as socket:
                        self._converse(socket)
                except (OSError, zmq.ZMQError) as trouble:
                    # No descriptors left: that may pass.
                    self._warn(f"the agent can't be reached: {trouble}")
                    select.select([self._wakeup], [], [], RECONNECT_AFTER_S)
                    self._wakeup.clear()
        self._wakeup.close()

    def _is_over(self) -> bool:
        if self._close_by == math.inf:
            return False
        now = time.monotonic()
        absent = not self.connected and now - self._started_at > CLOSE_TIMEOUT_S
        return self._dialogue.settled or absent or now >= self._close_by

    def _converse(self, socket: "zmq.Socket[bytes]") -> None:
        """Talk to the agent until all is over, or until it was silent for too long."""
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(self._wakeup, zmq.POLLIN)
        since = time.monotonic()
        while not self._is_over():
            now = time.monotonic()
            if now - max(self._heard_at, since) > RECONNECT_AFTER_S:
                self._warn("no agent answers; the last values wait here")
                return  # what sits in the old socket is dropped with it
            self._speak(socket, now)
            self._asleep = True
            # News that came before `_asleep` was set rang no bell: look again.
            patience_s = self._dialogue.patience_s(now)
            poller.poll(math.ceil(patience_s * 1000))
            self._asleep = False
            self._wakeup.clear()
            self._listen(socket)
        if self.connected:
            socket.setsockopt(zmq.LINGER, FAREWELL_MS)
            socket.send(encode(Farewell(publisher=self._part.part)), zmq.NOBLOCK)

    def _speak(self, socket: "zmq.Socket[bytes]", now: float) -> None:
        for message in self._dialogue.speak(now):
            try:
                socket.send(encode(message), zmq.NOBLOCK)
            except zmq.Again:
                return  # it is said again

    def _listen(self, socket: "zmq.Socket[bytes]") -> None:
        while socket.poll(0):
            try:
                message = decode(socket.recv_multipart()[0])
            except BadMessageError as trouble:
                self._warn(f"the agent's answer can't be read: {trouble}")
                continue
            self._heard_at = time.monotonic()
            self._trouble = ""
            self._dialogue.listen(message, self._heard_at)

    def _warn(self, trouble: str) -> None:
        if trouble != self._trouble:
            logger.warning("%s: %s", self._door, trouble)
        self._trouble = trouble
