"""Counts who was turned away before anybody could ask for a name: no key, or a wrong server's."""

import logging

import zmq
from zmq.utils.monitor import parse_monitor_message

_TURNED_AWAY = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL

logger = logging.getLogger(__name__)


class Strangers:
    """Watches a socket that is bound with keys. Belongs to the socket's thread."""

    def __init__(self, socket: "zmq.Socket[bytes]") -> None:
        self._watched = socket
        self._news = socket.get_monitor_socket(_TURNED_AWAY)
        self._warned = False

    def count(self) -> int:
        """Return how many came since the last call. The first is written to the log."""
        found = 0
        while self._news.poll(0):
            parse_monitor_message(self._news.recv_multipart())
            found += 1
        if found and not self._warned:
            self._warned = True
            logger.warning(
                "refused a connection without a key, or by one that takes us for another server"
            )
        return found

    def close(self) -> None:
        """Stop watching, before the socket is closed."""
        self._watched.disable_monitor()
        self._news.close()
