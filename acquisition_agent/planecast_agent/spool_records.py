"""Where the records of a spool lie in its file, and which number each of them has."""

from array import array
from bisect import bisect_right

from planecast_agent.lives import LIFE_BITS, begins_life, first_of_life
from planecast_protocol.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS

MAGIC = b"PCS1"
HEADER_BYTES = len(MAGIC) + 16
SPOOL_SUFFIX = ".spool"
DONE_SUFFIX = ".done"
"""All of it is in the journal; kept in case that is lost."""
DAMAGED_SUFFIX = ".damaged"
_IN_LIFE = (1 << LIFE_BITS) - 1


class SpoolRecords:
    """Eight bytes a record. One thread appends, one reads."""

    def __init__(self) -> None:
        self._ends = array("Q", [HEADER_BYTES])
        self._lives = [0]
        """Records before each life of the controller."""

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def end(self) -> int:
        """Offset behind the last record."""
        return self._ends[-1]

    @property
    def life(self) -> int:
        """The life that the last record is of."""
        return len(self._lives) - 1

    @property
    def head(self) -> int:
        """Number of the last record; 0: there is none."""
        return first_of_life(self.life) - 1 + len(self) - self._lives[-1]

    def append(self, n_bytes: int) -> None:
        """Note one more record."""
        self._ends.append(self._ends[-1] + n_bytes)

    def begin_life(self, life: int) -> None:
        """Note that the records from here on are of this life."""
        # A life that never wrote is not there: none of its numbers will be asked for.
        while self.life < life:
            self._lives.append(len(self))

    def next_after(self, seq: int) -> int:
        """Return the number of the record that follows `seq`, there already or not."""
        life = seq >> LIFE_BITS
        if life >= self.life or seq & _IN_LIFE < self._n_in(life):
            return seq + 1
        # Beyond the life's last record too: the agent may know some that a power loss took.
        lives = range(life + 1, self.life)
        return first_of_life(next((life for life in lives if self._n_in(life)), self.life))

    def before(self, first: int) -> int:
        """Return the number of the record before the first of a life; 0 for any other."""
        if not begins_life(first):
            return 0
        lives = range((first >> LIFE_BITS) - 1, -1, -1)
        found = next((life for life in lives if self._n_in(life)), 0)
        return first_of_life(found) - 1 + self._n_in(found)

    def n_behind(self, seq: int) -> int:
        """Return the number of records after `seq`."""
        life = min(seq >> LIFE_BITS, self.life)
        within = min(seq & _IN_LIFE, len(self) if life == self.life else self._n_in(life))
        return max(0, len(self) - self._lives[life] - within)

    def batch(self, first: int) -> tuple[int, int, int]:
        """Return (start, end, number) of the records from `first` on: one batch of one life."""
        life = first >> LIFE_BITS
        if first > self.head:
            return 0, 0, 0
        place = self._lives[life] + (first & _IN_LIFE) - 1
        n_records = len(self) if life == self.life else self._lives[life + 1]
        start = self._ends[place]
        newest = min(n_records, place + MAX_BATCH_EVENTS)
        last = bisect_right(self._ends, start + MAX_BATCH_BYTES, place, newest + 1) - 1
        return start, self._ends[last], last - place

    def _n_in(self, life: int) -> int:
        return self._lives[life + 1] - self._lives[life]
