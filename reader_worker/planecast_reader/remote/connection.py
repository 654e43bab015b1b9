"""A client's connection to the worker of another machine, with keys."""

import collections
import contextlib
import queue
import socket
import threading
import time

import zmq
from zmq.utils.monitor import parse_monitor_message

from planecast_protocol.errors import (
    BadMessageError,
    PlanecastError,
    UnreachableError,
    WorkerUnreachableError,
)
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.key import key_text
from planecast_protocol.limits import MAX_PLANE_BYTES
from planecast_protocol.messages import AnyMessage, decode, encode
from planecast_protocol.reader_messages import RequestFailed, WorkerWelcome
from planecast_protocol.remote_messages import (
    Introduce,
    PixelsComing,
    PixelsPart,
    PixelsPreview,
    Received,
)
from planecast_protocol.sockets import client_socket
from planecast_protocol.streams import Frame
from planecast_reader.connection import Connection
from planecast_reader.remote.assembly import Assembly
from planecast_reader.remote.codecs import known_encodings

_FAILED = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
_WATCHED = zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH | _FAILED

Socket = zmq.Socket[bytes]


def _joined(parts: list[zmq.Frame]) -> memoryview:
    """Return a payload, which came in one frame or in several."""
    if len(parts) == 1:
        return parts[0].buffer
    return memoryview(b"".join(part.buffer for part in parts))


class RemoteConnection(Connection):
    """Looks like the stream to a worker of this machine: its socket rings when there is news.

    A thread of its own has the ZeroMQ socket. The first connection that breaks is the end: the
    client makes another one, and asks again.
    """

    def __init__(self, address: str) -> None:
        """Begin to connect. Raises `KeyFileError` where the keys are not there."""
        self._address = address
        self._context: zmq.Context[Socket] = zmq.Context()
        self._ring, bell = socket.socketpair()
        super().__init__(bell, MAX_PLANE_BYTES)
        self.is_local = False  # whatever the bell is
        self._wake_read, self._wake_write = socket.socketpair()
        for end in (self._ring, self._wake_read, self._wake_write):
            end.setblocking(False)
        self._received: collections.deque[Frame] = collections.deque()
        self._assembly = Assembly()
        self._to_send: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._broken: PlanecastError | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="remote-worker", daemon=True)
        self._thread.start()
        # The gateway knows us from our first word, and welcomes us.
        self.send(Introduce(encodings=known_encodings()))

    def wait_welcome(self, timeout_s: float) -> tuple[WorkerWelcome, list[Frame]]:
        """Return the welcome, and what came right behind it. Raises `WorkerUnreachableError`."""
        deadline = time.monotonic() + timeout_s
        self.socket.settimeout(timeout_s)
        while not self._received:
            left_s = deadline - time.monotonic()
            if self._broken is not None:
                raise WorkerUnreachableError(f"{self._address}: {self._broken}")
            if left_s <= 0:
                raise WorkerUnreachableError(
                    f"no reader worker answers at {self._address} within {timeout_s:g} s; is it "
                    "started there, and does the firewall let that port through?"
                )
            self.socket.settimeout(left_s)
            with contextlib.suppress(TimeoutError):
                self.socket.recv(1)
        self.socket.setblocking(False)
        welcome, _payload = self._received.popleft()
        if not isinstance(welcome, WorkerWelcome):
            raise WorkerUnreachableError(f"what answers at {self._address} is no reader worker")
        self._tell()
        return welcome, []

    def receive(self) -> list[Frame]:
        """Return what has arrived. Raises `UnreachableError` when the connection is over."""
        with contextlib.suppress(BlockingIOError, OSError):
            self.socket.recv(4096)
        received = []
        while self._received:
            received.append(self._received.popleft())
        if not received and self._broken is not None:
            raise UnreachableError(str(self._broken))
        return received

    def send(self, message: AnyMessage, payload: bytes | memoryview = b"") -> None:
        """Hand a message to the thread that sends. Raises `UnreachableError`."""
        if payload:
            raise BadMessageError("a client sends no payload")
        if self._broken is not None:
            raise UnreachableError(str(self._broken))
        self._to_send.put(encode(message))
        self._wake()

    def close(self) -> None:
        """End the thread and close everything."""
        self._closing = True
        self._wake()
        self._thread.join()
        for end in (self._ring, self._wake_read, self._wake_write):
            end.close()
        super().close()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_write.send(b"\0")

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        try:
            with client_socket(self._context, zmq.DEALER, self._address, watched=_WATCHED) as door:
                monitor = door.get_monitor_socket()
                try:
                    self._converse(door, monitor)
                finally:
                    door.disable_monitor()
                    monitor.close()
        except PlanecastError as trouble:
            self._broken = trouble
        except zmq.ZMQError as trouble:
            self._broken = UnreachableError(f"the connection broke: {trouble}")
        finally:
            self._context.term()
            self._broken = self._broken or UnreachableError("closed")
            with contextlib.suppress(OSError):
                # From now on the socket is always readable, for whoever looks next.
                self._ring.shutdown(socket.SHUT_RDWR)

    def _converse(self, door: Socket, monitor: Socket) -> None:
        poller = zmq.Poller()
        for source in (door, monitor):
            poller.register(source, zmq.POLLIN)
        poller.register(self._wake_read, zmq.POLLIN)
        while not self._closing:
            poller.poll()
            with contextlib.suppress(BlockingIOError):
                self._wake_read.recv(4096)
            self._take_all(door)
            while monitor.poll(0):
                event = parse_monitor_message(monitor.recv_multipart())
                raise self._explain(int(event["event"]))
            while not self._to_send.empty():
                door.send(self._to_send.get(), zmq.NOBLOCK)

    def _take_all(self, door: Socket) -> None:
        while True:
            try:
                head, *parts = door.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            if not len(head):
                continue  # the gateway looks whether we are there
            self._take(door, decode(head.bytes), _joined(parts))

    def _take(self, door: Socket, message: AnyMessage, payload: memoryview) -> None:
        match message:
            case PixelsComing():
                ready = self._assembly.begin(message)
            case PixelsPreview():
                ready = self._assembly.preview(message, payload)
            case PixelsPart():
                ready = self._assembly.part(message, payload)
            case _:
                if isinstance(message, RequestFailed):
                    self._assembly.forget(message.request)
                self._hand_over(message, payload)
                return
        if isinstance(message, PixelsPreview | PixelsPart):
            # Not before it is unpacked: a machine that is slow at that is not sent more.
            door.send(encode(Received(number=message.number)), zmq.NOBLOCK)
        if ready is not None:
            self._hand_over(*ready)

    def _hand_over(self, message: AnyMessage, payload: memoryview) -> None:
        self._received.append((message, payload))
        self._tell()

    def _tell(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self._ring.send(b"\0")

    def _explain(self, event: int) -> UnreachableError:
        if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            public = key_text(KeyFolder().own().public)
            return UnreachableError(
                f"the key of this machine is not on the list there; its operator can run: "
                f"planecast keys add NAME {public} --role view"
            )
        if event & _FAILED:
            return UnreachableError(
                "whoever answers there does not have the key that is known of it here "
                "(planecast keys list): the wrong machine, or new keys, or no planecast"
            )
        return UnreachableError("the connection was lost")
