"""A client's connection with a bell."""

import contextlib
import socket
import time

from planecast_protocol.errors import UnreachableError
from planecast_protocol.limits import MAX_PLANE_BYTES
from planecast_protocol.messages import AnyMessage, decode
from planecast_protocol.reader_messages import PixelsSoon, ReadPixels
from planecast_protocol.streams import HEADER, Frame, frame
from planecast_reader.bells import MAX_BYTES, SENT
from planecast_reader.connection import Connection

LATELY_S = 1.0
"""A reader that rang longer ago has perhaps closed the file."""


class BelledConnection(Connection):
    """A client's stream to the front, and its bell beside it."""

    def __init__(self, stream: socket.socket, bell: socket.socket) -> None:
        super().__init__(stream, MAX_PLANE_BYTES)
        bell.setblocking(False)
        self._bell = bell
        self._heard_at = -LATELY_S
        self._heard_from = 0
        """Process id of the reader that rang last."""
        self.sockets = (stream, bell)

    def send(self, message: AnyMessage, payload: bytes | memoryview = b"") -> None:
        """Send the front a message; and the reader that rang lately, if somebody waits for it.

        The front first: it takes longer, and may be kept waiting by a reader that wakes up.
        """
        if not isinstance(message, ReadPixels) or not message.awake:
            super().send(message, payload)
            return
        data = frame(message)
        self.send_frame(data)
        if time.monotonic() - self._heard_at < LATELY_S:
            said = SENT.pack(time.monotonic_ns(), self._heard_from) + data[HEADER.size :]
            with contextlib.suppress(OSError):  # it has enough to do
                self._bell.send(said)

    def receive_at(self, fd: int) -> list[Frame]:
        """Return what has arrived at one of the sockets."""
        return self._hear() if fd == self._bell.fileno() else self.receive()

    def receive_all(self) -> list[Frame]:
        """Return what has arrived; what else has may be left for the next time."""
        return self._hear() or self.receive()

    def close(self) -> None:
        """Close both sockets."""
        self._bell.close()
        super().close()

    def _hear(self) -> list[Frame]:
        try:
            data = self._bell.recv(MAX_BYTES)
        except BlockingIOError:
            return []
        except OSError as trouble:
            raise UnreachableError(f"the connection broke: {trouble}") from None
        if not data:
            raise UnreachableError("the worker closed the connection")
        message = decode(data)
        if isinstance(message, PixelsSoon):
            self._heard_at, self._heard_from = time.monotonic(), message.reader
        return [(message, b"")]
