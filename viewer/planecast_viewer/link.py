"""The thread that listens to the acquisition agent."""

import logging
import queue
import threading
import time

import zmq

from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.errors import BadMessageError
from planecast_protocol.limits import CLOSE_TIMEOUT_S, REQUEST_TIMEOUT_S, SILENT_AFTER_S
from planecast_protocol.messages import decode, encode
from planecast_protocol.sockets import client_socket
from planecast_viewer.mailbox import Mailbox
from planecast_viewer.news import LinkState
from planecast_viewer.subscription import Subscription

logger = logging.getLogger(__name__)

DISPLAY_INTERVAL_S = 1 / 30
"""The session is told of news no more often than this."""
MAX_WAITING_NEWS = 16
"""Chunks that wait for the GUI thread; above it nothing is fetched."""
POLL_MS = 50
"""How soon `close` and `choose` are noticed while the agent is quiet."""

Socket = zmq.Socket[bytes]


class AgentLink:
    """Pulls the events of one acquisition and posts them, as `News`, into a mailbox.

    Construct in the GUI thread. The sockets live and die in the link's own thread.
    """

    def __init__(self, address: str, acquisition: str | None = None) -> None:
        self._address = AgentAddress.parse(address)
        self.news = Mailbox(DISPLAY_INTERVAL_S)
        self._subscription = Subscription(acquisition)
        self._choices: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._asked_at = 0.0
        self._heard_at: float | None = None
        self._state = LinkState("connecting")
        self._thread = threading.Thread(target=self._run, name="agent-link", daemon=True)

    def start(self) -> None:
        """Begin to listen; `news` must be connected by now."""
        self._thread.start()

    def choose(self, acquisition: str) -> None:
        """Follow this acquisition instead. Any thread."""
        self._choices.put(acquisition)

    def close(self) -> None:
        """End the thread and wait for it. May be called twice."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_TIMEOUT_S)

    # ------------------------------------------------------------ in the link's thread

    def _run(self) -> None:
        context: zmq.Context[Socket] = zmq.Context()
        bell = client_socket(context, zmq.SUB, self._address.bell)
        bell.subscribe(b"")
        door = client_socket(context, zmq.DEALER, self._address.door)
        try:
            while not self._closing.is_set():
                door = self._ask(context, door)
                self._receive(bell, door)
                self._choose()
                self._tell_state()
        finally:
            bell.close()
            door.close()
            context.term()

    def _ask(self, context: "zmq.Context[Socket]", door: Socket) -> Socket:
        """Send the next request; after a timeout do so on a new socket."""
        subscription = self._subscription
        now = time.monotonic()
        if subscription.outstanding is not None:
            if now - self._asked_at < REQUEST_TIMEOUT_S:
                return door
            # What sat in the old socket is dropped with it.
            door.close()
            door = client_socket(context, zmq.DEALER, self._address.door)
            subscription.give_up()
        if len(self.news) > MAX_WAITING_NEWS:
            return door
        request = subscription.next_request()
        if request is not None:
            self._asked_at = now
            try:
                door.send(encode(request), zmq.NOBLOCK)
            except zmq.Again:
                logger.debug("nobody at %s yet; asking again later", self._address.door)
        return door

    def _receive(self, bell: Socket, door: Socket) -> None:
        poller = zmq.Poller()
        poller.register(bell, zmq.POLLIN)
        poller.register(door, zmq.POLLIN)
        for socket, _flags in poller.poll(POLL_MS):
            # A bell's last frame is the message, behind a topic; an answer's first frame is.
            self._take_all(socket, body_frame=-1 if socket is bell else 0)

    def _take_all(self, socket: Socket, body_frame: int) -> None:
        while True:
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._heard_at = time.monotonic()
            try:
                message = decode(frames[body_frame])
                for news in self._subscription.take(message, frames[-1]):
                    self.news.post(news)
            except (BadMessageError, IndexError):
                logger.exception("a message of the agent at %s was dropped", self._address.door)

    def _choose(self) -> None:
        while not self._choices.empty():
            for news in self._subscription.choose(self._choices.get()):
                self.news.post(news)

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
            self.news.post(state)
