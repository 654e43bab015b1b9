"""The feed: what is asked for, withdrawn, kept and dropped."""

import numpy as np
import pytest

from planecast_protocol.axes import PlaneIndex
from planecast_protocol.errors import CorruptFileError
from planecast_protocol.planes import PlaneSource, Seen
from planecast_viewer import planes
from planecast_viewer.planes import PlaneFeed, PlaneKey, WantedPlane


def wanted(t, channel=0, revision=0, *, running=True):
    key = PlaneKey("exp7", PlaneIndex(t, 0, 0, channel), revision)
    return WantedPlane(key, PlaneSource(path=f"d:{t}_{channel}.tiff", page=3), running)


@pytest.fixture
def feed(qapp, client):
    feed = PlaneFeed()
    feed.set_client(client)
    yield feed
    feed.close()


def test_plane_is_asked_for_as_the_screen_needs_it(feed, client):
    feed.want([wanted(1)])
    message = client.asked[0].message
    assert message.path == "d:1_0.tiff"
    assert message.area.page == 3
    assert message.priority == "screen"
    assert message.statistics
    assert message.running
    assert message.wait


def test_what_was_wanted_before_there_was_a_client_is_asked_for_then(qapp, client):
    feed = PlaneFeed()
    feed.want([wanted(1)])
    feed.set_client(client)
    assert len(client.asked) == 1
    feed.close()


def test_answer_arrives_in_the_gui_thread(feed, client, qtbot, answer_with):
    plane = wanted(1)
    feed.want([plane])
    with qtbot.waitSignal(feed.changed):
        client.answer_all(lambda _message: answer_with(np.ones((2, 2), np.uint8)))
    state = feed.state(plane.key)
    assert state.state == "here"
    assert state.answer.pixels.sum() == 4


def test_newer_wish_withdraws_the_older_and_keeps_the_common(feed, client):
    feed.want([wanted(1), wanted(2)])
    feed.want([wanted(2), wanted(3)])
    assert client.cancelled == [1]
    assert [entry.message.path for entry in client.open] == ["d:2_0.tiff", "d:3_0.tiff"]


def test_late_answer_is_dropped(feed, client, qtbot, answer_with):
    feed.want([wanted(1)])
    late = client.asked[0]
    feed.want([wanted(2)])
    with qtbot.assertNotEmitted(feed.changed, wait=20):
        client.answer(late, answer_with(np.ones((2, 2))))
    assert feed.state(wanted(1).key) is None


def test_late_answer_does_not_stand_for_a_repeated_wish(feed, client, qtbot, answer_with):
    feed.want([wanted(1)])
    feed.want([wanted(2)])
    feed.want([wanted(1)])
    with qtbot.assertNotEmitted(feed.changed, wait=20):
        client.answer(client.asked[0], answer_with(np.zeros((2, 2))))
    assert feed.state(wanted(1).key).state == "asked"


def test_pending_plane_says_why_and_comes_by_itself(feed, client, qtbot, answer_with):
    feed.want([wanted(1)])
    with qtbot.waitSignal(feed.changed):
        client.asked[0].on_pending("no such file yet")
    assert feed.state(wanted(1).key).state == "pending"
    assert feed.state(wanted(1).key).why == "no such file yet"
    with qtbot.waitSignal(feed.changed):
        client.answer_all(lambda _message: answer_with(np.ones((2, 2))))
    assert feed.state(wanted(1).key).state == "here"


def test_failed_plane_is_told_and_not_asked_again(feed, client, qtbot):
    feed.want([wanted(1)])
    with qtbot.waitSignal(feed.failed) as told:
        client.answer_all(lambda _message: CorruptFileError("d:1: cut in the middle"))
    assert told.args == [wanted(1).key, "d:1: cut in the middle"]
    feed.want([wanted(1)])
    assert len(client.asked) == 1


def test_failed_plane_is_tried_again_when_it_is_wanted_anew(feed, client, qtbot):
    feed.want([wanted(1)])
    with qtbot.waitSignal(feed.failed):
        client.answer_all(lambda _message: CorruptFileError("bad"))
    feed.want([])
    feed.want([wanted(1)])
    assert len(client.asked) == 2


def test_plane_registered_again_is_read_again(feed, client, qtbot, answer_with):
    feed.want([wanted(1)])
    with qtbot.waitSignal(feed.changed):
        client.answer_all(lambda _message: answer_with(np.ones((2, 2))))
    feed.want([wanted(1, revision=1)])
    assert client.open[-1].message.revision == 1


