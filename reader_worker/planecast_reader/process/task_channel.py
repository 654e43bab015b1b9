"""The reader process's end of the socket pair to its front. Blocking, one thread."""

import collections
import socket

from planecast_protocol.errors import UnreachableError
from planecast_protocol.limits import MAX_PLANE_BYTES
from planecast_protocol.messages import AnyMessage
from planecast_protocol.streams import FrameDecoder, frame


class TaskChannel:
    """Messages to and from the front."""

    def __init__(self, stream: socket.socket) -> None:
        self._socket = stream
        self._decoder = FrameDecoder(max_payload=MAX_PLANE_BYTES)
        self._received: collections.deque[AnyMessage] = collections.deque()

    def send(self, message: AnyMessage, payload: bytes | memoryview = b"") -> None:
        """Send a message; raise `UnreachableError` if the front is gone."""
        try:
            self._socket.settimeout(None)
            self._socket.sendall(frame(message, len(payload)))
            if payload:
                self._socket.sendall(payload)
        except OSError as trouble:
            raise UnreachableError(f"the front is gone: {trouble}") from None

    def receive(self, timeout_s: float | None = None) -> AnyMessage | None:
        """Return the next message, None after `timeout_s`; raise `UnreachableError` at the end."""
        while not self._received:
            self._socket.settimeout(timeout_s)
            try:
                data = self._socket.recv(1 << 16)
            except TimeoutError:
                return None
            except OSError as trouble:
                raise UnreachableError(f"the front is gone: {trouble}") from None
            if not data:
                raise UnreachableError("the front is gone")
            self._received.extend(message for message, _payload in self._decoder.feed(data))
        return self._received.popleft()
