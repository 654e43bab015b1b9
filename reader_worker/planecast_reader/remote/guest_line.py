"""One client of another machine, as the gateway sees it: a client of the worker like any other."""

import collections
import logging
import select
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import zmq

from planecast_protocol.errors import CancelledError, PlanecastError, TooLargeError
from planecast_protocol.messages import AnyMessage, encode
from planecast_protocol.reader_messages import (
    Cancel,
    Done,
    PixelsReady,
    ReadPixels,
    RequestFailed,
    WorkerWelcome,
)
from planecast_protocol.remote_messages import (
    Introduce,
    LookAt,
    PixelsPart,
    PixelsPreview,
    Received,
)
from planecast_protocol.streams import Frame
from planecast_reader.remote.codecs import BLOSC
from planecast_reader.remote.outgoing import Outgoing
from planecast_reader.remote.packing import Packing
from planecast_reader.remote.parts import cut
from planecast_reader.remote.plane_out import Work
from planecast_reader.worker_link import WorkerLink

MAX_ASKED = 4096
"""Planes that a client may wait for at one time."""
MAX_UNDER_WAY = 2
"""Big answers that are no planes, such as tables, that libzmq holds for a client: what a slow one
can keep in memory."""
_BIG_BYTES = 64 << 10
_MESSAGE_BYTES = 1 << 10
"""About what a message takes beside its payload."""
MAX_READY_BYTES = 16 << 20
"""Answers with their payload that are held for a client: above it the worker is not listened to,
which then answers no further requests of it. Pixels in shared memory do not count."""

logger = logging.getLogger(__name__)


