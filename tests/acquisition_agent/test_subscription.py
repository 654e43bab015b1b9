"""The cursor: no socket, no clock."""

import msgspec
import pytest

from planecast_agent.subscriber.news import (
    AcquisitionChosen,
    AcquisitionMissing,
    AcquisitionsListed,
    AgentNotice,
    PlaneRows,
    Progress,
)
from planecast_agent.subscriber.subscription import Subscription
from planecast_protocol.agent_messages import (
    AcquisitionList,
    AcquisitionSummary,
    AgentHeartbeat,
    Bell,
    CursorBeyond,
    EventChunk,
    FetchEvents,
    ListAcquisitions,
    Refused,
)
from planecast_protocol.columns import pack
from planecast_protocol.errors import BadMessageError
from planecast_protocol.event_messages import EndAcquisition, ResumeAcquisition, StartAcquisition

LOG, BOOT = "log1", "boot1"


def summary(name, head, **more):
    facts = {"state": "running", "controller": "live", "planes": head, "started_at": 1.0}
    return AcquisitionSummary(acquisition=name, name=name, head=head, **{**facts, **more})


def listing(request, *summaries, log=LOG, **more):
    return AcquisitionList(
        request=request.request, log=log, boot=BOOT, acquisitions=list(summaries), **more
    )


def chunk(request, events, head, log=LOG):
    message = EventChunk(
        request=request.request,
        acquisition=request.acquisition,
        first=request.first,
        count=len(events),
        head=head,
        log=log,
        boot=BOOT,
    )
    return message, pack(events)


@pytest.fixture
def joined(acquired):
    """A subscription that has read the first three events of an acquisition of three."""
    subscription = Subscription()
    subscription.take(listing(subscription.next_request(), summary("exp7", 3)), b"")
    events = [acquired.start, acquired.image(0, 0, 0, 0), acquired.image(0, 0, 0, 1)]
    subscription.take(*chunk(subscription.next_request(), events, head=3))
    return subscription


def test_first_question_is_the_list_and_the_newest_is_followed(acquired):
    subscription = Subscription()
    request = subscription.next_request()
    assert isinstance(request, ListAcquisitions)
    assert subscription.next_request() is None
    answer = listing(request, summary("old", 2), summary("exp7", 3), worker="unix:///w")
    news = subscription.take(answer, b"")
    assert isinstance(news[0], AcquisitionsListed)
    assert news[0].worker == "unix:///w"
    assert news[1] == AcquisitionChosen("exp7")
    fetch = subscription.next_request()
    assert isinstance(fetch, FetchEvents)
    assert (fetch.acquisition, fetch.first) == ("exp7", 1)


def test_named_acquisition_is_followed_instead_of_the_newest():
    subscription = Subscription("old")
    subscription.take(
        listing(subscription.next_request(), summary("old", 2), summary("new", 3)), b""
    )
    assert subscription.current == "old"


def test_events_come_as_start_rows_end(acquired):
    subscription = Subscription()
    subscription.take(listing(subscription.next_request(), summary("exp7", 4)), b"")
    events = [acquired.start, acquired.image(0, 0, 0, 0), acquired.image(0, 1, 2, 1)]
    events.append(acquired.end())
    start, rows, end, progress = subscription.take(
        *chunk(subscription.next_request(), events, head=4)
    )
    assert isinstance(start, StartAcquisition)
    assert isinstance(rows, PlaneRows)
    assert rows.integers[:4].T.tolist() == [[0, 0, 0, 0], [0, 1, 2, 1]]
    assert rows.paths == ("data:0/0_0_0.tiff", "data:0/1_2_1.tiff")
    assert isinstance(end, EndAcquisition)
    assert progress == Progress(4, 4)


def test_restart_of_a_controller_is_told_before_the_planes_that_came_after_it(acquired):
    subscription = Subscription()
    subscription.take(listing(subscription.next_request(), summary("exp7", 4)), b"")
    resumed = ResumeAcquisition(acquisition="exp7", life=1, resumed_at=5.0)
    events = [acquired.start, acquired.image(0, 0, 0, 0), resumed, acquired.image(0, 0, 0, 1)]
    news = subscription.take(*chunk(subscription.next_request(), events, head=4))
    assert news[:2] == [acquired.start, resumed]
    assert isinstance(news[2], PlaneRows)


