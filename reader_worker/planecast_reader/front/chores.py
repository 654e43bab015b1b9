"""When the front does what nobody waits for: in a quiet moment, and not too late.

Who was just sent something often is to run on the processor that the front is on, and begins when
the front sleeps. So the front sleeps at once, and does its chores when nothing comes for a moment.
"""

import time

QUIET_S = 0.003
"""A plane out of the page cache is read by then."""
BRIEF_S = 0.001
"""No reader is at work that would be disturbed, or there is more work than readers."""
AT_THE_LATEST_S = 0.01
AT_REST_S = 0.1
"""Between one look around and the next, when nothing comes."""


class Chores:
    """Belongs to the front's thread."""

    def __init__(self) -> None:
        self._since: float | None = None
        """When the first thing came since the chores were done (monotonic)."""

    def patience_s(self, *, busy: int, is_short: bool) -> float | None:
        """Return how long to wait for something before the chores are done; None: they are done.

        `busy` readers are at work; `is_short`: the next plane would have to wait for a place.
        """
        if self._since is None:
            return None
        return BRIEF_S if not busy or (is_short and busy > 1) else QUIET_S

    def are_due(self, *, has_come: bool) -> bool:
        """Tell whether to do them now, if something `has_come` or not."""
        if not has_come:
            return True
        now = time.monotonic()
        if self._since is None:
            self._since = now
        return now - self._since > AT_THE_LATEST_S

    def done(self) -> None:
        """Note that they are done."""
        self._since = None
