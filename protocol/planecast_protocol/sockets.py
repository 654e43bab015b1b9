"""ZeroMQ sockets with our bounds, the same at both ends.

A socket lives and dies in the thread that made it.
"""

import zmq

from planecast_protocol.limits import MAX_ANSWER_BYTES, MAX_FRAME_BYTES

HEARTBEAT_IVL_MS = 1000
HEARTBEAT_TIMEOUT_MS = 3000


def server_socket(
    context: "zmq.Context[zmq.Socket[bytes]]", kind: int, endpoint: str, *, max_unsent: int = 1000
) -> "zmq.Socket[bytes]":
    """Bind a socket that takes at most `MAX_FRAME_BYTES` a frame from anybody.

    A peer that does not read is sent at most `max_unsent` messages; what comes after is dropped.
    """
    socket = _socket(context, kind, MAX_FRAME_BYTES)
    socket.setsockopt(zmq.SNDHWM, max_unsent)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 5000)
    try:
        socket.bind(endpoint)
    except zmq.ZMQError:
        socket.close()
        raise
    return socket


def client_socket(
    context: "zmq.Context[zmq.Socket[bytes]]", kind: int, endpoint: str
) -> "zmq.Socket[bytes]":
    """Connect a socket that reconnects by itself and drops what it can't send on close."""
    socket = _socket(context, kind, MAX_ANSWER_BYTES)
    socket.setsockopt(zmq.RECONNECT_IVL, 100)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
    socket.connect(endpoint)
    return socket


def _socket(
    context: "zmq.Context[zmq.Socket[bytes]]", kind: int, max_bytes: int
) -> "zmq.Socket[bytes]":
    socket = context.socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, max_bytes)
    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_IVL_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    return socket
