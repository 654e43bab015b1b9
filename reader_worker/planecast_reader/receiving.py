"""Who reads a client's connection: its own thread, or a caller that waits for an answer.

A caller that reads its answer itself is spared two changes of threads, which cost more than
the rest of a round trip. Whatever it receives that is not its own it hands to the thread.

One who asked just now and was answered at once, from the cache, stays awake for the next answer:
to be woken takes as long as to find a plane there.
"""

import collections
import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable

from planecast_protocol.errors import PlanecastError
from planecast_protocol.streams import Frame
from planecast_reader.connection import Connection
from planecast_reader.manners import let_others_go_first

AWAKE_S = 0.0003
"""An answer that takes longer is slept for, and so is the one after it."""
_NOBODY_KNOWS = -1
SOON_S = 0.001
"""A plane that was announced and takes longer is slept for."""


class Receiving:
    """Lets one thread read at a time. `wake` is for any thread; the rest says for whom it is."""

    def __init__(self) -> None:
        self._reading = threading.Lock()
        """Held by whoever reads the socket."""
        self._watching = threading.Lock()
        """Held while what `epoll` watches for is changed: the last change must be the right one."""
        self._led = False
        self._unsent = False
        self._expects = True
        """Whether the own thread has anything to receive."""
        self._watched = 0
        """The events that `epoll` watches for."""
        self.is_quick = False
        """Whether the next caller probably has its answer within `AWAKE_S`, as the last had, or as
        that came from the cache."""
        self._handed: collections.deque[Frame] = collections.deque()
        self._broken: PlanecastError | None = None
        self._connection: Connection | None = None
        self._waits_with: tuple[Connection, select.poll | None] | None = None
        """The connection that lasts, and what callers wait with for it."""
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
        self._waits_with = (connection, _poller_of(connection))
        self._handed.clear()
        self._broken = None
        if self._epoll is not None:
            with self._watching:
                self._expects = True
                self._watched = 0 if self._led else select.EPOLLIN
                for one in connection.sockets:
                    self._epoll.register(one, self._watched)

    def detach(self, connection: Connection) -> None:
        """End with a connection, before it is closed."""
        self._waits_with = None  # its file's number may soon be another's
        if self._epoll is not None:
            for one in connection.sockets:
                with contextlib.suppress(OSError, ValueError):
                    self._epoll.unregister(one)

    def wait(self, connection: Connection) -> None:
        """Wait until there is something to receive or to send, or for `wake`."""
        unsent = connection.wants_to_send
        if self._epoll is None:
            readable = [self._wake_read, *connection.sockets]
            select.select(readable, [connection.socket] if unsent else [], [])
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
                received = connection.receive_all()
            finally:
                self._reading.release()
        while self._handed:
            received.append(self._handed.popleft())
        return received

    def expect(self, connection: Connection) -> None:
        """Have the own thread receive: one has asked who does not wait for the answer himself.

        Any thread, but no two, and none that is in `hand_back`.
        """
        if not self._expects and self._epoll is not None:
            self._watch(connection, expects=True)

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

    def hand_back(self, connection: Connection, *, expects: bool) -> None:
        """Let the own thread read again, at once if it `expects` anything.

        If not, it hears only of the connection's end, which a Unix socket tells in any case.
        """
        self._watch(connection, led=False, expects=expects or not connection.is_local)
        self._reading.release()
        if connection is not self._connection:  # the next one was not watched because of us
            self._watched = _NOBODY_KNOWS
            self.wake()

    def receive_own(
        self, connection: Connection, request: int, timeout_s: float
    ) -> list[Frame] | None:
        """Wait for messages; return those of `request`. None: none came, or the connection broke.

        Only between `take_over` and `hand_back`.
        """
        try:
            ready = self._await(connection, timeout_s)
            if not ready:
                return None
            received = connection.receive_at(ready[0][0])  # another is ready the next time, too
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

    def wait_awake(self, connection: Connection, is_there: Callable[[], bool]) -> None:
        """Wait for something in memory that is sure to come, for `SOON_S` at most.

        Whoever has yet to bring it has the processor first. Ends with the next message, too.
        Only between `take_over` and `hand_back`.
        """
        until = time.monotonic() + SOON_S
        with contextlib.suppress(OSError, ValueError):  # closed by the own thread meanwhile
            poller = self._poller(connection)
            while not is_there() and time.monotonic() < until and not poller.poll(0):
                let_others_go_first()

    def _await(self, connection: Connection, timeout_s: float) -> list[tuple[int, int]]:
        """Wait until there is something to receive: at which sockets; none after `timeout_s`."""
        poller = self._poller(connection)
        started = time.monotonic()
        if self.is_quick:
            while time.monotonic() - started < AWAKE_S:
                if ready := poller.poll(0):
                    return ready
                let_others_go_first()
        ready = poller.poll(1000 * timeout_s)
        self.is_quick = time.monotonic() - started < AWAKE_S
        return ready

    def _poller(self, connection: Connection) -> "select.poll":
        owner, poller = self._waits_with or (None, None)
        if owner is not connection:
            poller = _poller_of(connection)
        assert poller is not None
        return poller

    def _watch(
        self,
        connection: Connection,
        *,
        led: bool | None = None,
        unsent: bool | None = None,
        expects: bool | None = None,
    ) -> None:
        """Have the own thread woken by what is its business now."""
        assert self._epoll is not None
        with self._watching:
            self._led = self._led if led is None else led
            self._unsent = self._unsent if unsent is None else unsent
            self._expects = self._expects if expects is None else expects
            arriving = select.EPOLLIN if self._expects and not self._led else 0
            events = arriving | (select.EPOLLOUT if self._unsent else 0)
            if events == self._watched:
                return
            self._watched = events
            with contextlib.suppress(OSError, ValueError):  # closed meanwhile
                for one in connection.sockets:
                    self._epoll.modify(one, events if one is connection.socket else arriving)


def _poller_of(connection: Connection) -> "select.poll | None":
    """Return what a caller waits with; `None` where callers can't lead."""
    if not hasattr(select, "epoll"):
        return None
    poller = select.poll()
    for one in connection.sockets:
        poller.register(one, select.POLLIN)
    return poller
