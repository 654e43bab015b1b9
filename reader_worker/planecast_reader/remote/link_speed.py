"""How fast a link is, by what was confirmed, and how much may be under way on it.

No socket and no clock in here: times are given, in s. As BBR does it: the rate is the best that
was delivered lately, the delay the shortest; more than both explain only stands in a queue.
"""

import collections
from dataclasses import dataclass

REMEMBERED_S = 10.0
"""A link that has become slower is known as such after this time."""
SHORTEST_SAMPLE_S = 0.004
"""Over less than this a rate is noise."""
IN_QUEUE_S = 0.04
"""So much may stand in queues: what is beyond recall when the view moves."""
FIRST_WINDOW_BYTES = 128 << 10
LEAST_WINDOW_BYTES = 32 << 10
MOST_WINDOW_BYTES = 16 << 20


@dataclass(slots=True)
class _UnderWay:
    number: int
    n_bytes: int
    sent_at: float
    delivered: int
    """Bytes that were confirmed when this left, and when the last of them was."""
    delivered_at: float
    flight_began_at: float


class LinkSpeed:
    """Of one client. Takes what was sent and confirmed; parts are confirmed in order."""

    def __init__(self) -> None:
        self._under_way: collections.deque[_UnderWay] = collections.deque()
        self.bytes_under_way = 0
        self._delivered = 0
        self._delivered_at = 0.0
        self._flight_began_at = 0.0
        self._rates: collections.deque[tuple[float, float]] = collections.deque()
        self._delays: collections.deque[tuple[float, float]] = collections.deque()

    @property
    def bytes_per_s(self) -> float | None:
        """The best rate of late; `None`: nothing big enough was sent yet."""
        return max((rate for _at, rate in self._rates), default=None)

    @property
    def delay_s(self) -> float:
        """The shortest time of late from sending to confirmation, without the bytes' own time."""
        return min((delay for _at, delay in self._delays), default=0.0)

    @property
    def window_bytes(self) -> int:
        """How much may be under way: more than the link holds, so that a faster one is noticed."""
        rate = self.bytes_per_s
        if rate is None:
            return FIRST_WINDOW_BYTES
        wanted = int(rate * (self.delay_s + IN_QUEUE_S))
        return min(max(wanted, LEAST_WINDOW_BYTES), MOST_WINDOW_BYTES)

    @property
    def has_room(self) -> bool:
        """Tell whether one more may leave."""
        return self.bytes_under_way < self.window_bytes

    def sent(self, number: int, n_bytes: int, now: float) -> None:
        """Note that a part has left."""
        if not self._under_way:
            # Idle time is no time of the link's.
            self._delivered_at = self._flight_began_at = now
        self._under_way.append(
            _UnderWay(
                number, n_bytes, now, self._delivered, self._delivered_at, self._flight_began_at
            )
        )
        self.bytes_under_way += n_bytes

    def confirmed(self, number: int, now: float) -> None:
        """Note that all up to `number` has arrived."""
        last: _UnderWay | None = None
        while self._under_way and self._under_way[0].number <= number:
            last = self._under_way.popleft()
            self.bytes_under_way -= last.n_bytes
            self._delivered += last.n_bytes
        if last is None:
            return
        self._delivered_at = now
        # The next one's flight begins where this one's ended, as far as sending goes.
        self._flight_began_at = last.sent_at
        took_s = max(now - last.delivered_at, last.sent_at - last.flight_began_at)
        if took_s >= SHORTEST_SAMPLE_S:
            self._note_rate((self._delivered - last.delivered) / took_s, now)
        rate = self.bytes_per_s
        own_s = 0.0 if rate is None else last.n_bytes / rate
        self._note_delay(max(0.0, now - last.sent_at - own_s), now)

    def _note_rate(self, rate: float, now: float) -> None:
        # Only those can ever be the best that are better than all after them.
        while self._rates and self._rates[-1][1] <= rate:
            self._rates.pop()
        self._rates.append((now, rate))
        while self._rates[0][0] < now - REMEMBERED_S:
            self._rates.popleft()

    def _note_delay(self, delay_s: float, now: float) -> None:
        while self._delays and self._delays[-1][1] >= delay_s:
            self._delays.pop()
        self._delays.append((now, delay_s))
        while self._delays[0][0] < now - REMEMBERED_S:
            self._delays.popleft()
