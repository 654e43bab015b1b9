"""Frames on the stream sockets of the plane path: a message, and a payload that may be empty.

    frame = length of the message (u32 little endian) | length of the payload (u64) | both

ZeroMQ carries the events. Planes use a plain stream: a round trip takes a quarter of the
time, and a Unix socket can hand over the file descriptors of the shared memory.
"""

import struct
from collections.abc import Iterator

from planecast_protocol.errors import BadMessageError
from planecast_protocol.limits import MAX_PLANE_BYTES, MAX_REQUEST_BYTES
from planecast_protocol.messages import AnyMessage, decode, encode

HEADER = struct.Struct("<IQ")
BIG_BYTES = 64 << 10

Frame = tuple[AnyMessage, bytes | memoryview]
"""A message and its payload, which can't be written to."""


def frame(message: AnyMessage, payload_bytes: int = 0) -> bytes:
    """Return the frame of `message` up to its payload, which the caller sends right behind."""
    body = encode(message)
    return HEADER.pack(len(body), payload_bytes) + body


class FrameDecoder:
    """Cuts a stream of bytes into messages and payloads. Not thread-safe.

    A big payload has memory of its own from its beginning: whoever receives it right there
    (`room`, `filled`) copies nothing.
    """

    def __init__(
        self, max_message: int = MAX_REQUEST_BYTES, max_payload: int = MAX_PLANE_BYTES
    ) -> None:
        self._buffer = bytearray()
        self._message: AnyMessage | None = None
        """Of the big payload that is under way."""
        self._payload = memoryview(b"")
        self._n_filled = 0
        self._max_message = max_message
        self._max_payload = max_payload

    def room(self) -> memoryview | None:
        """Return where the next bytes of the stream belong, if they are of a big payload."""
        return None if self._message is None else self._payload[self._n_filled :]

    def filled(self, n_bytes: int) -> list[Frame]:
        """Take bytes that were written to the beginning of `room`; like `feed`."""
        self._n_filled += n_bytes
        if self._message is None or self._n_filled < len(self._payload):
            return []
        message, payload = self._message, self._payload
        self._message, self._payload = None, memoryview(b"")
        return [(message, payload.toreadonly())]

    def feed(self, data: bytes) -> list[Frame]:
        """Return each whole (message, payload); raise `BadMessageError` when out of bounds.

        After an error the stream has no meaning any more: close the connection.
        """
        # One message without a payload, and nothing else, is the rule: a plane waits for it.
        if len(data) >= HEADER.size and not self._buffer and self._message is None:
            message_bytes, payload_bytes = HEADER.unpack_from(data)
            is_alone = message_bytes + HEADER.size == len(data) and not payload_bytes
            if is_alone and message_bytes <= self._max_message:
                return [(decode(data[HEADER.size :]), b"")]
        return list(self._cut(data))

    def _cut(self, data: bytes) -> Iterator[Frame]:
        room = self.room()
        if room is not None:
            n_bytes = min(len(room), len(data))
            room[:n_bytes] = data[:n_bytes]
            yield from self.filled(n_bytes)
            data = data[n_bytes:]
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            message_bytes, payload_bytes = HEADER.unpack_from(self._buffer)
            if message_bytes > self._max_message or payload_bytes > self._max_payload:
                raise BadMessageError(
                    f"a frame of {message_bytes} + {payload_bytes} bytes; the limits are "
                    f"{self._max_message} + {self._max_payload}"
                )
            middle = HEADER.size + message_bytes
            end = middle + payload_bytes
            if len(self._buffer) < middle:
                return
            if len(self._buffer) < end and payload_bytes >= BIG_BYTES:
                self._begin(decode(bytes(self._buffer[HEADER.size : middle])), payload_bytes)
                self._take_over(middle)
                return
            if len(self._buffer) < end:
                return
            message = decode(bytes(self._buffer[HEADER.size : middle]))
            payload = bytes(self._buffer[middle:end])
            del self._buffer[:end]
            yield message, payload

    def _begin(self, message: AnyMessage, payload_bytes: int) -> None:
        self._message = message
        self._payload = memoryview(bytearray(payload_bytes))

    def _take_over(self, middle: int) -> None:
        """Move what is there of a big payload to where the rest will come."""
        self._n_filled = len(self._buffer) - middle
        self._payload[: self._n_filled] = self._buffer[middle:]
        self._buffer.clear()
