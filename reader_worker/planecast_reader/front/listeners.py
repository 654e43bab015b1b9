"""Sockets that the front listens on, and the files that go with them."""

import contextlib
import errno
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from planecast_protocol.endpoints import check_worker_address, require_loopback, split_tcp
from planecast_protocol.errors import EndpointError

if sys.platform != "win32":
    import fcntl

BACKLOG = 128
"""Connections that wait to be taken; so many are taken in one turn."""


@dataclass
class Listener:
    """A listening socket; a Unix one has a file, and a lock that says it is alive."""

    socket: socket.socket
    path: Path | None = None
    lock_fd: int | None = None

    def close(self) -> None:
        """Stop listening and remove the file."""
        self.socket.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        if self.lock_fd is not None:
            os.close(self.lock_fd)
            self.lock_fd = None


def listen(address: str) -> Listener:
    """Listen on `unix://path` or a loopback `tcp://host:port`.

    A file that a killed worker left is taken over; a living worker's never is. Raises
    `EndpointError`.
    """
    check_worker_address(address)
    if address.startswith("unix://"):
        return _listen_unix(address, Path(address.removeprefix("unix://")))
    require_loopback(address)
    host, port = split_tcp(address)
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    stream = socket.socket(family)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        stream.bind((host.strip("[]"), port))
        stream.listen(BACKLOG)
    except OSError as trouble:
        stream.close()
        raise EndpointError(_why(address, trouble)) from None
    stream.setblocking(False)
    return Listener(stream)


def _listen_unix(address: str, path: Path) -> Listener:
    lock_fd = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock_fd)
        raise EndpointError(
            f"{address}: another worker is running there; use it, or choose another address"
        ) from None
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    stream = socket.socket(socket.AF_UNIX)
    try:
        stream.bind(str(path))
        path.chmod(0o600)
        stream.listen(BACKLOG)
    except OSError as trouble:
        stream.close()
        os.close(lock_fd)
        raise EndpointError(_why(address, trouble)) from None
    stream.setblocking(False)
    return Listener(stream, path, lock_fd)


def _why(address: str, trouble: OSError) -> str:
    if trouble.errno == errno.EADDRINUSE:
        return f"{address}: in use by another program; choose another port"
    return f"{address}: {os.strerror(trouble.errno or 0)}"
