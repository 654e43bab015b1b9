"""Ends another thread's wait on its sockets."""

import contextlib
import socket


class WakeUp:
    """A pair of sockets: any thread or signal handler rings, one thread polls `fileno()`."""

    def __init__(self) -> None:
        self._listening, self._ringing = socket.socketpair()
        self._listening.setblocking(False)
        self._ringing.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when somebody rang."""
        return self._listening.fileno()

    def ring(self) -> None:
        """Wake the waiting thread. Never blocks; does nothing after `close`."""
        # Full: it was rung often enough. Closed: nobody waits any more.
        with contextlib.suppress(OSError):
            self._ringing.send(b"\0")

    def clear(self) -> None:
        """Forget all rings so far."""
        with contextlib.suppress(OSError):
            while self._listening.recv(4096):
                pass

    def close(self) -> None:
        """Close both ends. May be called twice."""
        self._listening.close()
        self._ringing.close()
