"""One connection to a worker: joined where one runs, else a private one is started."""

import contextlib
import os
import socket
import subprocess
import sys

from planecast_protocol.endpoints import check_worker_address, default_worker_address, split_tcp
from planecast_protocol.errors import PlanecastError, WorkerUnreachableError
from planecast_protocol.keys.trust import client_keys
from planecast_protocol.limits import MAX_PLANE_BYTES
from planecast_protocol.reader_messages import WorkerWelcome
from planecast_protocol.streams import Frame, FrameDecoder
from planecast_reader.arena.leases import ClientArena
from planecast_reader.bells.client import BelledConnection
from planecast_reader.connection import Connection

CONNECT_TIMEOUT_S = 5.0
START_TIMEOUT_S = 30.0
"""A private worker's start: importing takes most of it, on a machine that is busy too."""


class WorkerLink:
    """A connection that has been welcomed."""

    def __init__(
        self,
        stream: socket.socket,
        timeout_s: float,
        process: "subprocess.Popen[bytes] | None",
        resident_bytes: int | None = None,
    ) -> None:
        self._process = process
        try:
            welcome, early, fds = _receive_welcome(stream, timeout_s)
        except PlanecastError:
            self._stop_process(stream)
            raise
        self.welcome = welcome
        self.early = early
        """Messages that came right behind the welcome."""
        self.arena: ClientArena | None = None
        if welcome.arena_bytes and len(fds) >= 2:
            self.arena = ClientArena(
                fds[0], fds[1], welcome.arena_bytes, welcome.row, resident_bytes
            )
        for fd in fds[:2]:
            os.close(fd)
        self.connection: Connection = Connection(stream, MAX_PLANE_BYTES)
        if len(fds) > 2:
            self.connection = BelledConnection(stream, socket.socket(fileno=fds[2]))

    def close(self) -> None:
        """Close the connection; a private worker ends by that."""
        self.connection.close()
        self._stop_process(self.connection.socket)

    def _stop_process(self, stream: socket.socket) -> None:
        stream.close()
        if self._process is not None:
            try:
                self._process.wait(5.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class RemoteLink(WorkerLink):
    """A connection to the worker of another machine, with keys: planes come through it."""

    def __init__(self, address: str) -> None:
        # Who has no such worker is spared the import of zmq.
        from planecast_reader.remote.connection import RemoteConnection

        self._process = None
        self.arena = None
        self._remote = RemoteConnection(address)
        self.connection = self._remote
        try:
            self.welcome, self.early = self._remote.wait_welcome(CONNECT_TIMEOUT_S)
        except PlanecastError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._remote.close()


def is_remote(address: str | None) -> bool:
    """Tell whether the worker at `address`, or without one this user's, is on another machine."""
    try:
        return client_keys(address or default_worker_address()) is not None
    except PlanecastError:
        return True  # its key is not known, or not yet


def find_worker(address: str | None, resident_bytes: int | None = None) -> WorkerLink:
    """Connect to the worker at `address`; without one, to this user's, else to a private one.

    Raises `WorkerUnreachableError`, and `EndpointError` for an address that is none, or one of
    another machine without keys.
    """
    known = default_worker_address() if address is None else address
    if client_keys(known) is not None:
        return RemoteLink(known)
    if address is not None:
        return WorkerLink(_connect(address), CONNECT_TIMEOUT_S, None, resident_bytes)
    with contextlib.suppress(WorkerUnreachableError):
        stream = _connect(default_worker_address())
        return WorkerLink(stream, CONNECT_TIMEOUT_S, None, resident_bytes)
    return _start_private(resident_bytes)


def _connect(address: str) -> socket.socket:
    check_worker_address(address)
    try:
        if address.startswith("unix://"):
            stream = socket.socket(socket.AF_UNIX)
            stream.settimeout(CONNECT_TIMEOUT_S)
            try:
                stream.connect(address.removeprefix("unix://"))
            except OSError:
                stream.close()
                raise
            return stream
        host, port = split_tcp(address)
        return socket.create_connection((host.strip("[]"), port), CONNECT_TIMEOUT_S)
    except OSError as trouble:
        raise WorkerUnreachableError(
            f"no reader worker answers at {address} ({trouble.strerror or trouble}); "
            f"start one: planecast reader --address {address}"
        ) from None


def _start_private(resident_bytes: int | None) -> WorkerLink:
    """Start a worker that serves this process alone, and ends with it."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-m", "planecast_reader", "--private-fd", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get("PLANECAST_DEBUG") else subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C in the terminal must not end it under our feet
    )
    theirs.close()
    return WorkerLink(ours, START_TIMEOUT_S, process, resident_bytes)


def _receive_welcome(
    stream: socket.socket, timeout_s: float
) -> tuple[WorkerWelcome, list[Frame], list[int]]:
    """Wait for the first message, and for the file descriptors beside it."""
    stream.settimeout(timeout_s)
    decoder = FrameDecoder(max_payload=MAX_PLANE_BYTES)
    fds: list[int] = []
    try:
        while True:
            if stream.family == getattr(socket, "AF_UNIX", None):
                data, new_fds, _flags, _address = socket.recv_fds(stream, 1 << 16, 3)
                fds += new_fds
            else:
                data = stream.recv(1 << 16)
            if not data:
                raise WorkerUnreachableError("the worker closed the connection at once")
            messages = list(decoder.feed(data))
            if messages and isinstance(messages[0][0], WorkerWelcome):
                return messages[0][0], messages[1:], fds
            if messages:
                raise WorkerUnreachableError("what answers there is no reader worker")
    except (OSError, PlanecastError) as trouble:
        for fd in fds:
            os.close(fd)
        if isinstance(trouble, PlanecastError):
            raise
        raise WorkerUnreachableError(f"the worker does not answer: {trouble}") from None
