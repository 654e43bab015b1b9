"""Who comes to a listening socket: counts those turned away, and lets not too many stay.

libzmq takes any number of connections. Each is a file and some memory, and the files of a process
are few: a stranger who opens connections and says nothing would take them from the others.
"""

import contextlib
import logging
import socket as system_socket
import struct

import zmq

from planecast_protocol.rare_log import RareLog

_TURNED_AWAY = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
_EVENT = struct.Struct("=HI")
"""What happened, and the connection's file number (ZeroMQ's zmq_socket_monitor(3))."""

logger = logging.getLogger(__name__)


class Visitors:
    """Watches one bound socket. Belongs to the socket's thread.

    Whoever is connected stays; the newest are closed where there are more than `most`. Those who
    do not say who they are make room after five seconds: libzmq closes them.
    """

    def __init__(
        self, socket: "zmq.Socket[bytes]", most: int, place: str, *, keyed: bool = True
    ) -> None:
        """`place` is named in the log. Without `keyed`, who is turned away is not counted."""
        self._watched = socket
        self._most = most
        self._place = place
        self._open: set[int] = set()
        self._n_refused = 0
        self._log = RareLog(logger)
        turned_away = _TURNED_AWAY if keyed else 0
        address = f"inproc://visitors-{id(self)}"
        socket.monitor(address, turned_away | zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        self.news: zmq.Socket[bytes] = socket.context.socket(zmq.PAIR)
        """Readable when somebody came or went: then `look`."""
        # With a bound, libzmq would wait for us in the thread that serves everybody.
        self.news.setsockopt(zmq.RCVHWM, 0)
        self.news.setsockopt(zmq.LINGER, 0)
        self.news.connect(address)

    @property
    def n_open(self) -> int:
        """Connections now, by what `look` has seen."""
        return len(self._open)

    def look(self) -> None:
        """Take note of who came and went, and close connections where there are too many."""
        with contextlib.suppress(zmq.Again):
            while True:
                kind, value = _EVENT.unpack(self.news.recv_multipart(zmq.NOBLOCK)[0])
                self._take(kind, value)

    def count(self) -> int:
        """Return how many were turned away since the last call."""
        self.look()
        found, self._n_refused = self._n_refused, 0
        return found

    def close(self) -> None:
        """Stop watching, before the socket is closed."""
        self._watched.disable_monitor()
        self.news.close()

    def _take(self, kind: int, value: int) -> None:
        if kind == zmq.EVENT_ACCEPTED:
            self._open.add(value)
            if len(self._open) > self._most:
                self._close_connection(value)
        elif kind == zmq.EVENT_DISCONNECTED:
            self._open.discard(value)
        else:
            self._n_refused += 1
            self._log.warning(
                "stranger",
                "refused a connection without a key, or by one that takes us for another server",
            )

    def _close_connection(self, number: int) -> None:
        """Shut a connection of ours by its file number; libzmq then sees its end."""
        self._n_refused += 1
        self._log.warning(
            "many",
            "%s: %d connections are open: more are closed until some end",
            self._place,
            self._most,
        )
        with contextlib.suppress(OSError):  # it has ended by itself meanwhile
            one = system_socket.socket(fileno=number)
            try:
                one.getpeername()  # raises for one that listens: that number was used again
                one.shutdown(system_socket.SHUT_RDWR)
            finally:
                one.detach()
