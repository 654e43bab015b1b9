"""What an acquisition is said to wait for. Its planes are registered at 100 + t seconds."""

import itertools

import pytest

from planecast_viewer.pace import Pace, duration
from planecast_viewer.session import Session


@pytest.fixture
def session(qapp):
    return Session("ipc:///nobody")


@pytest.fixture
def pace(session):
    return Pace(session)


def time_point(t):
    return [(t, *rest) for rest in itertools.product(range(2), range(3), range(2))]


def test_first_plane_is_waited_for(session, pace, acquired):
    session.take_news(acquired.news())
    assert pace.text(3.0) == "waiting for the first plane"
    assert pace.text(11.0) == "waiting for the first plane for 10 s"


def test_time_to_the_next_time_point_counts_from_the_begin_of_the_last(
    session, pace, make_acquired
):
    session.take_news(make_acquired(time_interval_s=20.0).news(*time_point(0)))
    assert pace.text(101.0) == "next in 19 s"
    assert pace.text(120.5) == "next is due"
    assert pace.text(130.0) == "next is late by 10 s"


def test_nothing_is_waited_for_while_planes_come(session, pace, make_acquired):
    session.take_news(make_acquired(time_interval_s=20.0).news(*time_point(0)[:5]))
    assert pace.text(101.0) == ""
    # Planes that were left out don't hide for ever that the time point is over.
    assert pace.text(103.0) == "next in 17 s"


def test_without_an_interval_the_silence_is_told(session, pace, acquired):
    session.take_news(acquired.news(*time_point(0)))
    assert pace.text(102.0) == ""
    assert pace.text(230.0) == "waiting for 2 min 10 s"


def test_last_time_point_has_no_next(session, pace, make_acquired):
    acquired = make_acquired(time_interval_s=20.0, num_t=2)
    session.take_news(acquired.news(*time_point(0), *time_point(1)[1:]))
    assert pace.text(110.0) == "waiting for 9 s"
    session.take_news([acquired.rows(time_point(1)[0])])
    assert pace.text(110.0) == "all planes are there"
    session.take_news([acquired.end()])
    assert pace.text(110.0) == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (130, "2 min 10 s"), (3700, "1 h 1 min")]
)
def test_durations_are_told_as_people_do(seconds, text):
    assert duration(seconds) == text
