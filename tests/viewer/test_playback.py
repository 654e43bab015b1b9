"""Playing along an axis."""

import numpy as np
import pytest

from planecast_agent.subscriber.known_planes import Position
from planecast_viewer.follow import Presenter
from planecast_viewer.likely_next import AHEAD
from planecast_viewer.planes import PlaneFeed
from planecast_viewer.play_button import PlayButton
from planecast_viewer.playback import Player
from planecast_viewer.session import Session

N_T = 6


@pytest.fixture
def session(qapp, acquired):
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
def player(session, feed, acquired):
    presenter = Presenter(session, feed)
    player = Player(session, presenter)
    session.take_news(acquired.news(*((t, 0, 0, 0) for t in range(N_T))))
    session.set_channel_visible((True, False))
    session.show(Position(0, 0, 0))
    player.set_rate(30)
    yield player
    player.stop()
    presenter.stop()


@pytest.fixture
def seen(player):
    seen = []
    player._presenter.frame_ready.connect(lambda frame, _calm: seen.append(frame.position.t))
    return seen


@pytest.fixture
def play_until(client, answer_with, qtbot):
    def play_until(done):
        def step():
            client.answer_all(lambda _message: answer_with(np.ones((4, 4), np.uint16)))
            return done()

        qtbot.waitUntil(step)

    return play_until


def test_every_picture_is_shown_in_turn_and_then_the_first_again(player, seen, play_until):
    player.play("t")
    play_until(lambda: len(seen) >= N_T + 2)
    assert seen[: N_T + 2] == [0, 1, 2, 3, 4, 5, 0, 1]


def test_back_and_forth(player, seen, play_until):
    player.set_at_end("back")
    player.play("t")
    play_until(lambda: len(seen) >= 2 * N_T)
    assert seen[: 2 * N_T] == [0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 1]


def test_it_stops_at_the_end_if_that_is_wanted(player, seen, play_until):
    player.set_at_end("stop")
    player.play("t")
    play_until(lambda: player.axis is None)
    assert seen == [0, 1, 2, 3, 4, 5]


def test_late_picture_is_waited_for(player, session, client, play_until, seen, qtbot):
    player.play("t")
    play_until(lambda: session.shown.t == 2)
    moves = []
    session.shown_changed.connect(lambda: moves.append(session.shown.t))
    qtbot.wait(300)  # nine pictures at this rate
    # The answer for 2 may have been on its way; nobody answers for 3.
    assert moves in ([], [3])
    play_until(lambda: session.shown.t == 4)
    assert seen[:4] == [0, 1, 2, 3]


def test_pictures_ahead_are_read_before_they_are_needed(player, session, client, play_until):
    player.play("t")

    def ahead():
        return [int(entry.message.path.split(":")[1][0]) for entry in client.prefetched][-AHEAD:]

    def next_ones():
        return [(session.shown.t + by) % N_T for by in range(1, AHEAD + 1)]

    play_until(lambda: session.shown.t >= 1 and ahead() == next_ones())


def test_following_the_newest_ends_it(player, session):
    player.play("t")
    assert not session.following
    session.set_following(True)
    assert player.axis is None


def test_another_acquisition_ends_it(player, session, make_acquired):
    player.play("t")
    session.take_news(make_acquired("exp8").news())
    assert player.axis is None


def test_axis_of_one_value_does_not_play(player, session, make_acquired):
    player.play("t")
    session.take_news(make_acquired("exp8", num_z=1).news())
    player.toggle("z")
    assert player.axis is None


def test_likeliest_axis_plays_where_none_is_named(player):
    player.toggle()
    assert player.axis == "t"
    player.toggle()
    assert player.axis is None


def test_button_shows_what_plays_and_its_menu_sets_the_rate(player, qtbot, ndv_offline):
    button = PlayButton("t", "time", player)
    other = PlayButton("z", "z", player)
    qtbot.addWidget(button)
    qtbot.addWidget(other)
    button.click()
    assert player.axis == "t"
    assert (button.isChecked(), other.isChecked()) == (True, False)
    other.click()
    assert player.axis == "z"
    assert (button.isChecked(), other.isChecked()) == (False, True)
    menu = button.menu()
    menu.aboutToShow.emit()
    entries = {action.text(): action for action in menu.actions()}
    assert entries["30 per second"].isChecked()
    entries["5 per second"].trigger()
    entries["Go back and forth"].trigger()
    assert (player.rate_fps, player.at_end) == (5, "back")
