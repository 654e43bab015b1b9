"""The planes of the shown stack: asked for, made small, left out with a reason."""

import threading

import numpy as np
import pytest

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.errors import CorruptFileError, NotYetWrittenError
from planecast_viewer.session import Session
from planecast_viewer.stack import feed as feed_module
from planecast_viewer.stack.feed import StackFeed
from planecast_viewer.stack.notes import missing_text, progress_text
from planecast_viewer.stack.planes import PlanePlace

NAMES = ["BF", "DAPI"]


def place_of(message):
    """Return t, fov, z, channel of the path that the events of tests have."""
    t, _slash, name = message.path.partition(":")[2].partition("/")
    return (int(t), *map(int, name.removesuffix(".tiff").split("_")))


def plane_of(message):
    t, fov, z, channel = place_of(message)
    return np.full((8, 12), 1000 * t + 100 * fov + 10 * z + channel, np.uint16)


@pytest.fixture
def session(qapp):
    return Session("ipc:///nobody")


@pytest.fixture
def feed(session, client, qtbot):
    feed = StackFeed(session)
    feed.set_client(client)
    yield feed
    feed.close()


@pytest.fixture
def opened(client):
    """Return the requests for the stack that nobody has answered or withdrawn."""

    def opened():
        return [
            entry
            for entry in client.asked
            if entry.request not in client.cancelled and entry.message.priority == "script"
        ]

    return opened


@pytest.fixture
def answer_until(client, opened, answer_with, qtbot):
    def answer_until(done, value=plane_of):
        def step():
            for entry in opened():
                given = value(entry.message)
                is_array = isinstance(given, np.ndarray)
                client.answer(entry, answer_with(given) if is_array else given)
            return done()

        qtbot.waitUntil(step)

    return answer_until


@pytest.fixture
def stack(session, acquired):
    """Two channels' three z planes of the first fov, held at z 1; one plane is not there."""
    indices = [(0, 0, z, c) for z in range(3) for c in range(2) if (z, c) != (2, 1)]
    session.take_news(acquired.news(*indices))
    session.show(Position(0, 0, 1))
    return session


def values(feed):
    found = {}
    for channel, planes in feed.stack().planes.items():
        found[channel] = [None if plane is None else plane.pixels[0, 0] for plane in planes]
    return found


WHOLE = {0: [0, 10, 20], 1: [1, 11, None]}


def test_nothing_is_asked_for_while_nobody_looks(stack, feed, client):
    assert client.asked == []
    assert feed.stack() is None


def test_every_plane_comes_to_its_place(stack, feed, answer_until):
    feed.set_active(True)
    answer_until(lambda: values(feed) == WHOLE)


def test_planes_beside_the_shown_one_come_first_and_few_at_a_time(
    session, make_acquired, feed, opened
):
    acquired = make_acquired(num_z=40, channels=["GFP"])
    session.take_news(acquired.news(*((0, 0, z, 0) for z in range(40))))
    session.show(Position(0, 0, 20))
    feed.set_active(True)
    assert [place_of(entry.message)[2] for entry in opened()] == [20, 19, 21, 18]


def test_stack_fills_plane_by_plane(stack, feed, client, opened, answer_with, qtbot):
    feed.set_active(True)
    with qtbot.waitSignal(feed.changed):
        client.answer(opened()[0], answer_with(plane_of(opened()[0].message)))
    assert feed.state().n_here == 1
    assert progress_text(feed.state()) == "reading the stack: 1 of 6 planes"
    assert sum(v is not None for column in values(feed).values() for v in column) == 1


def test_missing_plane_is_told_and_nothing_waits_for_it(stack, feed, answer_until):
    feed.set_active(True)
    answer_until(lambda: values(feed) == WHOLE)
    state = feed.state()
    assert state.n_coming == 0
    assert progress_text(state) == ""
    assert missing_text(state, NAMES) == "not acquired yet: DAPI z 2"


def test_plane_that_cannot_be_read_is_told_with_its_reason(stack, feed, answer_until):
    def broken(message):
        is_first = place_of(message) == (0, 0, 0, 0)
        return CorruptFileError("x.tiff: cut") if is_first else plane_of(message)

    feed.set_active(True)
    answer_until(lambda: feed.state().n_coming == 0, broken)
    assert values(feed)[0] == [None, 10, 20]
    assert missing_text(feed.state(), NAMES) == "x.tiff: cut: BF z 0; not acquired yet: DAPI z 2"


def test_plane_of_another_size_is_left_out(stack, feed, answer_until):
    def odd(message):
        is_last = place_of(message)[2:] == (2, 0)
        return np.zeros((5, 5), np.uint16) if is_last else plane_of(message)

    feed.set_active(True)
    answer_until(lambda: feed.state().n_coming == 0, odd)
    assert values(feed)[0] == [0, 10, None]
    why = feed.state().missing[PlanePlace(2, 0)]
    assert why == "a plane of 5 × 5 uint16 among those of 12 × 8 uint16"


def test_plane_that_comes_later_fills_in_by_itself(stack, acquired, feed, answer_until, client):
    feed.set_active(True)
    answer_until(lambda: values(feed) == WHOLE)
    n_asked = len(client.asked)
    stack.take_news([acquired.rows((0, 0, 2, 1), (0, 1, 0, 0))])
    answer_until(lambda: values(feed)[1] == [1, 11, 21])
    assert len(client.asked) == n_asked + 1, "planes of other stacks are not asked for"
    assert feed.state().missing == {}


