"""Who reads a client's connection: its own thread, or a caller that waits for an answer.

A caller that reads its answer itself is spared two changes of threads, which cost more than
the rest of a round trip. Whatever it receives that is not its own it hands to the thread.
"""

import collections
import contextlib
import select
import socket
import threading

from planecast_protocol.errors import PlanecastError
from planecast_protocol.streams import Frame
from planecast_reader.connection import Connection


class Receiving:
    """Lets one thread read at a time. `wake` is for any thread; the rest says for whom it is."""

    def __init__(self) -> None:
        self._reading = threading.Lock()
        """Held by whoever reads the socket."""
        self._watching = threading.Lock()
        """Held while what `epoll` watches for is changed: the last change must be the right one."""
        self._led = False
        self._unsent = False
        self._handed: collections.deque[Frame] = collections.deque()
        self._broken: PlanecastError | None = None
        self._connection: Connection | None = None
        self._wake_read, self._wake_write = socket.socketpair()
        for end in (self._wake_read, self._wake_write):
            end.setblocking(False)
        # One thread may change what another waits for only where there is epoll.
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        if self._epoll is not None:
            self._epoll.register(self._wake_read, select.EPOLLIN)

    def wake(self) -> None:
        """Have the own thread look around."""
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_write.send(b"\0")

    # ------------------------------------------------------------ for the client's own thread

    def attach(self, connection: Connection) -> None:
        """Begin with a new connection."""
        self._connection = connection
        self._handed.clear()
        self._broken = None
        if self._epoll is not None:
            self._epoll.register(connection.socket, select.EPOLLIN)

    def detach(self, connection: Connection) -> None:
        """End with a connection, before it is closed."""
        if self._epoll is not None:
            with contextlib.suppress(OSError, ValueError):
                self._epoll.unregister(connection.socket)

    def wait(self, connection: Connection) -> None:
        """Wait until there is something to receive or to send, or for `wake`."""
        unsent = connection.wants_to_send
        if self._epoll is None:
            select.select(
                [self._wake_read, connection.socket], [connection.socket] if unsent else [], []
            )
        else:
            self._watch(connection, unsent=unsent)
            self._epoll.poll()
        with contextlib.suppress(BlockingIOError):
            self._wake_read.recv(4096)

    def receive(self, connection: Connection) -> list[Frame]:
        """Return what has come, by way of callers or of the socket. Raises when that broke."""
        if self._broken is not None:
            raise self._broken
        received: list[Frame] = []
        if self._reading.acquire(blocking=False):
            try:
                received = connection.receive()
            finally:
                self._reading.release()
        while self._handed:
            received.append(self._handed.popleft())
        return received

    def close(self) -> None:
        """Free everything."""
        self._wake_read.close()
        self._wake_write.close()
        if self._epoll is not None:
            self._epoll.close()

    # ------------------------------------------------------------ for callers

    def take_over(self, connection: Connection) -> bool:
        """Keep the own thread away from the socket, until `hand_back`; false if not possible."""
        if self._epoll is None or not self._reading.acquire(blocking=False):
            return False
        self._watch(connection, led=True)
        return True

    def hand_back(self, connection: Connection) -> None:
        """Let the own thread read again."""
        self._watch(connection, led=False)
        self._reading.release()
        if connection is not self._connection:  # the next one was not watched because of us
            self.wake()

    def receive_own(
        self, connection: Connection, request: int, timeout_s: float
    ) -> list[Frame] | None:
        """Wait for messages; return those of `request`. None: none came, or the connection broke.

        Only between `take_over` and `hand_back`.
        """
        try:
            poller = select.poll()
            poller.register(connection.socket, select.POLLIN)
            if not poller.poll(1000 * timeout_s):
                return None
            received = connection.receive()
        except PlanecastError as trouble:
            self._broken = trouble
            self.wake()
            return None
        except (OSError, ValueError):  # closed by the own thread meanwhile
            return None
        own = [one for one in received if getattr(one[0], "request", None) == request]
        if len(own) < len(received):
            self._handed.extend(one for one in received if one not in own)
            self.wake()
        return own

    def _watch(
        self, connection: Connection, *, led: bool | None = None, unsent: bool | None = None
    ) -> None:
        """Have the own thread woken by what is its business now."""
        assert self._epoll is not None
        with self._watching:
            self._led = self._led if led is None else led
            self._unsent = self._unsent if unsent is None else unsent
            events = 0 if self._led else select.EPOLLIN
            if self._unsent:
                events |= select.EPOLLOUT
            with contextlib.suppress(OSError, ValueError):  # closed meanwhile
                self._epoll.modify(connection.socket, events)
