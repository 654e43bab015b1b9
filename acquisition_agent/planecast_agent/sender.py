"""Carries a spool to the agent, in a thread of its own.

Batches are sent without waiting for their acks, and the acks are cumulative. Whatever goes
wrong (a gap, silence, an agent that restarted or lost its journal) has one answer: ask the
agent where it stands, and go on from there.
"""

import logging
import math
import os
import select
import socket as system_socket
import threading
import time
from collections import deque
from itertools import count

import zmq

from planecast_agent.spool import Spool
from planecast_agent.wakeup import WakeUp
from planecast_protocol.agent_messages import Ack, Farewell, Hello, Nak, Publish, Refused, Welcome
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.errors import BadMessageError
from planecast_protocol.limits import (
    BATCHES_IN_FLIGHT,
    HEARTBEAT_S,
    RECONNECT_AFTER_S,
    RESEND_AFTER_S,
)
from planecast_protocol.messages import decode, encode
from planecast_protocol.sockets import client_socket

TICK_S = 0.005
"""While events flow they are sent this often, together, rather than one by one."""
BUSY_FOR_S = 0.1
SYNC_EVERY_S = 1.0
"""A power loss costs the events of at most so long."""
FAREWELL_MS = 500
"""How long the last message may take to leave."""

_HOST = system_socket.gethostname()

logger = logging.getLogger(__name__)


class Sender:
    """Owns the spool's sending end, and closes the spool when it ends.

    The methods may be called from any thread.
    """

    def __init__(self, spool: Spool, address: str, program: str) -> None:
        self._door = AgentAddress.parse(address).door
        self._spool = spool
        self._program = program
        self._delivered = threading.Condition()
        self._acked = 0
        self._alarm = ""
        self.refused = 0
        """Messages from the agent's address that could not be read."""
        self._finishing = False
        self._closing = False
        self._asleep = False
        self._wakeup = WakeUp()
        self._requests = count(1)
        self._thread = threading.Thread(target=self._run, name="planecast-sender", daemon=True)
        self._thread.start()

    @property
    def acked(self) -> int:
        """Events that are in the agent's journal."""
        return self._acked

    @property
    def alarm(self) -> str:
        """What an operator must know of the way to the agent; empty: nothing."""
        return self._alarm

    def wake(self) -> None:
        """Say that the spool has grown. Costs nothing while the sender is awake."""
        if self._asleep:
            self._asleep = False
            self._wakeup.ring()

    def finish(self) -> None:
        """No more events will come: end as soon as all are delivered. Does not wait."""
        self._finishing = True
        self._wakeup.ring()

    def wait_delivered(self, timeout_s: float) -> bool:
        """Wait until all events so far are in the agent's journal; `False` if they aren't."""
        with self._delivered:
            return self._delivered.wait_for(self._is_delivered, timeout_s)

    def close(self) -> None:
        """End the thread and close the spool, delivered or not. May be called twice."""
        self._closing = True
        self._wakeup.ring()
        self._thread.join()

    def _is_delivered(self) -> bool:
        return self._acked >= self._spool.head and not self._spool.waiting

    def _run(self) -> None:
        with zmq.Context() as context:
            while not self._is_over():
                try:
                    with client_socket(context, zmq.DEALER, self._door) as socket:
                        self._converse(socket)
                except (OSError, zmq.ZMQError) as trouble:
                    # No descriptors left, or the disk can't be read: that may pass.
                    self._warn(f"events wait in {self._spool.path}: {trouble}")
                    select.select([self._wakeup], [], [], RECONNECT_AFTER_S)
                    self._wakeup.clear()
        self._spool.sync()
        self._spool.close()
        self._wakeup.close()

    def _is_over(self) -> bool:
        return self._closing or (self._finishing and self._is_delivered())

    def _converse(self, socket: "zmq.Socket[bytes]") -> None:
        """Talk to the agent until all is over, or until it was silent for too long."""
        conversation = _Conversation(socket, self._spool, self._program, self._requests)
        conversation.acked, conversation.trouble = self._acked, self._alarm
        conversation.refused = self.refused
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(self._wakeup, zmq.POLLIN)
        synced_at = time.monotonic()
        while not self._is_over():
            now = time.monotonic()
            if now - conversation.heard_at > RECONNECT_AFTER_S:
                conversation.trouble = f"no agent answers; events wait in {self._spool.path}"
                self._note(conversation)
                return
            if now - synced_at > SYNC_EVERY_S:
                self._spool.drain()
                self._spool.sync()
                synced_at = now
            conversation.speak(now)
            self._asleep = conversation.is_idle(now)
            # An event that came before `_asleep` was set rang no bell: look again.
            missed = self._asleep and conversation.has_news()
            patience_s = 0.0 if missed else conversation.patience_s(now)
            poller.poll(math.ceil(patience_s * 1000))
            self._asleep = False
            self._wakeup.clear()
            while socket.poll(0):
                conversation.listen(socket.recv_multipart()[0], time.monotonic())
            self._note(conversation)
        if self._is_delivered():
            socket.setsockopt(zmq.LINGER, FAREWELL_MS)
            conversation.say(Farewell(publisher=self._spool.publisher))

    def _note(self, conversation: "_Conversation") -> None:
        self._warn(conversation.trouble)
        self.refused = conversation.refused
        if conversation.acked != self._acked:
            with self._delivered:
                self._acked = conversation.acked
                self._delivered.notify_all()

    def _warn(self, trouble: str) -> None:
        if trouble and trouble != self._alarm:
            logger.warning("%s: %s", self._door, trouble)
        self._alarm = trouble


