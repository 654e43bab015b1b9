"""What is shown when: following and holding."""

import numpy as np
import pytest

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.errors import CorruptFileError
from planecast_viewer import follow, rest
from planecast_viewer.follow import Presenter
from planecast_viewer.planes import PlaneFeed
from planecast_viewer.session import Session


class Screen:
    """Collects what the presenter draws and says."""

    def __init__(self, presenter):
        self.frames = []
        self.message = ""
        presenter.frame_ready.connect(self._on_frame)
        presenter.message_changed.connect(self._on_message)

    def _on_frame(self, frame, _calm):
        self.frames.append(frame)

    def _on_message(self, message):
        self.message = message

    @property
    def positions(self):
        return [tuple(frame.position) for frame in self.frames]


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
def screen(session, feed, monkeypatch):
    monkeypatch.setattr(follow, "MIN_FRAME_S", 0.0)
    monkeypatch.setattr(follow, "BUSY_FACTOR", 0.0)
    monkeypatch.setattr(rest, "REST_SHARE", 0.0)
    presenter = Presenter(session, feed)
    screen = Screen(presenter)
    screen.presenter = presenter
    yield screen
    presenter.stop()


@pytest.fixture
def reply(client, answer_with):
    def reply(message_filter=lambda _message: True):
        for entry in client.open:
            if message_filter(entry.message):
                client.answer(entry, answer_with(np.ones((4, 4), np.uint16)))

    return reply


def both(t, fov, z):
    return [(t, fov, z, 0), (t, fov, z, 1)]


def test_sliders_move_when_the_newest_has_arrived_and_not_before(
    session, screen, acquired, client, reply, qtbot
):
    session.take_news(acquired.news(*both(0, 1, 2)))
    assert len(client.open) == 2
    assert session.shown == Position(0, 0, 0)
    assert screen.frames == []
    reply()
    qtbot.waitUntil(lambda: screen.positions == [(0, 1, 2)])
    assert session.shown == Position(0, 1, 2)
    assert screen.frames[0].complete
    assert screen.frames[0].planes[1].registered_at == 100.0


def test_position_is_drawn_only_when_all_visible_channels_are_there(
    session, screen, acquired, reply, qtbot, feed
):
    session.take_news(acquired.news(*both(0, 0, 0)))
    with qtbot.waitSignal(feed.changed):
        reply(lambda message: message.path.endswith("_0.tiff"))
    assert screen.frames == []
    reply()
    qtbot.waitUntil(lambda: len(screen.frames) == 1)


def test_hidden_channel_is_not_asked_for(session, screen, acquired, client):
    session.take_news(acquired.news())
    session.set_channel_visible((True, False))
    session.take_news([acquired.rows(*both(0, 0, 0))])
    assert [entry.message.path for entry in client.open] == ["data:0/0_0_0.tiff"]


def test_file_that_never_comes_does_not_hold_up_newer_planes(
    session, screen, acquired, client, reply, qtbot, feed
):
    session.take_news(acquired.news(*both(0, 0, 0)))
    with qtbot.waitSignal(feed.changed):
        for entry in client.open:
            entry.on_pending("no such file yet")
    session.take_news([acquired.rows(*both(0, 0, 1))])
    reply(lambda message: message.path.startswith("data:0/0_1"))
    qtbot.waitUntil(lambda: screen.positions == [(0, 0, 1)])


def test_one_position_is_read_at_a_time_and_then_the_newest(
    session, screen, acquired, client, reply, qtbot
):
    session.take_news(acquired.news())
    for t in range(10):
        session.take_news([acquired.rows(*both(t, 0, 0))])
    assert {entry.message.path for entry in client.open} == {
        "data:0/0_0_0.tiff",
        "data:0/0_0_1.tiff",
    }
    reply()
    qtbot.waitUntil(lambda: screen.positions == [(0, 0, 0)])
    assert {entry.message.path for entry in client.open} == {
        "data:9/0_0_0.tiff",
        "data:9/0_0_1.tiff",
    }


def test_planes_that_come_faster_than_pictures_are_asked_for_after_a_rest(
    session, screen, acquired, client, reply, qtbot, monkeypatch
):
    monkeypatch.setattr(rest, "REST_SHARE", 1e6)
    monkeypatch.setattr(rest, "MAX_REST_S", 0.5)
    session.take_news(acquired.news())
    for t in range(10):
        session.take_news([acquired.rows(*both(t, 0, 0))])
    reply()
    qtbot.waitUntil(lambda: screen.positions == [(0, 0, 0)])
    session.take_news([acquired.rows(*both(10, 0, 0))])
    assert client.open == []
    qtbot.waitUntil(lambda: len(client.open) == 2)
    assert {entry.message.path[:8] for entry in client.open} == {"data:10/"}


