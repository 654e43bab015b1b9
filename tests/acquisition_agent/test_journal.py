"""The journal: all of a turn or nothing, and everything again after a restart."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from planecast_agent.books import DeadLetter
from planecast_agent.journal import FREED_EVENTS, JOURNAL_NAME, Journal, open_journal
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.errors import JournalFullError
from planecast_protocol.event_messages import EndAcquisition, RegisterImage, StartAcquisition
from planecast_protocol.messages import encode
from planecast_protocol.planes import PlaneSource

ALICE = "a" * 32


def _start(journal: Journal, name: str) -> None:
    event = StartAcquisition(
        acquisition=name,
        name=name,
        channels=["BF"],
        height=8,
        width=8,
        fov_labels=["A1:0"],
        started_at=5.0,
    )
    journal.append(ALICE, event, encode(event))


def _register(journal: Journal, name: str, t: int) -> bytes:
    event = RegisterImage(
        acquisition=name,
        index=PlaneIndex(t=t, fov=0, z=0, channel=0),
        source=PlaneSource(path=f"data:{t}.tif"),
        registered_at=0.0,
    )
    body = encode(event)
    journal.append(ALICE, event, body)
    return body


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Open an empty journal."""
    one = Journal(tmp_path)
    yield one
    one.close()


def test_a_restart_finds_everything_that_was_committed(tmp_path: Path):
    journal = Journal(tmp_path)
    for name in ("first", "second"):
        _start(journal, name)
    bodies = [_register(journal, "second", t) for t in range(10)]
    end = EndAcquisition(acquisition="second", status="aborted", ended_at=9.0)
    journal.append(ALICE, end, encode(end))
    journal.bury(DeadLetter(ALICE, 14, "why not", b"body"))
    journal.advance(ALICE, 14)
    journal.commit()
    books, log = list(journal.books()), journal.log
    journal.close()

    again, rebuilt = open_journal(tmp_path)

    assert not rebuilt
    assert list(again.books()) == books
    assert again.log == log
    assert again.cursor(ALICE) == 14
    assert again.heads() == {"first": 1, "second": 12}
    assert again.read("second", 2, 10) == bodies
    assert again.dead_letters() == [DeadLetter(ALICE, 14, "why not", b"body")]
    again.close()


def test_a_commit_tells_the_heads_that_moved(journal: Journal):
    _start(journal, "first")
    journal.advance(ALICE, 1)
    assert journal.commit() == {"first": 1}
    _start(journal, "second")
    _register(journal, "second", 0)
    journal.advance(ALICE, 3)

    assert journal.commit() == {"second": 2}
    assert journal.commit() == {}


def test_what_was_not_committed_is_gone_after_abandon(journal: Journal):
    _start(journal, "first")
    journal.advance(ALICE, 1)
    journal.commit()
    _register(journal, "first", 0)
    _start(journal, "second")
    journal.bury(DeadLetter(ALICE, 4, "why", b""))
    journal.advance(ALICE, 4)

    journal.abandon()

    assert journal.heads() == {"first": 1}
    assert journal.cursor(ALICE) == 1
    assert journal.n_dead_letters == 0


