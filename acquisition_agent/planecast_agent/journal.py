"""The agent's memory: every event, in SQLite, behind a small seam.

The seam is `append`, `commit`, `heads`, `read` and `cursor`; a journal on another engine
needs these, the books below, and nothing else. Spools are the truth until an event is here:
whatever `commit` has returned for survives a crash of the agent.
"""

import logging
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from planecast_protocol.errors import JournalFullError, PlanecastError
from planecast_protocol.event_messages import EndAcquisition, Event, RegisterImage, StartAcquisition

JOURNAL_NAME = "journal.sqlite3"

_TABLES = """
create table if not exists meta(name text primary key, value text) without rowid;
create table if not exists publishers(id text primary key, last integer) without rowid;
create table if not exists acquisitions(
    number integer primary key, id text unique, owner text, name text, state text,
    head integer, planes integer, started_at real, n_channels integer, n_fovs integer,
    num_z integer);
create table if not exists events(
    acquisition integer, seq integer, body blob, primary key(acquisition, seq)) without rowid;
create table if not exists dead_letters(publisher text, seq integer, why text, body blob);
"""

logger = logging.getLogger(__name__)


class JournalDamagedError(PlanecastError):
    """The journal's file is damaged: move it aside, and fill a new one from the spools."""


@dataclass(slots=True)
class AcquisitionBook:
    """What is known of one acquisition without reading its events."""

    number: int
    id: str
    owner: str
    """The publisher that started it."""
    name: str
    state: Literal["running", "done", "aborted"]
    head: int
    planes: int
    started_at: float
    n_channels: int
    n_fovs: int
    num_z: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was kept aside, and why."""

    publisher: str
    seq: int
    why: str
    body: bytes


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
        database.execute("pragma journal_mode=wal")
        database.execute("pragma synchronous=normal")
        database.execute("pragma wal_autocheckpoint=4000")
        found = database.execute("pragma quick_check(1)").fetchone()[0]
        if found != "ok":
            raise JournalDamagedError(f"{self.path}: {found}", path=str(self.path))
        database.executescript(_TABLES)
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
        self._forget_uncommitted()

    def _forget_uncommitted(self) -> None:
        self._events: list[tuple[int, int, bytes]] = []
        self._dead: list[DeadLetter] = []
        self._moved: dict[str, AcquisitionBook] = {}
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
        if isinstance(event, StartAcquisition):
            self._books[event.acquisition] = _new_book(len(self._books) + 1, publisher, event)
        book = self._books[event.acquisition]
        book.head += 1
        if isinstance(event, RegisterImage):
            book.planes += 1
        elif isinstance(event, EndAcquisition):
            book.state = event.status
        self._moved[book.id] = book
        self._events.append((book.number, book.head, body))

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
        try:
            with _named_errors(self.path):
                self._write()
        except JournalFullError:
            self.abandon()
            raise
        heads = {book.id: book.head for book in self._moved.values()}
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
        database.execute("begin immediate")
        database.executemany("insert into events values(?, ?, ?)", self._events)
        database.executemany(
            "insert or replace into acquisitions values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_row(book) for book in self._moved.values()],
        )
        database.executemany(
            "insert or replace into publishers values(?, ?)",
            [(publisher, self._cursors[publisher]) for publisher in self._advanced],
        )
        database.executemany(
            "insert into dead_letters values(?, ?, ?, ?)",
            [(letter.publisher, letter.seq, letter.why, letter.body) for letter in self._dead],
        )
        database.execute("commit")

    def settle(self) -> None:
        """Make sure that all commits so far survive a power loss too. Waits for the disk."""
        with _named_errors(self.path):
            self._database.execute("pragma wal_checkpoint(passive)").fetchone()

    # ------------------------------------------------------------ reading

    def read(self, acquisition: str, first: int, n_events: int) -> list[bytes]:
        """Return at most `n_events` events of an acquisition, from `first` on, in order."""
        number = self._books[acquisition].number
        query = "select body from events where acquisition=? and seq>=? and seq<? order by seq"
        with _named_errors(self.path):
            rows = self._database.execute(query, (number, first, first + n_events))
            return [body for (body,) in rows]

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """Return the newest events that were kept aside, newest first."""
        query = "select publisher, seq, why, body from dead_letters order by rowid desc limit ?"
        with _named_errors(self.path):
            return [DeadLetter(*row) for row in self._database.execute(query, (limit,))]

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


def _new_book(number: int, publisher: str, event: StartAcquisition) -> AcquisitionBook:
    return AcquisitionBook(
        number=number,
        id=event.acquisition,
        owner=publisher,
        name=event.name,
        state="running",
        head=0,
        planes=0,
        started_at=event.started_at,
        n_channels=len(event.channels),
        n_fovs=len(event.fov_labels),
        num_z=event.num_z,
    )


def _row(book: AcquisitionBook) -> tuple[int | str | float, ...]:
    """Return the book in the order of its table's columns."""
    return (
        *(book.number, book.id, book.owner, book.name, book.state, book.head, book.planes),
        *(book.started_at, book.n_channels, book.n_fovs, book.num_z),
    )


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Tell a disk that is full or fails from a damaged file."""
    try:
        yield
    except sqlite3.OperationalError as trouble:
        raise JournalFullError(f"{path}: {trouble}", path=str(path)) from None
    except sqlite3.DatabaseError as trouble:
        raise JournalDamagedError(f"{path}: {trouble}", path=str(path)) from None
