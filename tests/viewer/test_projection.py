"""The brightest of all z planes."""

import threading

import numpy as np
import pytest

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.errors import CorruptFileError
from planecast_viewer import follow
from planecast_viewer.follow import Presenter
from planecast_viewer.planes import PlaneFeed
from planecast_viewer.sample_statistics import sample_statistics
from planecast_viewer.session import Session


def z_of(message):
    """Return the z in the path that the events of tests have."""
    return int(message.path.split("/")[-1].split("_")[1])


def plane_of(message):
    """A line that lies at another place in each z plane, 100 and the z bright."""
    plane = np.full((8, 8), z_of(message), np.uint16)
    plane[z_of(message)] = 100 + z_of(message)
    return plane


BRIGHTEST = np.full((8, 8), 2, np.uint16)
BRIGHTEST[:3] = np.array([100, 101, 102])[:, None]


@pytest.fixture
def session(qapp):
    session = Session("ipc:///nobody")
    session.set_worker_state(True, "connected")
    return session


@pytest.fixture
def feed(client):
    feed = PlaneFeed()
    feed.set_client(client)
    yield feed
    feed.close()


@pytest.fixture
def presenter(session, feed, monkeypatch):
    monkeypatch.setattr(follow, "MIN_FRAME_S", 0.0)
    monkeypatch.setattr(follow, "BUSY_FACTOR", 0.0)
    presenter = Presenter(session, feed)
    yield presenter
    presenter.stop()


@pytest.fixture
def answer_until(client, answer_with, qtbot):
    def answer_until(done, value=plane_of):
        def step():
            client.answer_all(lambda message: _answer(message, value, answer_with))
            return done()

        qtbot.waitUntil(step)

    return answer_until


def _answer(message, value, answer_with):
    given = value(message)
    return given if isinstance(given, Exception) else answer_with(given)


@pytest.fixture
def stack(session, acquired):
    """One channel's three z planes of the first fov, held."""
    session.take_news(acquired.news(*((0, 0, z, 0) for z in range(3))))
    session.set_following(False)
    session.set_channel_visible((True, False))
    return session


def shown(presenter, channel=0):
    plane = None if presenter.frame is None else presenter.frame.planes[channel]
    return None if plane is None else plane.pixels


def test_every_pixel_is_the_brightest_of_the_stack(stack, presenter, answer_until):
    stack.projection.set(True)
    answer_until(lambda: np.array_equal(shown(presenter), BRIGHTEST))
    statistics = presenter.frame.planes[0].statistics
    assert (statistics.minimum, statistics.maximum) == (2, 102)


def test_one_z_plane_comes_back(stack, presenter, answer_until):
    stack.projection.set(True)
    answer_until(lambda: np.array_equal(shown(presenter), BRIGHTEST))
    stack.projection.set(False)
    answer_until(lambda: shown(presenter)[7, 7] == 0)


def test_plane_that_comes_later_is_the_only_one_that_is_read(
    session, acquired, presenter, client, answer_until
):
    session.take_news(acquired.news((0, 0, 0, 0), (0, 0, 1, 0)))
    session.set_following(False)
    session.set_channel_visible((True, False))
    session.projection.set(True)
    answer_until(lambda: shown(presenter) is not None and shown(presenter).max() == 101)
    n_asked = len(client.asked)
    session.take_news([acquired.rows((0, 0, 2, 0))])
    answer_until(lambda: np.array_equal(shown(presenter), BRIGHTEST))
    read = [entry.message for entry in client.asked[n_asked:] if entry.message.priority == "screen"]
    assert [z_of(message) for message in read] == [2]


def test_retaken_plane_is_read_again_with_its_stack(
    stack, acquired, presenter, client, answer_until
):
    stack.projection.set(True)
    answer_until(lambda: np.array_equal(shown(presenter), BRIGHTEST))
    stack.take_news([acquired.rows((0, 0, 1, 0))])

    def darker(message):
        return np.zeros((8, 8), np.uint16) if z_of(message) == 1 else plane_of(message)

    answer_until(lambda: shown(presenter)[1, 0] == 2, darker)