def test_news_of_other_positions_change_nothing_while_one_is_read(
    session, feed, screen, acquired, client, monkeypatch
):
    session.take_news(acquired.news(*both(0, 0, 0)))
    wanted = []
    monkeypatch.setattr(feed, "want", wanted.append)
    session.take_news([acquired.rows(*both(1, 0, 0))])
    assert wanted == []
    session.take_news([acquired.rows((0, 0, 0, 0))])
    assert len(wanted) == 1


def test_no_more_than_a_few_positions_wait_for_their_files(
    session, screen, acquired, client, feed, qtbot
):
    session.take_news(acquired.news())
    for t in range(10):
        with qtbot.waitSignal(feed.changed, raising=t < follow.MAX_FOLLOWED, timeout=500):
            session.take_news([acquired.rows(*both(t, 0, 0))])
            for entry in client.open[-2:]:
                entry.on_pending("no such file yet")
    assert len(client.open) == 2 * follow.MAX_FOLLOWED


def test_planes_are_read_as_they_come_while_the_last_channel_is_taken(
    session, screen, acquired, client, reply, qtbot
):
    session.take_news(acquired.news(*both(0, 0, 0)))
    reply()
    qtbot.waitUntil(lambda: screen.positions == [(0, 0, 0)])
    session.take_news([acquired.rows((0, 0, 1, 0))])
    assert [entry.message.path for entry in client.open] == ["data:0/0_1_0.tiff"]
    assert screen.positions == [(0, 0, 0)]


def test_touching_a_slider_holds_and_nothing_jumps(session, screen, acquired, client, reply, qtbot):
    session.take_news(acquired.news(*both(0, 0, 0), *both(0, 0, 1)))
    reply()
    qtbot.waitUntil(lambda: screen.positions == [(0, 0, 1)])
    session.step("z", -1)
    assert not session.following
    reply()
    qtbot.waitUntil(lambda: screen.positions[-1] == (0, 0, 0))
    session.take_news([acquired.rows(*both(1, 0, 0))])
    assert session.shown == Position(0, 0, 0)
    assert client.open == []
    assert session.missed == 2
    session.set_following(True)
    reply()
    qtbot.waitUntil(lambda: screen.positions[-1] == (1, 0, 0))
    assert session.missed == 0


def test_move_by_hand_withdraws_what_the_former_place_needed(
    session, screen, acquired, client, reply, qtbot
):
    stack = [plane for z in range(3) for plane in both(0, 0, z)]
    session.take_news(acquired.news(*stack))
    session.show(Position(0, 0, 0))
    session.show(Position(0, 0, 1))
    assert {entry.message.path for entry in client.open} == {
        "data:0/0_1_0.tiff",
        "data:0/0_1_1.tiff",
    }
    reply()
    qtbot.waitUntil(lambda: screen.positions == [(0, 0, 1)])


def test_plane_that_arrives_late_appears_with_no_one_touching_anything(
    session, screen, acquired, reply, qtbot
):
    session.take_news(acquired.news(*both(0, 0, 0)))
    session.show(Position(0, 0, 2))
    qtbot.waitUntil(lambda: "not acquired yet" in screen.message)
    assert screen.frames[-1].planes == (None, None)
    session.take_news([acquired.rows((0, 0, 2, 0))])
    reply()
    qtbot.waitUntil(lambda: screen.frames[-1].planes[0] is not None)
    qtbot.waitUntil(lambda: screen.message == "DAPI: not acquired yet")
    session.take_news([acquired.rows((0, 0, 2, 1))])
    reply()
    qtbot.waitUntil(lambda: screen.frames[-1].complete)
    assert screen.message == ""


def test_neighbours_are_prefetched_while_holding_and_dropped_with_the_next_step(
    session, screen, acquired, client, reply, qtbot
):
    stack = [plane for z in range(3) for plane in both(0, 0, z)]
    session.take_news(acquired.news(*stack, *both(0, 1, 0)))
    session.show(Position(0, 0, 0))
    assert client.prefetched == []
    reply()
    qtbot.waitUntil(lambda: len(client.prefetched) == 4)
    assert [entry.message.path for entry in client.prefetched] == [
        "data:0/0_1_0.tiff",
        "data:0/0_1_1.tiff",
        "data:0/1_0_0.tiff",
        "data:0/1_0_1.tiff",
    ]
    assert not any(entry.message.wait for entry in client.prefetched)
    first = {entry.request for entry in client.prefetched}
    session.show(Position(0, 0, 1))
    reply()
    qtbot.waitUntil(lambda: first <= set(client.cancelled))


def test_retaken_plane_replaces_the_shown_one(session, screen, acquired, client, reply, qtbot):
    session.take_news(acquired.news(*both(0, 0, 0)))
    session.show(Position(0, 0, 0)._replace(z=0))
    session.set_following(False)
    reply()
    qtbot.waitUntil(lambda: len(screen.frames) >= 1 and screen.frames[-1].complete)
    session.take_news([acquired.rows((0, 0, 0, 1))])
    assert client.open[-1].message.revision == 1
    before = screen.frames[-1].planes[1].pixels
    reply()
    qtbot.waitUntil(lambda: screen.frames[-1].complete and screen.frames[-1].planes[1] is not None)
    qtbot.waitUntil(lambda: screen.frames[-1].planes[1].pixels is not before)


