"""An agent that breaks one of its promises on purpose, to see that the chaos test notices.

    python chaos_agent.py PROMISE [arguments of `python -m planecast_agent`]

`none` breaks no promise. What is broken is broken here, by replacing a method of this process.
Its wall clock jumps, as those of the controllers do.
"""

import sys
import time
from collections.abc import Callable, Sequence

from chaos_controller import let_the_clock_jump

from planecast_agent.__main__ import main
from planecast_agent.adoption import Adoption
from planecast_agent.ingest import Ingest
from planecast_agent.journal import Journal

COMMIT_LATE_S = 1.0
"""How long the broken agent owes its journal what it has acknowledged."""


def acknowledge_before_the_commit() -> None:
    """Ack what is in memory only, and commit a while later, all together."""
    commit = Journal.commit
    committed_at = [time.monotonic()]

    def late(self: Journal) -> dict[str, int]:
        if time.monotonic() - committed_at[0] < COMMIT_LATE_S:
            return {}
        committed_at[0] = time.monotonic()
        return commit(self)

    Journal.commit = late


def store_duplicates() -> None:
    """Take every event of a batch, those that are there already too."""
    take = Ingest.take

    def take_all(
        self: Ingest, publisher: str, first: int, bodies: Sequence[bytes], after: int = 0
    ) -> bool:
        last = self._journal.cursor(publisher)
        if first > last:
            return take(self, publisher, first, bodies, after)
        taken = take(self, publisher, last + 1, bodies, after)
        self._journal.advance(publisher, max(last, first + len(bodies) - 1))
        return taken

    Ingest.take = take_all


def leave_the_spools_of_the_dead() -> None:
    """See which controllers live, and take over no spool."""
    scan = Adoption.scan

    def only_look(self: Adoption) -> None:
        scan(self)
        self._dead.clear()

    Adoption.scan = only_look


def pass_over_gaps() -> None:
    """Take a batch though events before it are missing."""
    take = Ingest.take

    def take_any(
        self: Ingest, publisher: str, first: int, bodies: Sequence[bytes], after: int = 0
    ) -> bool:
        last = self._journal.cursor(publisher)
        if first > last + 1:
            self._journal.advance(publisher, first - 1)
        return take(self, publisher, first, bodies, after)

    Ingest.take = take_any


PROMISES: dict[str, Callable[[], None]] = {
    "ack_before_commit": acknowledge_before_the_commit,
    "no_dedupe": store_duplicates,
    "no_adoption": leave_the_spools_of_the_dead,
    "no_gap_check": pass_over_gaps,
}

if __name__ == "__main__":
    let_the_clock_jump()
    if sys.argv[1] != "none":
        PROMISES[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