class GuestLine:
    """Carries a client's requests to the worker, and answers back. Gateway's thread only.

    Pixels go from the shared memory to libzmq, by way of a thread that packs them. Those whose
    turn has not come are not held: they may be evicted meanwhile, and are asked for again.
    """

    def __init__(self, identity: bytes, user: str, link: WorkerLink, packing: Packing) -> None:
        self.identity = identity
        self.user = user
        self.link = link
        self._begin: Callable[[Work], None] = partial(packing.begin, identity)
        self._asked: dict[int, ReadPixels] = {}
        self._withdrawn: set[int] = set()
        """Of `_asked`: those that the worker has perhaps answered before it heard of that."""
        self._payloads: dict[int, bytes | memoryview] = {}
        """Of planes that wait, where the worker has no more shared memory for us."""
        self._words: collections.deque[Frame] = collections.deque()
        self._under_way: list[zmq.MessageTracker] = []
        self._held_bytes = 0
        self._planes = Outgoing(can_unpack=False)
        self._hold(_without_memory(link.welcome))
        self._take_all(link.early)

    @property
    def waits(self) -> bool:
        """Whether answers are held back until others have left."""
        return bool(self._words) or self._planes.is_held_back

    @property
    def watched(self) -> int:
        """What to wait for on the connection to the worker."""
        wants_to_send = self.link.connection.wants_to_send
        listens = self._held_bytes < MAX_READY_BYTES
        return (select.POLLIN if listens else 0) | (select.POLLOUT if wants_to_send else 0)

    def ask(self, message: AnyMessage) -> None:
        """Bring a request to the worker. Raises `UnreachableError` if that is gone."""
        match message:
            case Introduce():
                self._planes = Outgoing(can_unpack=BLOSC in message.encodings)
                return
            case Received():
                self._planes.received(message.number)
                return
            case LookAt():
                self._planes.look_at(message.requests, message.seen)
                return
            case Cancel():
                self._withdraw(message.requests)
            case ReadPixels():
                if len(self._asked) >= MAX_ASKED:
                    trouble = TooLargeError(
                        f"{MAX_ASKED} planes are asked for already: wait for some"
                    )
                    self.refuse(message, trouble)
                    return
                self._asked[message.request] = message
        self.link.connection.send(message)

    def refuse(self, message: AnyMessage, error: PlanecastError) -> None:
        """Answer a request with an error."""
        failed = RequestFailed(request=getattr(message, "request", 0), error=error.to_info())
        self._hold(failed)

    def listen(self) -> None:
        """Take what the worker answers. Raises `UnreachableError` if that is gone."""
        self.link.connection.flush()
        self._take_all(self.link.connection.receive())

    def packed(self, work: Work) -> None:
        """Take a piece of a plane that was packed."""
        self._planes.packed(work)

    def speak(self, door: "zmq.Socket[bytes]") -> bool:
        """Send what may leave now; tell if anything did. Raises `zmq.ZMQError` if it is gone."""
        self._under_way = [one for one in self._under_way if not one.done]
        n_before, n_sent = len(self._words), self._planes.n_sent
        while self._words and len(self._under_way) < MAX_UNDER_WAY:
            try:
                self._say(door, *self._words[0])
            except zmq.Again:
                return len(self._words) < n_before
            self._held_bytes -= _size(self._words.popleft()[1])
        for request in self._planes.go_on(self._take, partial(self._say, door), self._begin):
            self._forget(request)
        return len(self._words) < n_before or self._planes.n_sent > n_sent

    # ------------------------------------------------------------ inside

    def _hold(self, message: AnyMessage, payload: bytes | memoryview = b"") -> None:
        self._words.append((message, payload))
        self._held_bytes += _size(payload)

    def _take_all(self, answers: list[Frame]) -> None:
        for message, payload in answers:
            match message:
                case PixelsReady():
                    self._take_ready(message, payload)
                    continue
                case RequestFailed():
                    self._forget(message.request)
            self._hold(message, payload)

    def _take_ready(self, ready: PixelsReady, payload: bytes | memoryview) -> None:
        asked = self._asked.get(ready.request)
        if asked is None:
            return
        if ready.request in self._withdrawn:
            self._forget(ready.request)
            self.refuse(ready, CancelledError("withdrawn by its client"))
        elif asked.warm:
            self._forget(ready.request)
            self._hold(Done(request=ready.request))
        else:
            if ready.shared is None:
                self._payloads[ready.request] = payload
                self._held_bytes += len(payload)
            self._planes.add(asked, ready)

    def _withdraw(self, requests: list[int]) -> None:
        for request in requests:
            if self._planes.drop(request):
                self.refuse(self._asked[request], CancelledError("withdrawn by its client"))
                self._forget(request)
            elif request in self._asked:
                self._withdrawn.add(request)

    def _forget(self, request: int) -> None:
        self._asked.pop(request, None)
        self._withdrawn.discard(request)
        self._held_bytes -= len(self._payloads.pop(request, b""))

    def _say(
        self, door: "zmq.Socket[bytes]", message: AnyMessage, payload: bytes | memoryview
    ) -> None:
        """Send without copying what is big; `Outgoing` itself knows what is under way."""
        frames: list[bytes | memoryview] = [self.identity, encode(message)]
        frames += cut(memoryview(payload))
        is_big = len(payload) >= _BIG_BYTES
        track = is_big and not isinstance(message, PixelsPart | PixelsPreview)
        tracker = door.send_multipart(frames, zmq.NOBLOCK, copy=not is_big, track=track)
        if track and tracker is not None:
            self._under_way.append(tracker)

    def _take(self, ready: PixelsReady) -> npt.NDArray[Any] | None:
        """Return the pixels in the shared memory; None: they were evicted, and asked for again."""
        arena = self.link.arena
        if arena is None or ready.shared is None:
            payload = self._payloads[ready.request]
            return np.frombuffer(payload, ready.dtype).reshape(ready.shape)
        pixels = arena.take(ready.shared, ready.shape, ready.dtype)
        if pixels is None and ready.request in self._asked:
            self.link.connection.send(self._asked[ready.request])
        return pixels


def _size(payload: bytes | memoryview) -> int:
    return _MESSAGE_BYTES + len(payload)


def _without_memory(welcome: WorkerWelcome) -> WorkerWelcome:
    return msgspec.structs.replace(welcome, arena_bytes=0, slots=0, row=0)
