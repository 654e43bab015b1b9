"""The journal: all of a turn or nothing, and everything again after a restart."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from planecast_agent.journal import DeadLetter, Journal, open_journal
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
