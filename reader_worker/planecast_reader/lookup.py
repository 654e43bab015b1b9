"""Looks for one plane in the memory that a client shares with its worker."""

import time

from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.answers import PixelAnswer
from planecast_reader.arena.leases import EVER, ClientArena
from planecast_reader.arena.ledger import known_digest_of


class Lookup:
    """Of a caller that waits for a plane: before it is asked for, or while that is on its way.

    To look takes some microseconds where many planes are found, and twenty times as long where
    the processor's caches have just seen a plane: who expects a new one asks first.
    """

    def __init__(
        self, arena: ClientArena, plane: ReadPixels, *, may_find: bool, asks_first: bool
    ) -> None:
        """Without `may_find`, the plane is waited for in any case."""
        self._arena = arena
        self._plane = plane
        self._may_find = may_find and not plane.statistics
        self._asks_first = asks_first
        self._began_ns = time.monotonic_ns()

    def before(self) -> PixelAnswer | None:
        """Return the plane if it need not be asked for."""
        return None if self._asks_first else self._find()

    def meanwhile(self) -> PixelAnswer | None:
        """Return the plane if it need not be waited for.

        Not one that is there by now because it was asked for: that is not from the cache.
        """
        return self._find(self._began_ns) if self._asks_first else None

    def is_new(self) -> bool:
        """Tell whether it is not there, certain or not, or is expected not to be."""
        return self._asks_first or not self._arena.knows(known_digest_of(self._plane))

    def _find(self, before_ns: int = EVER) -> PixelAnswer | None:
        if not self._may_find:
            return None
        digest, running = known_digest_of(self._plane), self._plane.running
        pixels = self._arena.find(digest, running=running, before_ns=before_ns)
        return None if pixels is None else PixelAnswer(pixels, None, cached=True, read_ms=0.0)