def test_missing_planes_say_why(session, screen, acquired, client, qtbot):
    session.take_news(acquired.news(*both(0, 0, 0)))
    session.set_following(False)
    for entry in client.open:
        entry.on_pending("no such file yet")
    qtbot.waitUntil(lambda: screen.message.startswith("not written yet"))
    client.answer_all(lambda _message: CorruptFileError("d:1.tiff: cut in the middle"))
    qtbot.waitUntil(lambda: screen.message == "failed: d:1.tiff: cut in the middle")
    assert screen.frames[-1].planes == (None, None)


def test_missing_worker_is_named(session, screen, acquired, qtbot):
    session.set_worker_state(False, "no worker at unix:///w")
    session.take_news(acquired.news(*both(0, 0, 0)))
    session.set_following(False)
    qtbot.waitUntil(
        lambda: screen.message == "waiting for the reader worker: no worker at unix:///w"
    )


def test_plane_that_was_never_acquired_is_told_from_one_to_come(session, screen, acquired, qtbot):
    session.take_news(acquired.news(*both(0, 0, 0)))
    session.show(Position(0, 1, 1))
    qtbot.waitUntil(lambda: screen.message == "A1:1  z 1: not acquired yet")
    session.take_news([acquired.end("aborted")])
    qtbot.waitUntil(
        lambda: screen.message == "A1:1  z 1: never acquired (the acquisition is aborted)"
    )


def test_another_acquisition_withdraws_everything(
    session, screen, acquired, make_acquired, client, reply, qtbot
):
    session.take_news(acquired.news(*both(0, 0, 0)))
    late = list(client.open)
    session.take_news(make_acquired("exp8").news(*both(0, 0, 1)))
    assert all(entry.request in client.cancelled for entry in late)
    reply()
    qtbot.waitUntil(lambda: screen.positions == [(0, 0, 1)])


def test_locked_axis_stays_while_the_rest_is_followed(session, screen, acquired, reply, qtbot):
    session.take_news(acquired.news(*both(0, 0, 0), *both(0, 0, 1)))
    reply()
    qtbot.waitUntil(lambda: screen.positions == [(0, 0, 1)])
    session.set_lock("z", True)
    session.take_news([acquired.rows(*both(0, 0, 2), *both(1, 0, 1), *both(1, 0, 2))])
    reply()
    qtbot.waitUntil(lambda: screen.positions[-1] == (1, 0, 1))
    assert session.following


# ---------------------------------------------------------------- from another machine


@pytest.fixture
def draft(client, answer_with):
    """Answer what is open with a draft."""

    def draft(value=1):
        for entry in client.open:
            answer = answer_with(np.full((4, 4), value, np.uint16))
            answer.draft = True
            entry.on_draft(answer)

    client.is_remote = True
    return draft


def test_a_coarse_picture_is_shown_and_made_sharp_in_its_place(
    session, screen, acquired, reply, draft, qtbot
):
    session.take_news(acquired.news(*both(0, 0, 0)))
    draft()
    qtbot.waitUntil(lambda: len(screen.frames) == 1)
    assert screen.frames[0].complete
    assert screen.frames[0].is_draft
    reply()
    qtbot.waitUntil(lambda: len(screen.frames) == 2)
    assert not screen.frames[1].is_draft
    assert screen.positions == [(0, 0, 0), (0, 0, 0)]


def test_a_newer_position_is_not_held_up_by_one_that_is_still_coarse(
    session, screen, acquired, client, draft, qtbot
):
    session.take_news(acquired.news(*both(0, 0, 0)))
    draft()
    qtbot.waitUntil(lambda: screen.positions == [(0, 0, 0)])
    session.take_news([acquired.rows(*both(1, 0, 0))])
    assert len(client.open) == 4, "the coarse one is still wanted"
    draft(2)
    qtbot.waitUntil(lambda: screen.positions[-1] == (1, 0, 0))
    assert {entry.message.path.split("/")[0] for entry in client.open} == {"data:1"}


def test_each_draft_of_a_position_that_is_held_is_drawn(
    session, screen, acquired, reply, draft, qtbot
):
    session.take_news(acquired.news(*both(0, 0, 0)))
    session.set_following(False)
    draft(1)
    qtbot.waitUntil(lambda: len(screen.frames) == 1)
    draft(2)
    qtbot.waitUntil(lambda: len(screen.frames) == 2)
    assert screen.frames[1].planes[0].pixels[0, 0] == 2
    reply()
    qtbot.waitUntil(lambda: len(screen.frames) == 3)
    assert screen.message == ""
