"""Asks a reader worker how it is."""

import os
import socket
import time
from itertools import count
from typing import Literal, Self

from planecast.status.reaching import connect
from planecast_protocol.endpoints import check_worker_address
from planecast_protocol.errors import BadMessageError
from planecast_protocol.limits import HEARTBEAT_S
from planecast_protocol.reader_messages import AskWorkerStatus, WorkerStatus
from planecast_protocol.streams import FrameDecoder, frame

WorkerLife = Literal["live", "silent", "absent"]
ANSWER_TIMEOUT_S = 2 * HEARTBEAT_S
_REQUESTS = count(1)


class WorkerQuestion:
    """A connection to a worker, in one thread. Close it, or use `with`."""

    def __init__(self, address: str) -> None:
        """Prepare to ask. Raises `EndpointError` for a malformed address."""
        check_worker_address(address)
        self.address = address
        self._stream: socket.socket | None = None
        self._decoder = FrameDecoder()
        self._heard_at = time.monotonic()
        self.life: WorkerLife = "absent"
        self.why = ""
        """Why it is not live."""
        self.answers: list[WorkerStatus] = []
        """The last two: their difference is a rate."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. May be called twice."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    @property
    def silent_s(self) -> float:
        """How long ago the worker was last heard, or how long we ask in vain."""
        return time.monotonic() - self._heard_at

    def ask(self, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """Ask, and note the answer, or why there is none."""
        try:
            status = self._converse(time.monotonic() + timeout_s)
        except TimeoutError:
            self.life = "silent"
            self.why = f"it does not answer for {self.silent_s:.0f} s"
        except (OSError, BadMessageError) as trouble:
            self.close()
            self.life, self.why = "absent", str(getattr(trouble, "strerror", None) or trouble)
        else:
            self._heard_at = time.monotonic()
            self.life, self.why = "live", ""
            self.answers = [*self.answers[-1:], status]

    def _converse(self, deadline: float) -> WorkerStatus:
        if self._stream is None:
            self._decoder = FrameDecoder()
            self._stream = connect(self.address)
        stream, request = self._stream, next(_REQUESTS)
        stream.settimeout(max(0.001, deadline - time.monotonic()))
        stream.sendall(frame(AskWorkerStatus(request=request)))
        while True:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            stream.settimeout(left_s)
            data = _receive(stream)
            if not data:
                raise ConnectionError("it closed the connection")
            for message, _payload in self._decoder.feed(data):
                if isinstance(message, WorkerStatus) and message.request == request:
                    return message


def _receive(stream: socket.socket) -> bytes:
    """Receive; the shared memory that comes with a worker's welcome is not for us."""
    if stream.family != getattr(socket, "AF_UNIX", None):
        return stream.recv(1 << 16)
    data, descriptors, _flags, _address = socket.recv_fds(stream, 1 << 16, 2)
    for descriptor in descriptors:
        os.close(descriptor)
    return data