def test_following_projects_what_comes(session, acquired, presenter, answer_until):
    session.projection.set_possible(True)
    session.take_news(acquired.news(*((0, 0, z, c) for z in range(3) for c in range(2))))
    session.projection.set(True)
    assert session.following
    answer_until(lambda: np.array_equal(shown(presenter), BRIGHTEST))
    more = [(1, 1, z, c) for z in range(3) for c in range(2)]
    session.take_news([acquired.rows(*more)])
    answer_until(
        lambda: session.shown == Position(1, 1, 2) and np.array_equal(shown(presenter), BRIGHTEST)
    )


def test_plane_that_cannot_be_read_is_left_out_and_told(
    stack, feed, presenter, answer_until, qtbot
):
    def broken(message):
        return CorruptFileError("x.tiff: cut") if z_of(message) == 1 else plane_of(message)

    told = []
    feed.failed.connect(lambda key, why: told.append((key.index.z, why)))
    stack.projection.set(True)
    answer_until(lambda: shown(presenter) is not None and shown(presenter).max() == 102, broken)
    assert (shown(presenter)[1] == 2).all()
    assert told == [(1, "x.tiff: cut")]


def test_plane_of_another_size_is_left_out_and_told(stack, feed, presenter, answer_until):
    def odd(message):
        return np.zeros((3, 3), np.uint16) if z_of(message) == 1 else plane_of(message)

    told = []
    feed.failed.connect(lambda key, why: told.append(key.index.z))
    stack.projection.set(True)
    answer_until(lambda: shown(presenter) is not None and shown(presenter).max() == 102, odd)
    assert told == [1]


def test_stack_of_which_nothing_can_be_read_says_why(stack, presenter, answer_until):
    said = []
    presenter.message_changed.connect(said.append)
    stack.projection.set(True)
    answer_until(
        lambda: "failed: x.tiff: cut" in said, lambda _message: CorruptFileError("x.tiff: cut")
    )


def test_few_planes_are_in_flight_and_leaving_withdraws_them(
    session, make_acquired, presenter, client, qtbot
):
    acquired = make_acquired(num_z=40)
    session.take_news(acquired.news(*((0, 0, z, 0) for z in range(40))))
    session.set_following(False)
    session.set_channel_visible((True, False))
    session.projection.set(True)
    qtbot.waitUntil(lambda: len(client.open) == 4)
    session.show(Position(0, 1, 0))
    qtbot.waitUntil(lambda: client.open == [])


def test_thread_ends_with_the_acquisition(stack, presenter, acquired, answer_until):
    stack.projection.set(True)
    answer_until(lambda: np.array_equal(shown(presenter), BRIGHTEST))
    assert "projection" in [thread.name for thread in threading.enumerate()]
    stack.take_news(acquired.news())
    assert "projection" not in [thread.name for thread in threading.enumerate()]


def test_planes_of_one_z_cannot_be_projected(session, make_acquired):
    session.take_news(make_acquired(num_z=1).news((0, 0, 0, 0)))
    session.projection.set(True)
    assert not session.projection.on


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
def test_statistics_are_those_of_the_pixels(dtype):
    pixels = (np.arange(1000 * 999) % 251).astype(dtype).reshape(1000, 999)
    pixels[500, 500] = 127
    found = sample_statistics(pixels)
    assert (found.minimum, found.maximum) == (0, 250)
    assert found.percentiles["50"] == pytest.approx(125, abs=3)
    assert len(found.histogram) == 256
    assert sum(found.histogram) <= 2**18


def test_statistics_of_pixels_without_a_number_are_none():
    assert sample_statistics(np.full((4, 4), np.nan, np.float32)) is None
    pixels = np.array([[1.0, np.nan], [np.inf, 3.0]], np.float32)
    assert sample_statistics(pixels).maximum == 3
