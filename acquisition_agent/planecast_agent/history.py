"""Serves the events of an acquisition in chunks of columns. Full chunks never change."""

from collections import OrderedDict

from planecast_agent.journal import AcquisitionBook, Journal
from planecast_protocol.columns import pack
from planecast_protocol.limits import CHUNK_EVENTS, MAX_CHUNK_BYTES
from planecast_protocol.messages import decode_event

MAX_CACHE_BYTES = 64 << 20
"""About eight million events."""


class History:
    """Reads chunks from the journal, and keeps those that can't change any more."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._chunks: OrderedDict[tuple[str, int], tuple[int, bytes]] = OrderedDict()
        self._cached_bytes = 0

    def chunk(self, book: AcquisitionBook, first: int) -> tuple[int, bytes]:
        """Return (number of events, their columns) from `first` on, to the end of its chunk."""
        key = (book.id, first)
        found = self._chunks.get(key)
        if found is not None:
            self._chunks.move_to_end(key)
            return found
        n_events = min(CHUNK_EVENTS - (first - 1) % CHUNK_EVENTS, book.head + 1 - first)
        bodies = _up_to_the_limit(self._journal.read(book.id, first, n_events))
        chunk = len(bodies), pack([decode_event(body) for body in bodies])
        if len(bodies) == CHUNK_EVENTS:
            self._keep(key, chunk)
        return chunk

    def _keep(self, key: tuple[str, int], chunk: tuple[int, bytes]) -> None:
        self._chunks[key] = chunk
        self._cached_bytes += len(chunk[1])
        while self._cached_bytes > MAX_CACHE_BYTES:
            _key, (_n_events, dropped) = self._chunks.popitem(last=False)
            self._cached_bytes -= len(dropped)


def _up_to_the_limit(bodies: list[bytes]) -> list[bytes]:
    """Leave out what would make the chunk longer than a subscriber may inflate."""
    room = MAX_CHUNK_BYTES // 2
    for position, body in enumerate(bodies):
        room -= len(body)
        if room < 0:
            return bodies[:position]
    return bodies
