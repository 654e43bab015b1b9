"""Whether anybody listens at an address: told apart from whether it answers."""

import contextlib
import socket
from typing import Literal

from planecast_protocol.endpoints import split_tcp

CONNECT_TIMEOUT_S = 1.0

Reached = Literal["listens", "refused", "absent", "unreachable"]
"""`refused`: a file or a machine is there, but no program listens. `absent`: no such file."""


def connect(endpoint: str, timeout_s: float = CONNECT_TIMEOUT_S) -> socket.socket:
    """Return a connection to `tcp://`, `ipc://` or `unix://`. Raises `OSError`."""
    scheme, _, place = endpoint.partition("://")
    if scheme == "tcp":
        host, port = split_tcp(endpoint)
        return socket.create_connection((host.strip("[]"), port), timeout_s)
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(timeout_s)
    try:
        stream.connect(place)
    except OSError:
        stream.close()
        raise
    return stream


def reach(endpoint: str) -> Reached:
    """Look whether a program listens there. A program that hangs still listens."""
    try:
        with contextlib.closing(connect(endpoint)):
            return "listens"
    except ConnectionRefusedError:
        return "refused"
    except FileNotFoundError:
        return "absent"
    except OSError:
        return "unreachable"