def test_bell_beyond_the_cursor_makes_it_ask_from_the_cursor_on(joined):
    assert joined.next_request() is None
    joined.take(Bell(log=LOG, boot=BOOT, heads={"exp7": 5}), b"")
    request = joined.next_request()
    assert (request.acquisition, request.first) == ("exp7", 4)


def test_heartbeat_makes_up_for_a_lost_bell(joined):
    beat = AgentHeartbeat(log=LOG, boot=BOOT, running=[summary("exp7", 9)], stored=1)
    joined.take(beat, b"")
    assert joined.next_request().first == 4


def test_restarted_agent_with_the_same_log_is_continued(joined):
    joined.take(Bell(log=LOG, boot="boot2", heads={"exp7": 4}), b"")
    assert joined.next_request().first == 4


def test_another_log_starts_over(joined):
    news = joined.take(Bell(log="log2", boot=BOOT, heads={"exp7": 2}), b"")
    assert news == [AcquisitionChosen(None)]
    request = joined.next_request()
    assert isinstance(request, ListAcquisitions)
    news = joined.take(listing(request, summary("exp7", 2), log="log2"), b"")
    assert AcquisitionChosen("exp7") in news
    assert joined.next_request().first == 1


def test_cursor_beyond_the_head_starts_over(joined):
    joined.take(Bell(log=LOG, boot=BOOT, heads={"exp7": 4}), b"")
    request = joined.next_request()
    beyond = CursorBeyond(request=request.request, acquisition="exp7", head=1, log=LOG)
    assert joined.take(beyond, b"") == [AcquisitionChosen(None)]


def test_answer_to_an_older_question_is_dropped(joined, acquired):
    joined.take(Bell(log=LOG, boot=BOOT, heads={"exp7": 4}), b"")
    late = joined.next_request()
    joined.give_up()
    joined.take(listing(joined.next_request(), summary("exp7", 4)), b"")
    assert joined.next_request().first == 4
    assert joined.take(*chunk(late, [acquired.image(0, 1, 0, 0)], head=4)) == []


@pytest.mark.parametrize("payload", [b"", b"not a chunk"])
def test_damaged_chunk_is_refused_and_the_question_stays_out(joined, acquired, payload):
    joined.take(Bell(log=LOG, boot=BOOT, heads={"exp7": 4}), b"")
    message, _good = chunk(joined.next_request(), [acquired.image(0, 1, 0, 0)], head=4)
    with pytest.raises(BadMessageError):
        joined.take(message, payload)
    assert joined.next_request() is None
    joined.give_up()
    joined.take(listing(joined.next_request(), summary("exp7", 4)), b"")
    assert joined.next_request().first == 4


def test_refusal_is_told_and_not_repeated_at_once(joined):
    joined.take(Bell(log=LOG, boot=BOOT, heads={"exp7": 4}), b"")
    request = joined.next_request()
    with pytest.raises(BadMessageError, match="no such"):
        joined.take(Refused(request=request.request, code="AcquisitionError", why="no such"), b"")
    assert joined.next_request() is None


def test_new_acquisition_is_listed_but_not_chosen(joined):
    joined.take(Bell(log=LOG, boot=BOOT, heads={"exp8": 1}), b"")
    request = joined.next_request()
    assert isinstance(request, ListAcquisitions)
    (listed,) = joined.take(listing(request, summary("exp7", 3), summary("exp8", 1)), b"")
    assert isinstance(listed, AcquisitionsListed)
    assert joined.current == "exp7"
    assert joined.choose("exp8") == [AcquisitionChosen("exp8")]
    assert joined.next_request().acquisition == "exp8"


def test_alarm_is_told_once(joined):
    beat = AgentHeartbeat(log=LOG, boot=BOOT, running=[], stored=1, alarm="disk full")
    assert joined.take(beat, b"") == [AgentNotice("disk full", 0)]
    assert joined.take(beat, b"") == []


