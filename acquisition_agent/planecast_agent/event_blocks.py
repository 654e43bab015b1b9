"""The events of a journal, in blocks: what was committed together lies together.

A row for each event would take SQLite longer than all else that is done with an event, when it is
written and when it is read.
"""

import sqlite3
from collections.abc import Sequence

import msgspec

_FIRST_BITS = 40
"""Of a block's place: the number of its first event. Above them, its acquisition's number."""
_FREED_BLOCKS = 256
_FREED_BYTES = 4 << 20
_FREED_ROWS = 4096
"""What `delete_some` does at a time."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bytes]).decode

_READ_BLOCKS = """
select place, bodies from blocks where place < ?2 and place >=
    coalesce((select max(place) from blocks where place <= ?1 and place >= ?3), ?1)
order by place
"""
_READ_ROWS = "select body from events where acquisition=? and seq>=? and seq<? order by seq"
_SIZES = "select place, length(bodies) from blocks where place >= ? and place < ? order by place"


class EventBlocks:
    """Reads and writes the tables `blocks` and `events`; the latter is of older agents.

    Belongs to the journal's thread, and takes part in its transactions. Raises what sqlite3 does.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        found = database.execute("select exists(select 1 from events)").fetchone()
        self._has_rows = bool(found[0])

    def add(self, acquisition: int, first: int, bodies: Sequence[bytes]) -> None:
        """Write the events of an acquisition from number `first` on."""
        row = (_place(acquisition, first), _encode(bodies))
        self._database.execute("insert into blocks values(?, ?)", row)

    def read(self, acquisition: int, first: int, n_events: int) -> list[bytes]:
        """Return at most `n_events` events from number `first` on, in order."""
        bodies: list[bytes] = []
        if self._has_rows:
            rows = self._database.execute(_READ_ROWS, (acquisition, first, first + n_events))
            bodies.extend(body for (body,) in rows)
        span = (_place(acquisition, first), _place(acquisition, first + n_events))
        blocks = self._database.execute(_READ_BLOCKS, (*span, _place(acquisition, 0)))
        for place, encoded in blocks:
            block = _decode(encoded)
            at = place - span[0]
            bodies.extend(block[max(0, -at) : n_events - at])
        return bodies

    def delete_some(self, acquisition: int) -> bool:
        """Delete some of the first events; `False`: there are none."""
        return self._delete_blocks(acquisition) or self._delete_rows(acquisition)

    def _delete_blocks(self, acquisition: int) -> bool:
        span = (_place(acquisition, 0), _place(acquisition + 1, 0))
        end, room = -1, _FREED_BYTES
        blocks = self._database.execute(_SIZES, span).fetchmany(_FREED_BLOCKS)
        for place, n_bytes in blocks:
            end, room = place, room - n_bytes
            if room < 0:
                break
        deleted = self._database.execute(
            "delete from blocks where place >= ? and place <= ?", (span[0], end)
        )
        return deleted.rowcount > 0

    def _delete_rows(self, acquisition: int) -> bool:
        if not self._has_rows:
            return False
        query = "select min(seq) from events where acquisition=?"
        first = self._database.execute(query, (acquisition,)).fetchone()[0]
        if first is None:
            return False
        delete = "delete from events where acquisition=? and seq<?"
        self._database.execute(delete, (acquisition, first + _FREED_ROWS))
        return True


def _place(acquisition: int, first: int) -> int:
    return acquisition << _FIRST_BITS | first
