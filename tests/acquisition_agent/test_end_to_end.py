"""From `register_image` to a subscriber, over real sockets."""

from collections.abc import Callable

import msgspec
from agent_rig import AgentProcess, Subscriber, eventually

from planecast_agent.acquisition import Acquisition
from planecast_protocol.agent_messages import CursorBeyond, EventChunk, Refused
from planecast_protocol.event_messages import EndAcquisition, StartAcquisition
from planecast_protocol.limits import CHUNK_EVENTS
from planecast_protocol.messages import decode_event

Start = Callable[..., Acquisition]


def test_every_plane_arrives_once_and_in_order(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    acquisition = start("exp 7", pixel_size_um=0.325)
    for t in range(500):
        acquisition.register_image(t, 1, 2, "DAPI", f"/data/{t}.tif")
    acquisition.end()

    assert subscriber.wait_for(acquisition.id, 502) == list(range(500))
    began, ended = (decode_event(body) for body in subscriber.others)
    assert isinstance(began, StartAcquisition)
    assert began.pixel_size_um == 0.325
    assert isinstance(ended, EndAcquisition)
    assert ended.status == "done"


def test_who_joins_late_gets_everything_in_chunks(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    acquisition = start()
    n_planes = 2 * CHUNK_EVENTS + 100
    for t in range(n_planes):
        acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
    assert acquisition.wait_delivered(30)

    first_chunk = subscriber.fetch(acquisition.id, 1)

    assert isinstance(first_chunk, EventChunk)
    assert first_chunk.count == CHUNK_EVENTS
    assert subscriber.pull(acquisition.id) == list(range(n_planes))


def test_a_full_chunk_is_served_again_from_the_cache(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    acquisition = start()
    for t in range(CHUNK_EVENTS):
        acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
    assert acquisition.wait_delivered(30)

    first, second = (subscriber.fetch(acquisition.id, 1) for _ in range(2))

    assert first == msgspec.structs.replace(second, request=first.request)
    assert subscriber.times == list(range(CHUNK_EVENTS - 1))


def test_a_subscriber_that_follows_pulls_only_what_is_new(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    acquisition = start()
    for t in range(20):
        acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
        subscriber.wait_for(acquisition.id, t + 2)

    assert subscriber.times == list(range(20))
    nothing_new = subscriber.fetch(acquisition.id, subscriber.next)
    assert isinstance(nothing_new, EventChunk)
    assert nothing_new.count == 0


def test_a_plane_registered_again_is_kept_and_comes_later(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    acquisition = start()
    for t in (0, 1, 0):
        acquisition.register_image(t, 0, 0, 0, f"/data/{t}.tif")

    assert subscriber.wait_for(acquisition.id, 4) == [0, 1, 0]


def test_a_cursor_beyond_the_head_is_told_to_start_over(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    acquisition = start()
    assert acquisition.wait_delivered(30)

    answer = subscriber.fetch(acquisition.id, 99)

    assert isinstance(answer, CursorBeyond)
    assert answer.head == 1


def test_events_of_an_unknown_acquisition_are_refused_by_its_name(
    agent: AgentProcess, subscriber: Subscriber
):
    answer = subscriber.fetch("nobody-1", 1)

    assert isinstance(answer, Refused)
    assert "nobody-1" in answer.why


def test_a_list_tells_names_states_counts_and_the_worker(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    older, newer = start("older"), start("newer")
    older.register_image(0, 0, 0, 0, "/data/a.tif")
    older.register_image(1, 0, 0, 0, "/data/a.tif")
    older.end("aborted", "stage stuck")
    for acquisition in (older, newer):
        assert acquisition.wait_delivered(30)

    listed = subscriber.listing()

    assert listed.worker == "unix:///nowhere"
    told = {one.name: (one.state, one.head, one.planes) for one in listed.acquisitions}
    assert told == {"older": ("aborted", 4, 2), "newer": ("running", 1, 0)}


def test_a_heartbeat_tells_of_running_and_just_ended_acquisitions(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    running, ending = start("running"), start("ending")
    ending.end()
    assert running.wait_delivered(30)
    assert ending.wait_delivered(30)

    states = {"running": "running", "ending": "done"}
    beat = subscriber.heartbeat(lambda beat: states == {a.name: a.state for a in beat.running})

    assert beat.stored == 2
    assert beat.alarm == ""


def test_a_controller_that_said_goodbye_is_gone_and_its_spool_is_kept(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    acquisition = start()
    assert acquisition.wait_delivered(30)
    before = subscriber.summary(acquisition.id)
    assert before is not None
    assert before.controller == "live"

    acquisition.close()

    eventually(lambda: subscriber.summary(acquisition.id).controller == "gone", "gone")
    done = agent.spool_dir / f"{acquisition.id}.done"
    eventually(done.exists, "the spool is renamed")


def test_two_controllers_do_not_disturb_one_another(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    both = [start("same name"), start("same name")]
    for t in range(200):
        for acquisition in both:
            acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
    for acquisition in both:
        assert acquisition.wait_delivered(30)

    assert {one.planes for one in subscriber.listing().acquisitions} == {200}
    assert subscriber.pull(both[1].id) == list(range(200))
