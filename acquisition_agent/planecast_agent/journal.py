"""The agent's memory: every event, in SQLite, behind a small seam.

The seam is `append`, `commit`, `heads`, `read` and `cursor`; a journal on another engine
needs these, the books below, and nothing else. Spools are the truth until an event is here:
whatever `commit` has returned for survives a crash of the agent.
"""

import logging
import sqlite3
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path
from typing import NamedTuple

from planecast_agent.books import AcquisitionBook, DeadLetter, new_book
from planecast_agent.event_blocks import EventBlocks
from planecast_agent.journal_tables import prepare
from planecast_protocol.errors import JournalFullError, PlanecastError
from planecast_protocol.event_messages import Event, StartAcquisition

JOURNAL_NAME = "journal.sqlite3"
FREED_EVENTS = 4096
FREED_PAGES = 256
"""What `free` does at a time, besides `EventBlocks.delete_some`."""
SPARE_PAGES = 1024
"""Free pages that stay in the file, for what comes next: 4 MB."""
N_BOOK_COLUMNS = len(fields(AcquisitionBook))
_FIRST_CHUNK = "select min(first) from chunks where acquisition=?"
_DELETE_CHUNKS = "delete from chunks where acquisition=? and first<?"

logger = logging.getLogger(__name__)


class _Moved(NamedTuple):
    """What an acquisition got since the last commit."""

    book: AcquisitionBook
    first: int
    bodies: list[bytes]


class JournalDamagedError(PlanecastError):
    """The journal's file is damaged: move it aside, and fill a new one from the spools."""