def test_plane_that_was_shown_is_not_asked_again(feed, client, qtbot, answer_with):
    feed.want([wanted(1)])
    with qtbot.waitSignal(feed.changed):
        client.answer_all(lambda _message: answer_with(np.ones((2, 2))))
    feed.want([wanted(2)])
    feed.want([wanted(1)])
    assert len(client.asked) == 2


def test_cache_keeps_within_its_bytes(feed, client, qtbot, answer_with, monkeypatch):
    monkeypatch.setattr(planes, "CACHE_BYTES", 300)
    for t in range(6):
        feed.want([wanted(t)])
        with qtbot.waitSignal(feed.changed):
            client.answer_all(lambda _message: answer_with(np.ones(100, np.uint8).reshape(10, 10)))
    kept = [t for t in range(6) if feed.state(wanted(t).key) is not None]
    assert kept == [3, 4, 5]


def test_end_of_the_acquisition_asks_anew_without_waiting(feed, client):
    feed.want([wanted(1)])
    feed.want([wanted(1, running=False)])
    assert client.cancelled == [1]
    assert not client.open[0].message.wait


def test_many_answers_make_one_signal(feed, client, qtbot, answer_with):
    feed.want([wanted(1, channel) for channel in range(5)])
    told = []
    feed.changed.connect(lambda: told.append(1))
    client.answer_all(lambda _message: answer_with(np.ones((2, 2))))
    qtbot.waitUntil(lambda: bool(told))
    assert all(feed.state(wanted(1, c).key).state == "here" for c in range(5))
    assert len(told) == 1


# ---------------------------------------------------------------- from another machine

SEEN = Seen(x=0, y=0, width=100, height=100, screen_width=50, screen_height=50)


def test_over_a_network_the_seen_part_is_asked_for_first_and_follows_the_view(feed, client):
    client.is_remote = True
    feed.see(SEEN)
    feed.want([wanted(1)])
    assert client.asked[0].message.seen == SEEN

    moved = Seen(x=5, y=0, width=100, height=100, screen_width=50, screen_height=50)
    feed.see(moved)
    feed.see(moved)
    assert client.looked_at == [(moved, (1,))]


def test_on_this_machine_nothing_is_said_of_what_is_seen(feed, client):
    feed.see(SEEN)
    feed.want([wanted(1)])
    feed.see(None)
    assert client.asked[0].message.seen is None
    assert client.looked_at == []


def test_a_draft_is_to_be_seen_and_the_plane_follows(feed, client, qtbot, answer_with):
    client.is_remote = True
    plane = wanted(1)
    feed.want([plane])
    draft = answer_with(np.ones((2, 2), np.uint16))
    draft.draft = True
    with qtbot.waitSignal(feed.changed):
        client.asked[0].on_draft(draft)
    state = feed.state(plane.key)
    assert (state.state, state.to_be_seen, state.settled) == ("draft", True, False)
    assert state.answer is draft

    with qtbot.waitSignal(feed.changed):
        client.answer_all(lambda _message: answer_with(np.ones((2, 2), np.uint16)))
    assert feed.state(plane.key).state == "here"
    feed.want([wanted(2)])
    feed.want([plane])
    assert len(client.asked) == 2, "it was kept"


def test_a_draft_that_nobody_looks_at_any_more_is_not_kept(feed, client, qtbot, answer_with):
    client.is_remote = True
    plane = wanted(1)
    feed.want([plane])
    draft = answer_with(np.ones((2, 2), np.uint16))
    draft.draft = True
    with qtbot.waitSignal(feed.changed):
        client.asked[0].on_draft(draft)
    feed.want([wanted(2)])
    assert client.cancelled == [1]
    assert feed.state(plane.key) is None


def test_planes_of_another_machine_are_kept_within_a_bound_of_their_own(
    feed, client, qtbot, answer_with, monkeypatch
):
    monkeypatch.setattr(planes, "CACHE_BYTES", 0)
    monkeypatch.setattr(planes, "REMOTE_CACHE_BYTES", 300)
    client.is_remote = True
    for t in range(6):
        feed.want([wanted(t)])
        with qtbot.waitSignal(feed.changed):
            client.answer_all(lambda _message: answer_with(np.ones((10, 10), np.uint8)))
    assert [t for t in range(6) if feed.state(wanted(t).key) is not None] == [3, 4, 5]


def test_reading_ahead_sends_nothing_over_a_network(feed, client):
    client.is_remote = True
    feed.prefetch([wanted(2)])
    assert client.prefetched[0].message.warm