def test_retaken_plane_is_read_again(stack, acquired, feed, answer_until):
    feed.set_active(True)
    answer_until(lambda: values(feed) == WHOLE)
    stack.take_news([acquired.rows((0, 0, 1, 0))])
    answer_until(lambda: values(feed)[0] == [0, 77, 20], lambda _m: np.full((8, 12), 77, np.uint16))


def test_plane_that_is_not_written_yet_keeps_no_other_from_coming(
    stack, feed, client, opened, answer_until, answer_with, qtbot
):
    feed.set_active(True)
    late = opened()[0]
    assert late.message.wait
    thread = threading.Thread(target=late.on_pending, args=("not written yet",))
    thread.start()
    thread.join()
    client.cancelled.append(late.request)  # answered below, by hand
    answer_until(lambda: feed.state().n_here == 4)
    assert feed.state().missing[PlanePlace(1, 0)] == "not written yet"
    client.answer(late, answer_with(plane_of(late.message)))
    qtbot.waitUntil(lambda: values(feed) == WHOLE)


def test_after_the_end_a_file_that_never_came_is_an_error(
    stack, acquired, feed, client, opened, answer_until
):
    feed._late.setInterval(1)
    feed.set_active(True)
    late = opened()[0]
    late.on_pending("not written yet")
    client.cancelled.append(late.request)  # it is never answered
    stack.take_news([acquired.end()])
    gone = NotYetWrittenError("1.tiff is not there")

    def value(message):
        return gone if not message.wait and place_of(message)[2:] == (1, 0) else plane_of(message)

    answer_until(lambda: PlanePlace(1, 0) in feed._failed, value)
    assert feed.state().missing[PlanePlace(1, 0)] == "1.tiff is not there"


def test_another_place_withdraws_what_is_on_its_way(stack, acquired, feed, opened, answer_until):
    stack.take_news([acquired.rows(*((0, 1, z, c) for z in range(3) for c in range(2)))])
    stack.set_following(False)
    feed.set_active(True)
    before = opened()
    assert before
    stack.show(Position(0, 1, 1))
    assert opened() == []
    assert feed.stack().is_empty
    answer_until(lambda: values(feed) == {0: [100, 110, 120], 1: [101, 111, 121]})


def test_whoever_scrubs_reads_no_stack_on_the_way(stack, make_acquired, feed, client, qtbot):
    stack.take_news([make_acquired().rows(*((t, 0, z, 0) for t in range(1, 9) for z in range(3)))])
    stack.set_following(False)
    feed.set_active(True)
    for t in range(1, 9):
        stack.show(Position(t, 0, 1))
    qtbot.waitUntil(lambda: not feed._settling.isActive())
    asked = {place_of(entry.message)[0] for entry in client.asked}
    assert asked == {0, 8}


def test_late_answer_of_another_place_is_dropped(stack, acquired, feed, opened, answer_with, qtbot):
    stack.take_news([acquired.rows((0, 1, 0, 0))])
    stack.set_following(False)
    feed.set_active(True)
    late = opened()[0]
    stack.show(Position(0, 1, 0))
    late.on_answer(answer_with(plane_of(late.message)))
    feed._reducer.stop()
    feed._reducer.start()
    qtbot.wait(1)
    assert feed.stack().is_empty


def test_hidden_channels_are_not_read(stack, feed, opened, answer_until):
    stack.set_channel_visible((False, True))
    feed.set_active(True)
    assert {place_of(entry.message)[3] for entry in opened()} == {1}
    answer_until(lambda: values(feed) == {1: [1, 11, None]})
    stack.set_channel_visible((True, True))
    answer_until(lambda: values(feed) == WHOLE)


def test_closing_while_planes_come_withdraws_them_and_ends_the_thread(
    stack, feed, client, opened, answer_with
):
    feed.set_active(True)
    late = opened()
    client.answer(late[0], answer_with(plane_of(late[0].message)))
    assert "stack" in [thread.name for thread in threading.enumerate()]
    feed.close()
    assert opened() == []
    assert "stack" not in [thread.name for thread in threading.enumerate()]
    late[1].on_answer(answer_with(plane_of(late[1].message)))
    assert "stack" not in [thread.name for thread in threading.enumerate()]
    assert feed.stack() is None


def test_large_stack_is_reduced_and_does_not_push_others_out_of_the_cache(
    session, make_acquired, feed, opened, answer_until, monkeypatch
):
    monkeypatch.setattr(feed_module, "STACK_BYTES", 3 * 8 * 12 * 2)
    monkeypatch.setattr(feed_module, "KEPT_BYTES", 100)
    acquired = make_acquired(channels=["GFP"], height=16, width=24)
    session.take_news(acquired.news(*((0, 0, z, 0) for z in range(3))))
    session.set_following(False)
    feed.set_active(True)
    assert not any(entry.message.keep for entry in opened())
    answer_until(
        lambda: feed.state().n_here == 3, lambda _m: np.arange(384, dtype=np.uint16).reshape(16, 24)
    )
    plane = feed.stack().first(0)
    assert (plane.block, plane.pixels.shape, plane.size_yx) == (2, (8, 12), (16, 24))
    # The mean of 0, 1, 24 and 25, rounded.
    assert plane.pixels[0, 0] == 13
