"""How fast a link is, by what was confirmed, and how much may be under way on it.

No socket and no clock in here: times are given, in s. Much as BBR does it: the rate is the best
that was delivered lately, but for a few outliers, the delay the shortest; more than both explain
only stands in a queue.
"""

import collections
from typing import NamedTuple

REMEMBERED_S = 10.0
"""A link that has become slower is known as such after this time."""
SHORTEST_SAMPLE_S = 0.05
"""Over less than this a rate is noise; but so much in one burst says something, too."""
LEAST_BURST_BYTES = 64 << 10
OUTLIERS = 3
LONGER = 1.25
"""So many times the delay is filled: only by sending more is a link found to be faster."""
IN_QUEUE_S = 0.02
"""So much may stand in queues: what is beyond recall when the view moves."""
FIRST_WINDOW_BYTES = 128 << 10
LEAST_WINDOW_BYTES = 32 << 10
MOST_WINDOW_BYTES = 16 << 20


class _Part(NamedTuple):
    number: int
    n_bytes: int
    sent_at: float


class _Mark(NamedTuple):
    """From where the rate is measured next."""

    at: float
    sent_at: float
    """When the last part had left that was confirmed by then."""
    is_start: bool
    """Nothing was under way before."""


class LinkSpeed:
    """Of one client. Takes what was sent and confirmed; parts are confirmed in order."""

    def __init__(self) -> None:
        self._under_way: collections.deque[_Part] = collections.deque()
        self.bytes_under_way = 0
        self._delivered = 0
        """Bytes since the mark."""
        self._mark = _Mark(0.0, 0.0, is_start=True)
        self._rates: collections.deque[tuple[float, float]] = collections.deque()
        self._rate: float | None = None
        self._delays: collections.deque[tuple[float, float]] = collections.deque()

    @property
    def bytes_per_s(self) -> float | None:
        """The best rate of late; `None`: nothing big enough was sent yet."""
        return self._rate

    @property
    def delay_s(self) -> float:
        """The shortest time of late from sending to confirmation."""
        return min((delay for _at, delay in self._delays), default=0.0)

    @property
    def window_bytes(self) -> int:
        """How much may be under way: more than the link holds, so that a faster one is noticed."""
        rate = self.bytes_per_s
        if rate is None:
            return FIRST_WINDOW_BYTES
        wanted = int(rate * (LONGER * self.delay_s + IN_QUEUE_S))
        return min(max(wanted, LEAST_WINDOW_BYTES), MOST_WINDOW_BYTES)

    @property
    def has_room(self) -> bool:
        """Tell whether one more may leave."""
        return self.bytes_under_way < self.window_bytes

    def sent(self, number: int, n_bytes: int, now: float) -> None:
        """Note that a part has left."""
        if not self._under_way:
            # Idle time is no time of the link's.
            self._mark, self._delivered = _Mark(now, now, is_start=True), 0
        self._under_way.append(_Part(number, n_bytes, now))
        self.bytes_under_way += n_bytes

    def confirmed(self, number: int, now: float) -> None:
        """Note that all up to `number` has arrived."""
        last: _Part | None = None
        while self._under_way and self._under_way[0].number <= number:
            last = self._under_way.popleft()
            self.bytes_under_way -= last.n_bytes
            self._delivered += last.n_bytes
        if last is None:
            return
        self._note_delay(now - last.sent_at, now)
        # What was confirmed in one go, because the other end was busy, did not come in one go.
        took_s = max(now - self._mark.at, last.sent_at - self._mark.sent_at)
        is_burst = not self._under_way and self._mark.is_start
        is_over = is_burst and self._delivered >= LEAST_BURST_BYTES
        if took_s >= SHORTEST_SAMPLE_S or is_over:
            self._note_rate(self._delivered / max(took_s, 1e-6), now)
            self._mark, self._delivered = _Mark(now, last.sent_at, is_start=False), 0

    def _note_rate(self, rate: float, now: float) -> None:
        self._rates.append((now, rate))
        while self._rates[0][0] < now - REMEMBERED_S:
            self._rates.popleft()
        best = sorted((one for _at, one in self._rates), reverse=True)
        # Confirmations that come in a bunch make a few look better than the link is.
        self._rate = best[min(OUTLIERS, len(best) // 4)]

    def _note_delay(self, delay_s: float, now: float) -> None:
        while self._delays and self._delays[-1][1] >= delay_s:
            self._delays.pop()
        self._delays.append((now, delay_s))
        while self._delays[0][0] < now - REMEMBERED_S:
            self._delays.popleft()
