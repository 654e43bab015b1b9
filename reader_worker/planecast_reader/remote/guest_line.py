"""One client of another machine, as the gateway sees it: a client of the worker like any other."""

import collections
import logging
import select

import msgspec
import numpy as np
import zmq

from planecast_protocol.errors import PlanecastError, TooLargeError
from planecast_protocol.messages import AnyMessage, encode
from planecast_protocol.reader_messages import (
    PixelsReady,
    ReadPixels,
    RequestFailed,
    WorkerWelcome,
)
from planecast_reader.remote.parts import cut
from planecast_reader.worker_link import WorkerLink

MAX_ASKED = 4096
"""Planes that a client may wait for at one time."""
MAX_UNDER_WAY = 2
"""Big answers that libzmq holds for a client: what a slow one can keep in memory."""
_BIG_BYTES = 64 << 10
_MESSAGE_BYTES = 1 << 10
"""About what a message takes beside its payload."""
MAX_READY_BYTES = 16 << 20
"""Answers with their payload that are held for a client: above it the worker is not listened to,
which then answers no further requests of it. Pixels in shared memory do not count."""

logger = logging.getLogger(__name__)


class GuestLine:
    """Carries a client's requests to the worker, and answers back. Gateway's thread only.

    Pixels go from the shared memory to libzmq without a copy. Those whose turn has not come are
    not held there: they may be evicted meanwhile, and are asked for again.
    """

    def __init__(self, identity: bytes, user: str, link: WorkerLink) -> None:
        self.identity = identity
        self.user = user
        self.link = link
        self._asked: dict[int, ReadPixels] = {}
        self._ready: collections.deque[tuple[AnyMessage, bytes]] = collections.deque()
        self._ready_bytes = 0
        self._under_way: list[zmq.MessageTracker] = []
        self._hold([(_without_memory(link.welcome), b""), *link.early])

    @property
    def waits(self) -> bool:
        """Whether answers are held back until others have left."""
        return bool(self._ready)

    @property
    def watched(self) -> int:
        """What to wait for on the connection to the worker."""
        wants_to_send = self.link.connection.wants_to_send
        listens = self._ready_bytes < MAX_READY_BYTES
        return (select.POLLIN if listens else 0) | (select.POLLOUT if wants_to_send else 0)

    def ask(self, message: AnyMessage) -> None:
        """Bring a request to the worker. Raises `UnreachableError` if that is gone."""
        if isinstance(message, ReadPixels):
            if len(self._asked) >= MAX_ASKED:
                trouble = TooLargeError(f"{MAX_ASKED} planes are asked for already: wait for some")
                self.refuse(message, trouble)
                return
            self._asked[message.request] = message
        self.link.connection.send(message)

    def refuse(self, message: AnyMessage, error: PlanecastError) -> None:
        """Answer a request with an error."""
        failed = RequestFailed(request=getattr(message, "request", 0), error=error.to_info())
        self._hold([(failed, b"")])

    def listen(self) -> None:
        """Take what the worker answers. Raises `UnreachableError` if that is gone."""
        self.link.connection.flush()
        self._hold(self.link.connection.receive())

    def speak(self, door: "zmq.Socket[bytes]") -> bool:
        """Send what may leave now; tell if anything did. Raises `zmq.ZMQError` if it is gone."""
        self._under_way = [one for one in self._under_way if not one.done]
        n_before = len(self._ready)
        while self._ready and len(self._under_way) < MAX_UNDER_WAY:
            message, payload = self._ready[0]
            try:
                self._say(door, message, payload)
            except zmq.Again:
                break
            self._ready.popleft()
            self._ready_bytes -= _size(payload)
        return len(self._ready) < n_before

    def _hold(self, answers: list[tuple[AnyMessage, bytes]]) -> None:
        self._ready.extend(answers)
        self._ready_bytes += sum(_size(payload) for _message, payload in answers)

    def _say(self, door: "zmq.Socket[bytes]", message: AnyMessage, payload: bytes) -> None:
        pixels = memoryview(payload)
        if isinstance(message, PixelsReady) and message.shared is not None:
            taken = self._take(message)
            if taken is None:
                return
            pixels = taken
            message = msgspec.structs.replace(message, shared=None)
        frames: list[bytes | memoryview] = [self.identity, encode(message), *cut(pixels)]
        is_big = pixels.nbytes >= _BIG_BYTES
        tracker = door.send_multipart(frames, zmq.NOBLOCK, copy=False, track=is_big)
        if is_big and tracker is not None:
            self._under_way.append(tracker)
        if isinstance(message, PixelsReady | RequestFailed):
            self._asked.pop(message.request, None)

    def _take(self, ready: PixelsReady) -> memoryview | None:
        """Return the pixels in the shared memory; None: they were evicted, and asked for again."""
        arena = self.link.arena
        if arena is None or ready.shared is None:
            return None
        pixels = arena.take(ready.shared, ready.shape, ready.dtype)
        if pixels is not None:
            return pixels.reshape(-1).view(np.uint8).data
        asked = self._asked.get(ready.request)
        if asked is not None:
            self.link.connection.send(asked)
        return None


def _size(payload: bytes) -> int:
    return _MESSAGE_BYTES + len(payload)


def _without_memory(welcome: WorkerWelcome) -> WorkerWelcome:
    return msgspec.structs.replace(welcome, arena_bytes=0, slots=0, row=0)