@contextmanager
def _full_disk() -> Iterator[None]:
    """Let no file of this process grow: writes behind the limit fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_takes_all_of_a_turn_or_nothing(journal: Journal):
    _start(journal, "first")
    journal.advance(ALICE, 1)
    journal.commit()
    for t in range(5000):
        _register(journal, "first", t)
    journal.advance(ALICE, 5001)

    with _full_disk(), pytest.raises(JournalFullError, match=r"journal\.sqlite3"):
        journal.commit()

    assert journal.heads() == {"first": 1}
    assert journal.cursor(ALICE) == 1
    bodies = [_register(journal, "first", t) for t in range(5000)]
    journal.advance(ALICE, 5001)
    assert journal.commit() == {"first": 5001}
    assert journal.read("first", 2, 5000) == bodies


def test_reading_is_by_sequence_and_bounded(journal: Journal):
    _start(journal, "first")
    bodies = [_register(journal, "first", t) for t in range(10)]
    journal.advance(ALICE, 11)
    journal.commit()

    assert journal.read("first", 4, 3) == bodies[2:5]
    assert journal.read("first", 11, 100) == bodies[9:]
    assert journal.read("first", 12, 100) == []


def test_reading_is_across_commits_of_any_size(journal: Journal):
    _start(journal, "first")
    _fill(journal, "other", 3)
    bodies = []
    for n_events in (1, 2, 50, 1, 7):
        bodies += [_register(journal, "first", t) for t in range(n_events)]
        journal.advance(ALICE, journal.cursor(ALICE) + n_events)
        journal.commit()
    _fill(journal, "last", 3)

    for first in range(2, 63):
        for n_events in (1, 2, 8, 60, 100):
            expected = bodies[first - 2 : first - 2 + n_events]
            assert journal.read("first", first, n_events) == expected


def _fill(journal: Journal, name: str, n_planes: int) -> None:
    last = journal.cursor(ALICE)
    _start(journal, name)
    for t in range(n_planes):
        _register(journal, name, t)
    journal.advance(ALICE, last + n_planes + 1)
    journal.commit()


def _free_all(journal: Journal) -> int:
    """Free what was forgotten; return how many slices that took."""
    slices = 0
    while journal.can_free:
        journal.free()
        slices += 1
    return slices


def test_what_is_forgotten_is_freed_in_slices_and_the_file_shrinks(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("planecast_agent.journal.SPARE_PAGES", 8)
    for name in ("old", "new"):
        _fill(journal, name, 20_000)
        journal.keep_chunk(name, 1, bytes(50_000))
    journal.settle()
    size = journal.path.stat().st_size

    journal.forget("old")
    assert journal.heads() == {"new": 20_001}
    n_slices = _free_all(journal)
    journal.settle()

    assert n_slices > 20_000 // FREED_EVENTS
    assert journal.path.stat().st_size < 0.7 * size
    assert len(journal.read("new", 1, 30_000)) == 20_001
    assert journal.chunk("new", 1) == bytes(50_000)


def test_the_number_of_a_forgotten_acquisition_is_not_given_again_before_it_is_free(
    tmp_path: Path,
):
    journal = Journal(tmp_path)
    _fill(journal, "old", 10)
    journal.forget("old")
    journal.close()
    journal = Journal(tmp_path)
    _fill(journal, "new", 5)
    _free_all(journal)

    assert len(journal.read("new", 1, 100)) == 6
    assert journal.was_forgotten("old")
    assert not journal.was_forgotten("new")
    journal.close()


def test_forgetting_on_a_full_disk_is_all_or_nothing(journal: Journal):
    _fill(journal, "old", 5000)

    with _full_disk(), pytest.raises(JournalFullError):
        journal.forget("old")

    assert journal.heads() == {"old": 5001}
    assert len(journal.read("old", 1, 6000)) == 5001
    journal.forget("old")
    assert journal.heads() == {}


_FIRST_TABLES = """
create table meta(name text primary key, value text) without rowid;
create table publishers(id text primary key, last integer) without rowid;
create table acquisitions(
    number integer primary key, id text unique, owner text, name text, state text,
    head integer, planes integer, started_at real, n_channels integer, n_fovs integer,
    num_z integer);
create table events(
    acquisition integer, seq integer, body blob, primary key(acquisition, seq)) without rowid;
create table dead_letters(publisher text, seq integer, why text, body blob);
insert into meta values('log', 'first');
insert into acquisitions values(1, 'old', 'a', 'old', 'running', 3, 2, 5.0, 1, 1, 1);
insert into events values(1, 1, 'one'), (1, 2, 'two'), (1, 3, 'three');
insert into dead_letters values('a', 3, 'why', x'00');
"""


def test_a_journal_of_an_older_agent_is_continued(tmp_path: Path):
    database = sqlite3.connect(tmp_path / JOURNAL_NAME)
    database.executescript(_FIRST_TABLES)
    database.close()

    journal = Journal(tmp_path)

    book = journal.book("old")
    assert book is not None
    assert (book.n_bytes, book.ended_at, book.stored_at) == (0, None, 0.0)
    assert journal.dead_letters() == [DeadLetter("a", 3, "why", b"\0", "")]
    _fill(journal, "new", 3)
    body = _register(journal, "old", 0)
    journal.advance(ALICE, 9)
    assert journal.commit() == {"old": 4}
    assert journal.heads() == {"old": 4, "new": 4}
    assert journal.read("old", 2, 9) == ["two", "three", body]
    assert journal.read("old", 1, 2) == ["one", "two"]
    journal.forget("old")
    assert _free_all(journal) > 0
    assert len(journal.read("new", 1, 9)) == 4
    journal.close()
    database = sqlite3.connect(tmp_path / JOURNAL_NAME)
    assert database.execute("select count(*) from events").fetchone() == (0,)
    database.close()
