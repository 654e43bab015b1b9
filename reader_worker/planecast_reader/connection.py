"""One stream connection to the front: frames out without blocking, frames in as messages."""

import collections
import socket

from planecast_protocol.errors import UnreachableError
from planecast_protocol.messages import AnyMessage
from planecast_protocol.streams import Frame, FrameDecoder, frame

MAX_UNSENT_BYTES = 256 << 20
"""A client that reads so slowly is cut off: it reconnects and asks again."""
_RECEIVE_BYTES = 1 << 14
"""Of messages; big payloads have their place. More would be fetched from the system, and given
back, for each message."""


class Connection:
    """A non-blocking socket with an outgoing queue. Belongs to one thread."""

    def __init__(self, stream: socket.socket, max_payload: int) -> None:
        stream.setblocking(False)
        self.is_local = stream.family == getattr(socket, "AF_UNIX", None)
        """Over a Unix socket."""
        if not self.is_local:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = stream
        self.sockets: tuple[socket.socket, ...] = (stream,)
        """What messages arrive at."""
        self._decoder = FrameDecoder(max_payload=max_payload)
        self._unsent: collections.deque[memoryview] = collections.deque()
        self._unsent_bytes = 0

    def receive(self) -> list[Frame]:
        """Return what has arrived.

        Raises `UnreachableError` at the end of the stream, `BadMessageError` for garbage: close
        the connection in both cases.
        """
        room = self._decoder.room()
        try:
            if room is not None:
                n_bytes = self.socket.recv_into(room)
            else:
                data = self.socket.recv(_RECEIVE_BYTES)
                n_bytes = len(data)
        except BlockingIOError:
            return []
        except OSError as trouble:
            raise UnreachableError(f"the connection broke: {trouble}") from None
        if not n_bytes:
            raise UnreachableError("the other end closed the connection")
        return self._decoder.feed(data) if room is None else self._decoder.filled(n_bytes)

    def receive_at(self, fd: int) -> list[Frame]:  # noqa: ARG002 there is but one
        """Return what has arrived at one of `sockets`; like `receive`."""
        return self.receive()

    def receive_all(self) -> list[Frame]:
        """Return what has arrived at any of `sockets`; like `receive`."""
        return self.receive()

    def send(self, message: AnyMessage, payload: bytes | memoryview = b"") -> None:
        """Queue a message, and send what the socket takes. Raises `UnreachableError`."""
        head = frame(message, len(payload))
        if not payload:
            self.send_frame(head)
            return
        self._check_unsent()
        if len(payload) <= 4096:
            self._queue(head + bytes(payload))
        else:
            self._queue(head)
            self._queue(payload)
        self.flush()

    def send_frame(self, data: bytes) -> None:
        """Send what `frame` made of a message without payload. Raises `UnreachableError`."""
        if not self._unsent and self._send_whole(data):
            return
        self._check_unsent()
        self._queue(data)
        self.flush()

    def send_with_fds(self, message: AnyMessage, fds: list[int]) -> None:
        """Send the first message of a Unix connection, with file descriptors beside it."""
        socket.send_fds(self.socket, [frame(message)], fds)

    @property
    def wants_to_send(self) -> bool:
        """Tell whether to call `flush` when the socket is writable."""
        return bool(self._unsent)

    @property
    def unsent_bytes(self) -> int:
        """What waits for the other end to read."""
        return self._unsent_bytes

    def flush(self) -> None:
        """Send what the socket takes now. Raises `UnreachableError`."""
        while self._unsent:
            part = self._unsent[0]
            try:
                sent = self.socket.send(part)
            except BlockingIOError:
                return
            except OSError as trouble:
                raise UnreachableError(f"the connection broke: {trouble}") from None
            self._unsent_bytes -= sent
            if sent == len(part):
                self._unsent.popleft()
            else:
                self._unsent[0] = part[sent:]

    def close(self) -> None:
        """Close the socket; what is unsent is dropped."""
        self._unsent.clear()
        self.socket.close()

    def _check_unsent(self) -> None:
        if self._unsent_bytes > MAX_UNSENT_BYTES:  # before the next one, which may be larger
            raise UnreachableError(f"{self._unsent_bytes >> 20} MiB were not read by the other end")

    def _send_whole(self, data: bytes) -> bool:
        """Send a short message at once, which is the rule; what is left is queued."""
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            return False
        except OSError as trouble:
            raise UnreachableError(f"the connection broke: {trouble}") from None
        if sent < len(data):
            self._queue(memoryview(data)[sent:])
        return True

    def _queue(self, data: bytes | memoryview) -> None:
        self._unsent.append(memoryview(data))
        self._unsent_bytes += len(data)
