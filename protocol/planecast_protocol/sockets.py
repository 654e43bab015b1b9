"""ZeroMQ sockets with our bounds, the same at both ends.

A socket lives and dies in the thread that made it.
"""

import logging

import zmq

from planecast_protocol.errors import KeyFileError
from planecast_protocol.keys.folder import OwnKey
from planecast_protocol.keys.gatekeeper import DOMAIN
from planecast_protocol.keys.trust import client_keys
from planecast_protocol.limits import MAX_ANSWER_BYTES, MAX_FRAME_BYTES

HEARTBEAT_IVL_MS = 1000
HEARTBEAT_TIMEOUT_MS = 3000

logger = logging.getLogger(__name__)


def server_socket(
    context: "zmq.Context[zmq.Socket[bytes]]",
    kind: int,
    endpoint: str,
    *,
    max_unsent: int = 1000,
    max_unread: int = 1000,
    own: OwnKey | None = None,
) -> "zmq.Socket[bytes]":
    """Bind a socket that takes at most `MAX_FRAME_BYTES` a frame from anybody.

    A peer that does not read is sent at most `max_unsent` messages; what comes after is dropped.
    Of each peer at most `max_unread` messages wait to be received; then it is not read from.
    With `own`, peers need a key that the context's `Gatekeeper` lets in; without a gatekeeper
    nobody comes in.
    """
    socket = _socket(context, kind, MAX_FRAME_BYTES)
    socket.setsockopt(zmq.SNDHWM, max_unsent)
    socket.setsockopt(zmq.RCVHWM, max_unread)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 5000)
    socket.setsockopt(zmq.IPV6, int("[" in endpoint))
    if own is not None:
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, own.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, own.secret)
        socket.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    try:
        socket.bind(endpoint)
    except zmq.ZMQError:
        socket.close()
        raise
    return socket


def client_socket(
    context: "zmq.Context[zmq.Socket[bytes]]", kind: int, endpoint: str, *, watched: int = 0
) -> "zmq.Socket[bytes]":
    """Connect a socket that reconnects by itself and drops what it can't send on close.

    Its `get_monitor_socket()` tells of the events in `watched`.

    With keys, where the address needs them. If they are gone since the address was parsed, the
    socket stays unconnected, as if nobody answered.
    """
    socket = _socket(context, kind, MAX_ANSWER_BYTES)
    socket.setsockopt(zmq.RECONNECT_IVL, 100)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
    if watched:
        socket.get_monitor_socket(watched)  # before the first of them can happen
    try:
        keys = client_keys(endpoint)
    except KeyFileError as trouble:
        logger.warning("%s", trouble)
        return socket
    if keys is not None:
        server, own = keys
        socket.setsockopt(zmq.CURVE_SERVERKEY, server)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, own.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, own.secret)
    socket.setsockopt(zmq.IPV6, int("[" in endpoint))
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
