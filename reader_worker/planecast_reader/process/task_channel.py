"""The reader process's end of the socket pair to its front. One thread."""

import collections
import select
import socket
import time

from planecast_protocol.errors import UnreachableError
from planecast_protocol.limits import MAX_PLANE_BYTES
from planecast_protocol.messages import AnyMessage
from planecast_protocol.streams import FrameDecoder, frame
from planecast_reader.manners import let_others_go_first

_RECEIVE_BYTES = 1 << 14


class TaskChannel:
    """Messages to and from the front."""

    def __init__(self, stream: socket.socket) -> None:
        stream.setblocking(False)  # to wait is a call of its own: of two in a plane, not of six
        self._socket = stream
        self._poller = select.poll() if hasattr(select, "poll") else None
        if self._poller is not None:
            self._poller.register(stream, select.POLLIN)
        self._decoder = FrameDecoder(max_payload=MAX_PLANE_BYTES)
        self._received: collections.deque[AnyMessage] = collections.deque()

    def send(self, message: AnyMessage, payload: bytes | memoryview = b"") -> None:
        """Send a message; raise `UnreachableError` if the front is gone."""
        data = frame(message, len(payload))
        try:
            sent = self._send_some(data)
            if payload or sent < len(data):
                self._send_rest(memoryview(data)[sent:], payload)
        except OSError as trouble:
            raise UnreachableError(f"the front is gone: {trouble}") from None

    @property
    def has_message(self) -> bool:
        """Whether one has come along with another, so that the socket has nothing to tell."""
        return bool(self._received)

    def receive(self, timeout_s: float | None = None) -> AnyMessage | None:
        """Return the next message, None after `timeout_s`; raise `UnreachableError` at the end."""
        while not self._received:
            if not self._wait(timeout_s):
                return None
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except OSError as trouble:
                raise UnreachableError(f"the front is gone: {trouble}") from None
            if not data:
                raise UnreachableError("the front is gone")
            for message, _payload in self._decoder.feed(data):
                self._received.append(message)
        return self._received.popleft()

    def receive_awake(self, patience_s: float) -> AnyMessage | None:
        """Return the next message, which must be on its way; None if it is not there in time.

        Whoever sends it has the processor first.
        """
        until = time.monotonic() + patience_s
        while not self._received and not self._wait(0.0):
            if time.monotonic() > until:
                return None
            let_others_go_first()
        return self.receive()

    def _wait(self, timeout_s: float | None) -> bool:
        """Wait until there is something to receive; False after `timeout_s`."""
        if self._poller is None:
            return bool(select.select([self._socket], [], [], timeout_s)[0])
        return bool(self._poller.poll(None if timeout_s is None else 1000 * timeout_s))

    def _send_some(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def _send_rest(self, *parts: bytes | memoryview) -> None:
        """Send what the socket does not take at once, which pixels are."""
        self._socket.setblocking(True)
        try:
            for part in parts:
                self._socket.sendall(part)
        finally:
            self._socket.setblocking(False)
