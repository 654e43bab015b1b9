"""The bells of clients as the front has them, on their way to readers."""

import itertools
import socket

from planecast_reader.bells import bell_sockets
from planecast_reader.bells.numbers import pack

_numbers = itertools.count(1)


class ClientBell:
    """One client's bell, as the front has it: what it hands to readers."""

    def __init__(self) -> None:
        """Make it. Raises `OSError` if no more files may be open."""
        self.to_hear, self.to_ring = bell_sockets()
        self.to_ring.setblocking(False)
        self.number = next(_numbers)
        """Never used again: a late ring reaches nobody else."""

    @property
    def is_open(self) -> bool:
        """Whether its client is still there."""
        return self.to_ring.fileno() >= 0

    def close(self) -> None:
        """End it, with its client."""
        self.to_hear.close()
        self.to_ring.close()


class BellsOut:
    """Bells on their way to one reader, as the front has it."""

    def __init__(self, channel: socket.socket) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._known: dict[int, ClientBell] = {}

    def hand_over(self, bell: ClientBell) -> bool:
        """Give the reader a bell unless it has it; tell whether it has it now."""
        if bell.number in self._known:
            return True
        if not bell.is_open:
            return False
        live = [one for one in self._known.values() if one.is_open] + [bell]
        try:
            fds = [bell.to_ring.fileno()]
            socket.send_fds(self._channel, [pack(one.number for one in live)], fds)
        except OSError:  # it does not take them, or is gone
            return False
        self._known = {one.number: one for one in live}
        return True

    def close(self) -> None:
        """Close the channel; the reader is gone."""
        self._channel.close()
