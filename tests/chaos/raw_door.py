"""The agent's door in plain pyzmq and msgpack, without our package: for independent peers."""

import struct
import zlib
from typing import Any

import msgpack
import zmq

HEADER = struct.Struct("<II")
NUMBER = struct.Struct("<I")

Message = dict[str, Any]


def pack(kind: str, **fields: Any) -> bytes:
    return msgpack.packb({"k": kind, "v": 1, **fields})


def record(body: bytes) -> bytes:
    return HEADER.pack(len(body), zlib.crc32(body)) + body


class Door:
    """A DEALER that is thrown away and made anew when nobody answers."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._socket: zmq.Socket[bytes] | None = None
        self.socket = self.renew()

    def renew(self) -> "zmq.Socket[bytes]":
        if self._socket is not None:
            self._socket.close(0)
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self._socket.connect(self._endpoint)
        self.socket = self._socket
        return self._socket

    def send(self, *frames: bytes) -> None:
        try:
            self.socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            self.renew()

    def receive(self, timeout_ms: int) -> tuple[Message, bytes] | None:
        if not self.socket.poll(timeout_ms):
            return None
        frames = self.socket.recv_multipart()
        return msgpack.unpackb(frames[0]), frames[-1]
