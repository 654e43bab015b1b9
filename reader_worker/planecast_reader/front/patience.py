"""Requests that wait for a file to become whole, and when to look at it again."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.front.client_session import ClientSession

FIRST_LOOK_S = 0.015
SLOWEST_LOOK_S = 0.25
_SLOWER_BY = 1.4


@dataclass(eq=False)
class Waiting:
    """One such request."""

    client: ClientSession
    request: ReadPixels
    why: str
    delay_s: float
    due: float
    """Monotonic."""
    looking: bool = False


class Patience:
    """Looks soon at first (a file is late by some tens of milliseconds as a rule), then less often.

    Polling, not inotify: it works on network shares, for memory-mapped writes, and for files
    whose folder does not exist yet.
    """

    def __init__(self, look: Callable[[Waiting], None]) -> None:
        self._look = look
        self._waiting: dict[tuple[ClientSession, int], Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self, client: ClientSession, request: ReadPixels, why: str) -> bool:
        """Look again later. Return True if the client should hear the reason: it is new."""
        key = (client, request.request)
        known = self._waiting.get(key)
        now = time.monotonic()
        if known is None:
            self._waiting[key] = Waiting(client, request, why, FIRST_LOOK_S, now + FIRST_LOOK_S)
            return True
        known.delay_s = min(known.delay_s * _SLOWER_BY, SLOWEST_LOOK_S)
        known.due = now + known.delay_s
        known.looking = False
        news, known.why = known.why != why, why
        return news

    def forget(self, client: ClientSession, requests: set[int] | None) -> None:
        """Stop waiting: for some of a client's requests, or for all."""
        for key in [k for k in self._waiting if k[0] is client]:
            if requests is None or key[1] in requests:
                del self._waiting[key]

    def tick(self) -> None:
        """Look at those that are due."""
        now = time.monotonic()
        for waiting in [w for w in self._waiting.values() if not w.looking and w.due <= now]:
            waiting.looking = True
            self._look(waiting)

    def next_s(self) -> float | None:
        """Return the time until one is due."""
        due = [waiting.due for waiting in self._waiting.values() if not waiting.looking]
        return max(0.0, min(due) - time.monotonic()) if due else None