class Journal:
    """The SQLite journal. Belongs to one thread.

    `append`, `bury` and `advance` change the books at once and the disk at `commit`, all in
    one transaction; when that fails, the books are as they were before.
    """

    def __init__(self, folder: Path) -> None:
        """Open or create it.

        Raises `JournalDamagedError`, or `JournalFullError` if the disk does not let us.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / JOURNAL_NAME
        self._forget_uncommitted()
        with _named_errors(self.path):
            self._database = sqlite3.connect(self.path, isolation_level=None)
            try:
                self._open()
            except BaseException:
                self._database.close()
                raise

    def _open(self) -> None:
        database = self._database
        found = prepare(database)
        if found != "ok":
            raise JournalDamagedError(f"{self.path}: {found}", path=str(self.path))
        self._blocks = EventBlocks(database)
        database.execute("insert or ignore into meta values('log', ?)", (uuid.uuid4().hex,))
        self.log: str = database.execute("select value from meta where name='log'").fetchone()[0]
        self._load()

    def _load(self) -> None:
        database = self._database
        self._cursors: dict[str, int] = dict(database.execute("select id, last from publishers"))
        rows = database.execute("select * from acquisitions order by number")
        self._books = {row[1]: AcquisitionBook(*row) for row in rows}
        counted = database.execute("select count(*) from dead_letters").fetchone()
        self.n_dead_letters: int = counted[0]
        forgotten = list(database.execute("select id, number from forgotten"))
        self._forgotten = {acquisition for acquisition, _number in forgotten}
        self._to_free = deque(number for _acquisition, number in forgotten if number is not None)
        numbers = [*self._to_free, *(book.number for book in self._books.values())]
        self._next_number = max(numbers, default=0) + 1
        self._count_spare_pages()
        self._forget_uncommitted()

    def _forget_uncommitted(self) -> None:
        self._moved: dict[str, _Moved] = {}
        self._dead: list[DeadLetter] = []
        self._advanced: set[str] = set()

    # ------------------------------------------------------------ the books

    def cursor(self, publisher: str) -> int:
        """Return the publisher's last event that was taken; 0: none."""
        return self._cursors.get(publisher, 0)

    def book(self, acquisition: str) -> AcquisitionBook | None:
        """Return what is known of an acquisition."""
        return self._books.get(acquisition)

    def books(self) -> Iterator[AcquisitionBook]:
        """Return all acquisitions, oldest first."""
        return iter(self._books.values())

    def heads(self) -> dict[str, int]:
        """Return the number of events of each acquisition."""
        return {book.id: book.head for book in self._books.values()}

    def __len__(self) -> int:
        """Return the number of acquisitions."""
        return len(self._books)

    # ------------------------------------------------------------ writing

    def append(self, publisher: str, event: Event, body: bytes) -> None:
        """Add a checked event. `body` is its bytes, as the publisher wrote them."""
        moved = self._moved.get(event.acquisition)
        if moved is None:
            moved = self._moved[event.acquisition] = self._move(publisher, event)
        moved.book.add(event, len(body))
        moved.bodies.append(body)

    def _move(self, publisher: str, event: Event) -> "_Moved":
        if isinstance(event, StartAcquisition):
            book = new_book(self._next_number, publisher, event)
            self._books[book.id] = book
            self._next_number += 1
        book = self._books[event.acquisition]
        return _Moved(book, book.head + 1, [])

    def bury(self, letter: DeadLetter) -> None:
        """Keep an event aside that can't be used."""
        self._dead.append(letter)
        self.n_dead_letters += 1

    def advance(self, publisher: str, last: int) -> None:
        """Note that all of the publisher's events up to `last` were taken."""
        self._cursors[publisher] = last
        self._advanced.add(publisher)

    def commit(self) -> dict[str, int]:
        """Write all changes; return the heads that moved.

        Raises `JournalFullError` if the disk did not take them, and then none was made.
        """
        if not self._advanced:
            return {}
        stored_at = time.time()
        for moved in self._moved.values():
            moved.book.stored_at = stored_at
        try:
            with _named_errors(self.path):
                self._write()
        except JournalFullError:
            self.abandon()
            raise
        heads = {moved.book.id: moved.book.head for moved in self._moved.values()}
        self._forget_uncommitted()
        return heads

    def abandon(self) -> None:
        """Take back all changes since the last commit."""
        with _named_errors(self.path):
            if self._database.in_transaction:
                self._database.execute("rollback")
            self._load()

    def _write(self) -> None:
        database = self._database
        self._begin()
        for moved in self._moved.values():
            self._blocks.add(moved.book.number, moved.first, moved.bodies)
        database.executemany(
            f"insert or replace into acquisitions values({', '.join('?' * N_BOOK_COLUMNS)})",
            [moved.book.row() for moved in self._moved.values()],
        )
        database.executemany(
            "insert or replace into publishers values(?, ?)",
            [(publisher, self._cursors[publisher]) for publisher in self._advanced],
        )
        database.executemany(
            "insert into dead_letters values(?, ?, ?, ?, ?)", map(astuple, self._dead)
        )
        database.execute("commit")

    def _begin(self) -> None:
        self._database.execute("begin immediate")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing."""
        self._begin()
        try:
            yield
            self._database.execute("commit")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("rollback")
            raise

    def settle(self) -> None:
        """Make sure that all commits so far survive a power loss too. Waits for the disk."""
        with _named_errors(self.path):
            self._database.execute("pragma wal_checkpoint(passive)").fetchone()

    # ------------------------------------------------------------ reading

    def read(self, acquisition: str, first: int, n_events: int) -> list[bytes]:
        """Return at most `n_events` events of an acquisition, from `first` on, in order."""
        number = self._books[acquisition].number
        with _named_errors(self.path):
            return self._blocks.read(number, first, n_events)

    def dead_letters(self, limit: int = 100, acquisition: str = "") -> list[DeadLetter]:
        """Return the newest events that were kept aside, newest first; all, or of one."""
        query = (
            "select publisher, seq, why, body, acquisition from dead_letters "
            "where ?1='' or acquisition=?1 order by rowid desc limit ?2"
        )
        with _named_errors(self.path):
            rows = self._database.execute(query, (acquisition, limit))
            return [DeadLetter(*row) for row in rows]

    def count_dead_letters(self, acquisition: str) -> int:
        """Return how many events of an acquisition were kept aside."""
        query = "select count(*) from dead_letters where acquisition=?"
        with _named_errors(self.path):
            counted: int = self._database.execute(query, (acquisition,)).fetchone()[0]
            return counted

    # ------------------------------------------------------------ chunks, ready to be served

    def chunk(self, acquisition: str, first: int) -> bytes | None:
        """Return the columns of the full chunk from `first` on, if they were kept."""
        query = "select body from chunks where acquisition=? and first=?"
        with _named_errors(self.path):
            number = self._books[acquisition].number
            found = self._database.execute(query, (number, first)).fetchone()
            return None if found is None else bytes(found[0])

    def keep_chunk(self, acquisition: str, first: int, columns: bytes) -> None:
        """Keep the columns of a full chunk; raise `JournalFullError` if there is no room."""
        row = (self._books[acquisition].number, first, columns)
        with _named_errors(self.path):
            self._database.execute("insert or replace into chunks values(?, ?, ?)", row)

    # ------------------------------------------------------------ forgetting

    def was_forgotten(self, acquisition: str) -> bool:
        """Tell whether an acquisition was forgotten: what still comes of it is not kept."""
        return acquisition in self._forgotten

    def forget(self, acquisition: str) -> None:
        """Drop an acquisition at once; `free` gives its space back, a little at a time.

        Call it between commits. Raises `JournalFullError`, and then nothing was dropped.
        """
        book = self._books[acquisition]
        with _named_errors(self.path), self._transaction():
            row = (book.id, book.number)
            self._database.execute("insert or replace into forgotten values(?, ?)", row)
            self._database.execute("delete from acquisitions where number=?", (book.number,))
            dropped = self._database.execute(
                "delete from dead_letters where acquisition=?", (book.id,)
            )
        del self._books[acquisition]
        self.n_dead_letters -= dropped.rowcount
        self._forgotten.add(book.id)
        self._to_free.append(book.number)

    @property
    def can_free(self) -> bool:
        """Whether there is space to be given back."""
        return bool(self._to_free) or self._n_spare_pages > SPARE_PAGES

    def free(self) -> None:
        """Delete some of what was forgotten, or shrink the file: a few milliseconds of work."""
        with _named_errors(self.path):
            if self._to_free:
                with self._transaction():
                    self._delete(self._to_free[0])
            else:
                # `execute` would stop after one page: these are rows without a column.
                self._database.executescript(f"pragma incremental_vacuum({FREED_PAGES})")
            self._count_spare_pages()

    def _count_spare_pages(self) -> None:
        counted: int = self._database.execute("pragma freelist_count").fetchone()[0]
        # A file of an older agent can't be shrunk: its free pages are used again.
        can_shrink = self._database.execute("pragma auto_vacuum").fetchone()[0] == 2
        self._n_spare_pages = counted if can_shrink else 0

    def _delete(self, number: int) -> None:
        if not (self._delete_chunks(number) or self._blocks.delete_some(number)):
            self._database.execute("update forgotten set number=null where number=?", (number,))
            self._to_free.popleft()

    def _delete_chunks(self, number: int) -> bool:
        """Delete the first chunks of an acquisition; `False`: there are none."""
        first = self._database.execute(_FIRST_CHUNK, (number,)).fetchone()[0]
        if first is None:
            return False
        self._database.execute(_DELETE_CHUNKS, (number, first + FREED_EVENTS))
        return True

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._database.close()


def open_journal(folder: Path) -> tuple[Journal, bool]:
    """Return (journal, whether it was damaged and is now a new and empty one).

    A damaged one is moved aside, and kept.
    """
    try:
        return Journal(folder), False
    except JournalDamagedError as trouble:
        mark = uuid.uuid4().hex[:8]
        for file in folder.glob(JOURNAL_NAME + "*"):
            file.rename(file.with_name(f"damaged-{mark}-{file.name}"))
        logger.error("%s; kept as damaged-%s-*, a new one is filled from the spools", trouble, mark)  # noqa: TRY400 - the sentence says it all
        return Journal(folder), True


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Tell a disk that is full or fails from a damaged file."""
    try:
        yield
    except sqlite3.OperationalError as trouble:
        raise JournalFullError(f"{path}: {trouble}", path=str(path)) from None
    except sqlite3.DatabaseError as trouble:
        raise JournalDamagedError(f"{path}: {trouble}", path=str(path)) from None
