"""Which codec for which link: the one by which a byte of a plane arrives soonest.

A pure rule, without clock and socket: how well and how fast each codec packs is learned from the
parts that it packed.
"""

from planecast_reader.remote.codecs import NOTHING, QUICK, SMALL, SMALLEST, Codec

CODECS = (NOTHING, QUICK, SMALL, SMALLEST)
FIRST_RATIO = {NOTHING: 1.0, QUICK: 0.6, SMALL: 0.5, SMALLEST: 0.49}
"""Packed to plain bytes, until it is known better."""
FIRST_BYTES_PER_S = {NOTHING: 1e12, QUICK: 800e6, SMALL: 350e6, SMALLEST: 150e6}
LEARNED = 0.1
"""How much one part counts, after the first few."""
BETTER_BY = 0.85
"""Another codec is taken if it needs at most this part of the time."""
SAVES_NOTHING = 0.97
"""Packing that needs more than this part of plain sending's time is left."""
TRY_EVERY = 32
"""One part in so many is packed by another codec, to know how well that does by now."""
UNKNOWN_LINK = 12.5e6
"""100 Mbit/s, in bytes, until something was measured."""


class CodecChoice:
    """Of one client: what its link can carry, and what its planes are like."""

    def __init__(self, *, can_unpack: bool) -> None:
        """Without `can_unpack` nothing is ever packed."""
        self._codecs = CODECS if can_unpack else (NOTHING,)
        self._ratio = dict(FIRST_RATIO)
        self._bytes_per_s = dict(FIRST_BYTES_PER_S)
        self._current = self._codecs[min(1, len(self._codecs) - 1)]
        self._n_chosen = 0
        self._n_learned = dict.fromkeys(self._codecs, 0)

    @property
    def current(self) -> Codec:
        """The codec in use."""
        return self._current

    @property
    def ratio(self) -> float:
        """What the codec in use makes of a byte."""
        return self._ratio[self._current]

    def next(self, link_bytes_per_s: float | None) -> Codec:
        """Return the codec for the next part."""
        rate = link_bytes_per_s or UNKNOWN_LINK
        best = min(self._codecs, key=lambda codec: self.seconds_per_byte(codec, rate))
        now_s = self.seconds_per_byte(self._current, rate)
        if self.seconds_per_byte(best, rate) <= BETTER_BY * now_s:
            self._current = best
        elif now_s > SAVES_NOTHING * self.seconds_per_byte(NOTHING, rate):
            self._current = NOTHING
        self._n_chosen += 1
        if self._n_chosen % TRY_EVERY == 0:
            others = [c for c in self._codecs if c not in (self._current, NOTHING)]
            # One that takes longer than sending plainly is not worth a try.
            worth = [c for c in others if self._bytes_per_s[c] > rate]
            if worth:
                return worth[self._n_chosen // TRY_EVERY % len(worth)]
        return self._current

    def learn(self, codec: Codec, plain_bytes: int, packed_bytes: int, took_s: float) -> None:
        """Take how a part was packed."""
        if not codec.name or not plain_bytes:
            return
        ratio = min(1.0, packed_bytes / plain_bytes)
        speed = plain_bytes / max(took_s, 1e-6)
        self._n_learned[codec] += 1
        weight = max(LEARNED, 1 / (1 + self._n_learned[codec]))
        self._ratio[codec] += weight * (ratio - self._ratio[codec])
        self._bytes_per_s[codec] += weight * (speed - self._bytes_per_s[codec])

    def seconds_per_byte(self, codec: Codec, link_bytes_per_s: float) -> float:
        """Return the time that a plain byte takes: packing and sending overlap, if not wholly."""
        packing_s = 1 / self._bytes_per_s[codec]
        sending_s = self._ratio[codec] / link_bytes_per_s
        return max(packing_s, sending_s) + 0.25 * min(packing_s, sending_s)