class _Conversation:
    """Where we stand with the agent on one socket. Belongs to the sender's thread."""

    def __init__(
        self, socket: "zmq.Socket[bytes]", spool: Spool, program: str, requests: "count[int]"
    ) -> None:
        self._socket = socket
        self._spool = spool
        self._program = program
        self._requests = requests
        self._request = 0
        self._asked_at = float("-inf")
        self._sent_before_asking = 0
        self._pause_until = float("-inf")
        self._next: int | None = None
        """First event that was not sent; `None`: the agent was asked where it stands."""
        self._in_flight: deque[int] = deque()
        """Last event of each batch without an ack."""
        self._sent_at = float("-inf")
        self._boot = ""
        self.heard_at = time.monotonic()
        self.acked = 0
        self.trouble = ""
        self.refused = 0

    def has_news(self) -> bool:
        """Whether there are events that could be sent now."""
        return (
            self._next is not None
            and self._next <= self._spool.head
            and len(self._in_flight) < BATCHES_IN_FLIGHT
        )

    def is_idle(self, now: float) -> bool:
        """Whether nothing has been going on for a while."""
        quiet = not self._in_flight and now - self._sent_at > BUSY_FOR_S
        return self._next is not None and quiet

    def patience_s(self, now: float) -> float:
        """How long to wait for the agent before there is something to say."""
        if self._next is not None and not self.is_idle(now):
            return TICK_S if len(self._in_flight) < BATCHES_IN_FLIGHT else RESEND_AFTER_S
        return max(0.0, self._ask_at() - now)

    def speak(self, now: float) -> None:
        """Ask where the agent stands when that is due, and send what may be sent."""
        if now >= self._ask_at():
            self._asked_at = now
            self._sent_before_asking = 0 if self._next is None else self._next - 1
            self._request = next(self._requests)
            publisher = self._spool.publisher
            hello = Hello(
                request=self._request,
                publisher=publisher,
                program=self._program,
                host=_HOST,
                pid=os.getpid(),
            )
            self.say(hello)
        while self._next is not None and self.has_news():
            records, n_events = self._spool.read_batch(self._next)
            message = Publish(
                publisher=self._spool.publisher,
                first=self._next,
                count=n_events,
                after=self._spool.before(self._next),
            )
            if not self.say(message, records):
                return
            if not self._in_flight:
                # Until now nothing was owed: the agent's silence counts from here.
                self.heard_at = max(self.heard_at, now)
            last = self._next + n_events - 1
            self._in_flight.append(last)
            self._next = self._spool.next_after(last)
            self._sent_at = now

    def say(self, message: Hello | Publish | Farewell, *payload: bytes) -> bool:
        """Send without waiting; `False` if the socket's queue is full."""
        try:
            self._socket.send_multipart([encode(message), *payload], zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def listen(self, frame: bytes, now: float) -> None:
        """Take one message from the agent."""
        try:
            message = decode(frame)
        except BadMessageError as trouble:
            if not self.refused:  # said once: a flood of them must not fill the disk with our log
                self.trouble = f"the agent's answer can't be read: {trouble}"
            self.refused += 1
            return
        self.heard_at = now
        match message:
            case Welcome() if message.request == self._request:
                self._on_welcome(message)
            case Ack() if self._next is not None:
                self._on_ack(message)
            case Nak() if self._next is not None and message.boot == self._boot:
                self._on_nak(message, now)
            case Refused():
                self.trouble = f"refused by the agent: {message.why}"
                self._ask_again(now + RECONNECT_AFTER_S)
            case _:  # an answer to an older question, or of another boot
                pass

    def _ask_at(self) -> float:
        """When to say hello: it asks where the agent stands, and shows that we live."""
        if self._next is None:
            return max(self._asked_at + RESEND_AFTER_S, self._pause_until)
        if self._in_flight:
            return max(self._asked_at, self.heard_at) + RESEND_AFTER_S
        return self._asked_at + HEARTBEAT_S

    def _on_welcome(self, message: Welcome) -> None:
        same = self._next is not None and message.boot == self._boot
        if not (same and message.last >= self._sent_before_asking):
            # Batches were lost, or the journal itself: go on from where the agent stands.
            self._boot = message.boot
            self._next = self._spool.next_after(message.last)
            self._in_flight.clear()
            self.acked = message.last
        self._take_ack(message.last)

    def _on_ack(self, message: Ack) -> None:
        if message.boot == self._boot:
            self.trouble = ""
            self._take_ack(message.last)
        else:
            self._next = None

    def _take_ack(self, last: int) -> None:
        self.acked = max(self.acked, last)
        if last >= self._spool.head:
            self.trouble = ""
        while self._in_flight and self._in_flight[0] <= last:
            self._in_flight.popleft()

    def _on_nak(self, message: Nak, now: float) -> None:
        if message.why == "gap":
            self._ask_again(now)
            return
        full = "the agent's disk is full; events wait in the spool"
        self.trouble = full if message.why == "full" else f"{self._spool.path} is damaged"
        self._ask_again(now + HEARTBEAT_S)

    def _ask_again(self, at: float) -> None:
        self._next = None
        self._in_flight.clear()
        self._pause_until = at
        # The answer to a question that is under way may be older than the trouble.
        self._request = next(self._requests)
        self._asked_at = at - RESEND_AFTER_S
