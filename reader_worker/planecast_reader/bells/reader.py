"""The bells of clients as a reader process has them."""

import os
import select
import socket
import struct
import time

from planecast_protocol.errors import PlanecastError
from planecast_protocol.messages import AnyMessage, decode, encode
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.bells import MAX_BYTES, SENT
from planecast_reader.bells.numbers import unpack

FRESH_NS = 2_000_000
"""What a client said longer ago is of no use."""


class BellsIn:
    """The bells of a reader process, and what clients say there."""

    def __init__(self, channel: socket.socket, tasks: socket.socket) -> None:
        """`tasks` is where the front sends what is to be done."""
        channel.setblocking(False)  # a bell is sent before the task that names it
        self._channel = channel
        self._known: dict[int, socket.socket] = {}
        self._at: dict[int, int] = {}
        """File descriptor to number."""
        self._poller = select.poll()
        self._poller.register(tasks, select.POLLIN)
        self._poller.register(channel, select.POLLIN)

    def ring(self, number: int, message: AnyMessage) -> bool:
        """Send a client a message; tell whether it could be sent."""
        bell = self._known.get(number) or self._find(number)
        try:
            return bell is not None and bool(bell.send(encode(message)))
        except OSError:  # the client is gone, or hears nothing for long
            return False

    def wait(self, timeout_s: float) -> ReadPixels | None:
        """Wait for what a client has asked the front for; None for a task, or if nothing comes."""
        ready = [fd for fd, _event in self._poller.poll(1000 * timeout_s)]
        if self._channel.fileno() in ready:  # kept there, they would pile up
            self._take_bell()
            return None
        if not all(fd in self._at for fd in ready):
            return None  # the front goes first
        return self._hear(self._at[ready[0]]) if ready else None

    def close(self) -> None:
        """Close all bells, and where they come from."""
        for number in list(self._known):
            self._drop(number)
        self._channel.close()

    def _hear(self, number: int) -> ReadPixels | None:
        """Return what a client has just said; drop one that is gone, or that says anything else."""
        try:
            data = self._known[number].recv(MAX_BYTES)
            (sent_ns, to), said = SENT.unpack_from(data), decode(data[SENT.size :])
        except BlockingIOError:  # another reader has heard it
            return None
        except (OSError, struct.error, PlanecastError):
            self._drop(number)
            return None
        is_for_us = to == os.getpid() and time.monotonic_ns() - sent_ns < FRESH_NS
        return said if is_for_us and isinstance(said, ReadPixels) else None

    def _find(self, number: int) -> socket.socket | None:
        """Take what was sent until this bell is there."""
        while number not in self._known:
            if not self._take_bell():
                return None
        return self._known[number]

    def _take_bell(self) -> bool:
        """Take a bell, and drop those that are of use no longer; tell if there was one."""
        try:
            data, fds, _flags, _address = socket.recv_fds(self._channel, MAX_BYTES, 1)
        except OSError:
            return False
        if not fds:  # the front is gone
            self._poller.unregister(self._channel)
            return False
        live = unpack(data)
        bell = self._known[live[-1]] = socket.socket(fileno=fds[0])
        self._at[fds[0]] = live[-1]
        self._poller.register(bell, select.POLLIN)
        for gone in self._known.keys() - set(live):
            self._drop(gone)
        return True

    def _drop(self, number: int) -> None:
        bell = self._known.pop(number)
        del self._at[bell.fileno()]
        self._poller.unregister(bell)
        bell.close()
