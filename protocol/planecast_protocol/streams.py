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


def frame(message: AnyMessage, payload_bytes: int = 0) -> bytes:
    """Return the frame of `message` up to its payload, which the caller sends right behind."""
    body = encode(message)
    return HEADER.pack(len(body), payload_bytes) + body


class FrameDecoder:
    """Cuts a stream of bytes into messages and payloads. Not thread-safe."""

    def __init__(
        self, max_message: int = MAX_REQUEST_BYTES, max_payload: int = MAX_PLANE_BYTES
    ) -> None:
        self._buffer = bytearray()
        self._max_message = max_message
        self._max_payload = max_payload

    def feed(self, data: bytes | memoryview) -> Iterator[tuple[AnyMessage, bytes]]:
        """Yield each whole (message, payload); raise `BadMessageError` when out of bounds.

        After an error the stream has no meaning any more: close the connection.
        """
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
            if len(self._buffer) < end:
                return
            message = decode(bytes(self._buffer[HEADER.size : middle]))
            payload = bytes(self._buffer[middle:end])
            del self._buffer[:end]
            yield message, payload