def test_a_heartbeat_that_comes_before_the_list_is_not_taken_for_it():
    subscription = Subscription()
    request = subscription.next_request()
    beat = AgentHeartbeat(log=LOG, boot=BOOT, running=[summary("exp7", 3)], stored=1)
    assert not any(isinstance(one, AcquisitionsListed) for one in subscription.take(beat, b""))

    news = subscription.take(listing(request, summary("exp7", 3), worker="tcp://*:5815"), b"")
    assert news[0] == AcquisitionsListed((summary("exp7", 3),), "tcp://*:5815")


def test_silent_controller_is_told_once(joined):
    silent = summary("exp7", 3, controller="silent")
    beat = AgentHeartbeat(log=LOG, boot=BOOT, running=[silent], stored=1)
    (listed,) = joined.take(beat, b"")
    assert listed.acquisitions[0].controller == "silent"
    assert joined.take(beat, b"") == []


# ---------------------------------------------------------------- one that is not there


def listed(subscription, *summaries, log=LOG):
    """Answer its question for the list; return the news but for the list itself."""
    request = subscription.next_request()
    assert isinstance(request, ListAcquisitions)
    news = subscription.take(listing(request, *summaries, log=log), b"")
    return [item for item in news if not isinstance(item, AcquisitionsListed)]


def test_a_wish_that_is_not_there_is_told_and_the_newest_followed():
    news = listed(Subscription("gone"), summary("old", 2), summary("new", 3))
    assert news == [AcquisitionMissing("gone"), AcquisitionChosen("new")]


def test_a_wish_for_no_other_waits():
    subscription = Subscription("exp7", no_other=True)
    assert listed(subscription, summary("other", 2)) == [AcquisitionMissing("exp7")]
    subscription.take(Bell(log=LOG, boot=BOOT, heads={"exp7": 1}), b"")
    assert listed(subscription, summary("other", 2), summary("exp7", 1)) == [
        AcquisitionChosen("exp7")
    ]


def test_a_name_stands_for_its_newest_acquisition():
    two = (summary("run-1", 2), summary("run-2", 2), summary("other", 1))
    two = [msgspec.structs.replace(one, name=one.acquisition[:3]) for one in two]
    subscription = Subscription("run", no_other=True)
    assert listed(subscription, *two) == [AcquisitionChosen("run-2")]


def test_one_that_is_forgotten_is_told_and_the_newest_followed(joined):
    beat = AgentHeartbeat(log=LOG, boot=BOOT, running=[], stored=2)
    joined.take(beat, b"")
    news = listed(joined, summary("a", 1), summary("b", 1))
    assert news == [AcquisitionMissing("exp7"), AcquisitionChosen("b")]
    assert joined.next_request().acquisition == "b"


def test_the_last_one_that_is_forgotten_leaves_nothing(joined):
    joined.take(AgentHeartbeat(log=LOG, boot=BOOT, running=[], stored=0), b"")
    assert listed(joined) == [AcquisitionMissing("exp7"), AcquisitionChosen(None)]
    assert joined.next_request() is None


def test_a_new_log_without_it_yet_is_waited_for(acquired):
    subscription = Subscription("exp7", no_other=True)
    listed(subscription, summary("exp7", 1))
    subscription.take(*chunk(subscription.next_request(), [acquired.start], head=1))
    subscription.take(Bell(log="log2", boot=BOOT, heads={}), b"")
    assert listed(subscription, log="log2") == []
    subscription.take(Bell(log="log2", boot=BOOT, heads={"exp7": 1}), b"")
    assert listed(subscription, summary("exp7", 1), log="log2") == [AcquisitionChosen("exp7")]


def test_one_that_was_left_is_not_asked_for_but_new_ones_are_listed(joined):
    joined.leave()
    assert list(joined.take(Bell(log=LOG, boot=BOOT, heads={"exp7": 9}), b"")) == []
    assert joined.next_request() is None
    joined.take(Bell(log=LOG, boot=BOOT, heads={"exp8": 1}), b"")
    news = joined.take(listing(joined.next_request(), summary("exp7", 9), summary("exp8", 1)), b"")
    assert [type(item) for item in news] == [AcquisitionsListed]
    assert joined.next_request() is None


def test_one_that_was_left_is_read_from_its_beginning_when_chosen_again(joined):
    joined.leave()
    assert joined.choose("exp7") == [AcquisitionChosen("exp7")]
    assert joined.next_request().first == 1
