"""The thread that follows an acquisition: two sockets around a cursor."""

import logging
import queue
import threading
import time
from collections.abc import Callable

import msgspec
import zmq

from planecast_agent.subscriber.news import LinkState, News
from planecast_agent.subscriber.subscription import Subscription
from planecast_protocol.agent_messages import AcquisitionList
from planecast_protocol.endpoints import AgentAddress, as_reached
from planecast_protocol.errors import BadMessageError
from planecast_protocol.limits import (
    CLOSE_TIMEOUT_S,
    RECONNECT_AFTER_S,
    REQUEST_TIMEOUT_S,
    SILENT_AFTER_S,
)
from planecast_protocol.messages import decode, encode
from planecast_protocol.sockets import client_socket

logger = logging.getLogger(__name__)

MAX_WAITING_NEWS = 16
"""Chunks that whoever listens has not taken yet; above it nothing is fetched."""
POLL_MS = 50
"""How soon `close` and `choose` are noticed while the agent is quiet."""

Socket = zmq.Socket[bytes]


def _nothing_waits() -> int:
    return 0


class Follower:
    """Pulls the events of one acquisition and posts them, as `News`, from its own thread.

    The sockets live and die in that thread. Its methods may be called by any.
    """

    def __init__(
        self,
        address: str,
        subscription: Subscription,
        post: Callable[[News], object],
        n_waiting: Callable[[], int] = _nothing_waits,
        *,
        pause_s: float = 0.0,
    ) -> None:
        """Prepare to follow; `n_waiting` says how many news were posted and not taken yet.

        Once all is fetched, nothing more is for `pause_s` after the last request: a thousand
        events a second then come in a few chunks, and the first after a rest comes at once.
        """
        self._address = AgentAddress.parse(address)
        self._subscription = subscription
        self._post = post
        self._n_waiting = n_waiting
        self._choices: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self.refused = 0
        """Messages that could not be read, or that the subscription can't use."""
        self._pause_s = pause_s
        self._rests = False
        """All was fetched by the last request."""
        self._asked_at = self._bell_at = 0.0
        self._heard_at: float | None = None
        self._state = LinkState("connecting")
        self._thread = threading.Thread(target=self._run, name="agent-link", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def choose(self, acquisition: str) -> None:
        """Follow this acquisition instead."""
        self._choices.put(acquisition)

    def leave(self) -> None:
        """Follow nothing until one is chosen; what there is to choose is still told."""
        self._choices.put(None)

    def close(self) -> None:
        """End the thread and wait for it. May be called twice."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_TIMEOUT_S)

    # ------------------------------------------------------------ in the follower's thread

    def _run(self) -> None:
        context: zmq.Context[Socket] = zmq.Context()
        bell = self._bell(context)
        door = client_socket(context, zmq.DEALER, self._address.door)
        try:
            while not self._closing.is_set():
                door = self._ask(context, door)
                self._receive(bell, door)
                if time.monotonic() - max(self._bell_at, self._heard_at or 0) > RECONNECT_AFTER_S:
                    # Who was refused once is not let in on the same socket, listed or not.
                    bell.close()
                    bell = self._bell(context)
                self._choose()
                self._tell_state()
        finally:
            bell.close()
            door.close()
            context.term()

    def _bell(self, context: "zmq.Context[Socket]") -> Socket:
        bell = client_socket(context, zmq.SUB, self._address.bell)
        bell.subscribe(b"")
        self._bell_at = time.monotonic()
        return bell

    def _ask(self, context: "zmq.Context[Socket]", door: Socket) -> Socket:
        """Send the next request; after a timeout do so on a new socket."""
        subscription = self._subscription
        if subscription.outstanding is not None:
            if time.monotonic() - self._asked_at < REQUEST_TIMEOUT_S:
                return door
            # What sat in the old socket is dropped with it.
            door.close()
            door = client_socket(context, zmq.DEALER, self._address.door)
            subscription.give_up()
        self._send_next(door)
        return door

    def _rest_s(self) -> float:
        """Return how long nothing is asked for yet."""
        return self._asked_at + self._pause_s - time.monotonic() if self._rests else 0.0

    def _send_next(self, door: Socket) -> None:
        if self._n_waiting() > MAX_WAITING_NEWS or self._rest_s() > 0:
            return
        request = self._subscription.next_request()
        if request is not None:
            self._asked_at = time.monotonic()
            try:
                door.send(encode(request), zmq.NOBLOCK)
            except zmq.Again:
                logger.debug("nobody at %s yet; asking again later", self._address.door)

    def _receive(self, bell: Socket, door: Socket) -> None:
        rest_ms = int(1000 * self._rest_s())
        poller = zmq.Poller()
        poller.register(door, zmq.POLLIN)
        if rest_ms <= 0:
            # Meanwhile bells wait in the socket: a turn for each of a thousand a second would
            # take Python's lock from whoever shows the events.
            poller.register(bell, zmq.POLLIN)
        for socket, _flags in poller.poll(min(rest_ms + 1, POLL_MS) if rest_ms > 0 else POLL_MS):
            # A bell's last frame is the message, behind a topic; an answer's first frame is.
            self._take_all(socket, -1 if socket is bell else 0, door)

    def _take_all(self, socket: Socket, body_frame: int, door: Socket) -> None:
        while True:
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._heard_at = time.monotonic()
            try:
                message = decode(frames[body_frame])
                if isinstance(message, AcquisitionList):
                    worker = as_reached(message.worker, self._address.door)
                    message = msgspec.structs.replace(message, worker=worker)
                news = self._subscription.take(message, frames[-1])
            except (BadMessageError, IndexError) as trouble:
                if not self.refused:  # once: a flood of them must not fill the disk with our log
                    logger.warning("a message of %s was dropped: %s", self._address.door, trouble)
                self.refused += 1
                continue
            if socket is door:
                self._rests = self._subscription.behind == 0
            # The agent looks for the next chunk while this one is taken in.
            self._send_next(door)
            for item in news:
                self._post(item)

    def _choose(self) -> None:
        while not self._choices.empty():
            choice = self._choices.get()
            if choice is None:
                self._subscription.leave()
                continue
            for news in self._subscription.choose(choice):
                self._post(news)

    def _tell_state(self) -> None:
        silent_s = 0.0 if self._heard_at is None else time.monotonic() - self._heard_at
        if self._heard_at is None:
            state = LinkState("connecting")
        elif silent_s < SILENT_AFTER_S:
            state = LinkState("live")
        else:
            state = LinkState("silent", float(int(silent_s)))
        if state != self._state:
            self._state = state
            self._post(state)
