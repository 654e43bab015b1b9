"""Chunks of the newest events: made once for all who ask, and never stale."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from planecast_agent.history import MAX_RECENT, History
from planecast_agent.journal import Journal
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.columns import unpack
from planecast_protocol.event_messages import RegisterImage, StartAcquisition
from planecast_protocol.messages import encode
from planecast_protocol.planes import PlaneSource

ALICE = "a" * 32


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Open a journal with an acquisition that has begun."""
    one = Journal(tmp_path)
    start = StartAcquisition(
        acquisition="a", name="a", channels=["BF"], height=8, width=8, fov_labels=["A1:0"],
        started_at=5.0,
    )  # fmt: skip
    one.append(ALICE, start, encode(start))
    yield one
    one.close()


def _register(journal: Journal, t: int) -> None:
    event = RegisterImage(
        acquisition="a",
        index=PlaneIndex(t=t, fov=0, z=0, channel=0),
        source=PlaneSource(path=f"data:{t}.tif"),
        registered_at=0.0,
    )
    journal.append(ALICE, event, encode(event))
    journal.advance(ALICE, t + 2)
    journal.commit()


def test_what_twenty_ask_at_once_is_made_once(journal: Journal):
    history = History(journal)
    _register(journal, 0)
    book = journal.book("a")
    assert book is not None

    answers = [history.chunk(book, 2) for _ in range(20)]

    assert all(columns is answers[0][1] for _n_events, columns in answers)
    assert unpack(answers[0][1]).count == 1


def test_what_is_remembered_is_bounded_and_new_events_are_seen(journal: Journal):
    history = History(journal)
    for t in range(MAX_RECENT + 10):
        _register(journal, t)
        book = journal.book("a")
        assert book is not None
        n_events, columns = history.chunk(book, 1)
        assert n_events == book.head == t + 2
        assert unpack(columns).count == n_events

    assert len(history._recent) == MAX_RECENT
