"""A pause between pictures where an acquisition is faster than they are."""

MANY_POSITIONS = 2
"""More than these, registered while one was on its way: the acquisition is faster."""
REST_SHARE = 0.6
"""n ms from asking to drawing are followed by this share of n in which nothing is asked for."""
MAX_REST_S = 0.1


class Rest:
    """Reading and composing without a pause take all of a small machine, and clicks wait for it.

    Times are of the monotonic clock.
    """

    def __init__(self) -> None:
        self._until = 0.0

    def take(self, now: float, took_s: float, n_left_out: float) -> None:
        """Begin, after a picture that took so long; not where pictures keep pace.

        `n_left_out` are the positions that were registered meanwhile.
        """
        if n_left_out > MANY_POSITIONS:
            self._until = now + min(MAX_REST_S, REST_SHARE * took_s)

    def left_s(self, now: float) -> float:
        """Return for how long nothing is asked for yet; at most 0: it is over."""
        return self._until - now

    def forget(self) -> None:
        """End it: something else is followed."""
        self._until = 0.0
