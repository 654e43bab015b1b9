"""The board: what a reader process says of the slot that it fills. It lies behind the arena.

A client that waits for a plane is told of it when it is nearly read: it wakes up, takes a lease
and looks at the board while the last pixels come, which is sooner than any message.

    reader: all pixels are there, board[slot] = generation, fence, is the client awake?
            yes: it knows by itself.  no: the front answers, as it does everywhere else
    client: lease[slot] = AWAKE, fence, board[slot] the generation I was told?
            yes: it is mine.  no, for too long: lease[slot] = LEASED, fence, look again

Either the client sees the generation or the reader sees that nobody is awake. A generation is
that of one filling, so what the board said of an earlier plane counts for nothing.
"""

from planecast_reader.arena.ledger import MAX_SLOTS

WORDS = 2
FILLED, READ_US = range(WORDS)
"""Words (u64) of each slot: the odd generation that was filled, and how long that took."""
BOARD_BYTES = MAX_SLOTS * WORDS * 8
