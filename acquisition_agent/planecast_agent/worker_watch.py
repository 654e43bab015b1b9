"""Watches the reader worker, so that everybody who hears the agent knows how the worker is.

A thread of its own: a name may take seconds to resolve and a connection to be made, which the
agent's loop has no time for.
"""

import contextlib
import os
import secrets
import socket
import threading
import time
from itertools import count

import msgspec

from planecast_protocol.endpoints import check_worker_address, split_tcp
from planecast_protocol.errors import BadMessageError, EndpointError
from planecast_protocol.limits import CLOSE_TIMEOUT_S, HEARTBEAT_S, SILENT_AFTER_S
from planecast_protocol.messages import AnyMessage
from planecast_protocol.reader_messages import AskWorkerStatus, WorkerStatus, WorkerWelcome
from planecast_protocol.state_messages import Part, PartState
from planecast_protocol.streams import FrameDecoder, frame

CONNECT_TIMEOUT_S = 2.0
MAX_QUARANTINED_TOLD = 16


class WorkerWatch:
    """Asks a worker every `HEARTBEAT_S` how it is. `state` may be called from any thread."""

    def __init__(self, address: str) -> None:
        """Begin to watch; an empty address, or one that is none, is not watched."""
        self._address = address
        self._part = Part(part=secrets.token_hex(16), kind="worker", name=address[:128])
        self._heard_at = float("-inf")
        self._why = "it was not reached yet"
        self._connected = False
        self._status: WorkerStatus | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        with contextlib.suppress(EndpointError):
            check_worker_address(address)
            self._thread = threading.Thread(target=self._run, name="worker-watch", daemon=True)
            self._thread.start()

    def state(self, now: float) -> PartState | None:
        """Return how the worker is; `None`: there is no worker to watch."""
        if self._thread is None:
            return None
        silent_s = now - self._heard_at
        if not self._connected:
            return PartState(part=self._part, life="gone", why=self._why)
        if silent_s <= SILENT_AFTER_S:
            return PartState(part=self._part, life="live")
        return PartState(part=self._part, life="silent", silent_s=round(silent_s, 1))

    def status(self, now: float) -> WorkerStatus | None:
        """Return what the worker said of itself last; `None`: it does not answer now."""
        state = self.state(now)
        return self._status if state is not None and state.life == "live" else None

    def close(self) -> None:
        """End the thread. May be called twice."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(CONNECT_TIMEOUT_S + CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                with self._connect() as stream:
                    self._converse(stream)
            except (OSError, BadMessageError) as trouble:
                self._why = f"no reader worker answers at {self._address}: {trouble}"
            self._connected = False
            self._closing.wait(HEARTBEAT_S)

    def _connect(self) -> socket.socket:
        if self._address.startswith("unix://"):
            stream = socket.socket(socket.AF_UNIX)
            stream.settimeout(CONNECT_TIMEOUT_S)
            try:
                stream.connect(self._address.removeprefix("unix://"))
            except OSError:
                stream.close()
                raise
            return stream
        host, port = split_tcp(self._address)
        return socket.create_connection((host.strip("[]"), port), CONNECT_TIMEOUT_S)

    def _converse(self, stream: socket.socket) -> None:
        """Ask and listen, until the worker closes the connection."""
        decoder = FrameDecoder(max_payload=0)
        requests = count(1)
        ask_at, self._heard_at, self._connected = 0.0, time.monotonic(), True
        stream.settimeout(HEARTBEAT_S)
        while not self._closing.is_set():
            now = time.monotonic()
            if now >= ask_at:
                ask_at = now + HEARTBEAT_S
                stream.sendall(frame(AskWorkerStatus(request=next(requests))))
            with contextlib.suppress(TimeoutError):
                data = _receive(stream)
                if not data:
                    raise ConnectionError("it closed the connection")
                for message, _payload in decoder.feed(data):
                    self._take(message)
            self._closing.wait(max(0.0, ask_at - time.monotonic()))

    def _take(self, message: AnyMessage) -> None:
        self._heard_at = time.monotonic()
        if isinstance(message, WorkerStatus):
            # In every heartbeat: a long list is not for that.
            few = message.quarantined[:MAX_QUARANTINED_TOLD]
            self._status = msgspec.structs.replace(message, quarantined=few)
        if isinstance(message, WorkerWelcome):
            self._part = Part(
                part=self._part.part,
                kind="worker",
                name=self._address[:128],
                host=socket.gethostname() if self._address.startswith("unix://") else "",
                pid=message.pid,
            )


def _receive(stream: socket.socket) -> bytes:
    """Receive; the shared memory that comes with a worker's welcome is not for us."""
    if stream.family != getattr(socket, "AF_UNIX", None):
        return stream.recv(1 << 16)
    data, descriptors, _flags, _address = socket.recv_fds(stream, 1 << 16, 2)
    for descriptor in descriptors:
        os.close(descriptor)
    return data
