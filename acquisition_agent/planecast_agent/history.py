"""Serves the events of an acquisition in chunks of columns. Full chunks never change.

They are made while nothing else is to be done, and kept in the journal, so that whoever joins
late, also after a restart of the agent, waits for nothing but the wire.
"""

import contextlib
from collections import OrderedDict, deque
from collections.abc import Mapping

from planecast_agent.books import AcquisitionBook
from planecast_agent.journal import Journal
from planecast_protocol.columns import is_chunk, pack_bodies
from planecast_protocol.errors import JournalFullError
from planecast_protocol.limits import CHUNK_EVENTS, MAX_CHUNK_BYTES

MAX_RECENT = 32
MAX_RECENT_BYTES = 256 << 10
"""Of each chunk that is remembered in memory, as long as its end is the newest event."""


class History:
    """Reads chunks from the journal, and keeps the full ones there. Belongs to its thread."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._noted: dict[str, int] = {}
        """Acquisition to its full chunks that are kept, or in `_unpacked`."""
        self._unpacked: deque[tuple[str, int]] = deque()
        self._recent: OrderedDict[tuple[str, int, int], tuple[int, bytes]] = OrderedDict()
        """What many ask at the same time, each for itself: by acquisition, first and number."""

    def chunk(self, book: AcquisitionBook, first: int) -> tuple[int, bytes]:
        """Return (number of events, their columns) from `first` on, to the end of its chunk.

        Takes about 10 ms for a full chunk that was not kept. Twenty viewers that heard the same
        bell ask the same thing: it is made once.
        """
        n_events = min(CHUNK_EVENTS - (first - 1) % CHUNK_EVENTS, book.head + 1 - first)
        if n_events == CHUNK_EVENTS:
            kept = self._journal.chunk(book.id, first)
            if kept is not None and is_chunk(kept):
                return n_events, kept
        asked = (book.id, first, n_events)
        if asked in self._recent:
            return self._recent[asked]
        bodies = _up_to_the_limit(self._journal.read(book.id, first, n_events))
        columns = pack_bodies(bodies)
        if len(bodies) == CHUNK_EVENTS:
            # On a full disk it is made again for the next one.
            with contextlib.suppress(JournalFullError):
                self._journal.keep_chunk(book.id, first, columns)
        elif len(bodies) == n_events and len(columns) <= MAX_RECENT_BYTES:
            self._recent[asked] = len(bodies), columns
            if len(self._recent) > MAX_RECENT:
                self._recent.popitem(last=False)
        return len(bodies), columns

    def note(self, heads: Mapping[str, int]) -> None:
        """Note which chunks are full by now."""
        for acquisition, head in heads.items():
            n_full = head // CHUNK_EVENTS
            for number in range(self._noted.get(acquisition, 0), n_full):
                self._unpacked.append((acquisition, number * CHUNK_EVENTS + 1))
            self._noted[acquisition] = n_full

    @property
    def can_pack(self) -> bool:
        """Whether there are full chunks to be kept."""
        return bool(self._unpacked)

    def pack_one(self) -> None:
        """Make one full chunk and keep it."""
        acquisition, first = self._unpacked.popleft()
        book = self._journal.book(acquisition)
        if book is None:
            self._noted.pop(acquisition, None)
        else:
            self.chunk(book, first)


def _up_to_the_limit(bodies: list[bytes]) -> list[bytes]:
    """Leave out what would make the chunk longer than a subscriber may inflate."""
    room = MAX_CHUNK_BYTES // 2
    for position, body in enumerate(bodies):
        room -= len(body)
        if room < 0:
            return bodies[:position]
    return bodies
