"""Acquisitions are forgotten: by name, by age, in slices, and for good."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from agent_rig import AgentProcess, ControllerProcess, Subscriber, eventually

from planecast_agent.acquisition import Acquisition
from planecast_agent.journal import JOURNAL_NAME
from planecast_agent.retention import DAY_S, SPOOL_DAYS
from planecast_agent.spool_records import DONE_SUFFIX, SPOOL_SUFFIX
from planecast_agent.subscriber.journal_client import JournalClient
from planecast_protocol.agent_messages import Refused
from planecast_protocol.errors import AcquisitionError
from planecast_protocol.limits import CHUNK_EVENTS

Start = Callable[..., Acquisition]
WAIT_S = 30.0


@pytest.fixture
def journal(agent: AgentProcess) -> Iterator[JournalClient]:
    """Ask the agent about its journal."""
    with JournalClient(agent.address) as client:
        yield client


def run(start: Start, agent: AgentProcess, name: str, n_planes: int) -> str:
    """Run an acquisition to its end; return its id once its spool is taken over."""
    acquisition = start(name)
    for t in range(n_planes):
        acquisition.register_image(t, 0, 0, 0, f"/data/{t}.tif")
    acquisition.end()
    assert acquisition.wait_delivered(WAIT_S)
    acquisition.close()
    eventually((agent.spool_dir / (acquisition.id + DONE_SUFFIX)).exists, "taken over")
    return acquisition.id


def rows(agent: AgentProcess, table: str) -> int:
    database = sqlite3.connect(agent.state_dir / JOURNAL_NAME)
    try:
        return database.execute(f"select count(*) from {table}").fetchone()[0]
    finally:
        database.close()


def events(agent: AgentProcess) -> int:
    """Count the events in all blocks."""
    database = sqlite3.connect(agent.state_dir / JOURNAL_NAME)
    try:
        blocks = database.execute("select bodies from blocks")
        return sum(len(msgspec.msgpack.decode(bodies)) for (bodies,) in blocks)
    finally:
        database.close()


def age(agent: AgentProcess, acquisition: str, days: float) -> None:
    """Make an acquisition older, in the journal of an agent that does not run."""
    database = sqlite3.connect(agent.state_dir / JOURNAL_NAME)
    with database:
        database.execute(
            "update acquisitions set stored_at=? where id=?",
            (time.time() - days * DAY_S, acquisition),
        )
    database.close()


def test_a_forgotten_acquisition_is_gone_and_the_others_stay(
    agent: AgentProcess, start: Start, subscriber: Subscriber, journal: JournalClient
):
    first, second = (run(start, agent, name, 2 * CHUNK_EVENTS) for name in ("first", "second"))
    subscriber.pull(first)

    n_bytes = journal.forget(first)

    assert n_bytes > 2 * CHUNK_EVENTS * 100
    assert [one.acquisition for one in journal.list()] == [second]
    refused = subscriber.fetch(first, 1)
    assert isinstance(refused, Refused)
    assert first in refused.why
    assert not (agent.spool_dir / (first + DONE_SUFFIX)).exists()
    eventually(lambda: events(agent) == 2 * CHUNK_EVENTS + 2, "its events are deleted")
    subscriber.next, subscriber.times = 1, []
    assert subscriber.pull(second) == list(range(2 * CHUNK_EVENTS))


def test_it_stays_forgotten_over_a_restart_in_the_middle(
    agent: AgentProcess, start: Start, journal: JournalClient
):
    forgotten = run(start, agent, "forgotten", 3 * CHUNK_EVENTS)
    kept = run(start, agent, "kept", 10)
    journal.forget(forgotten)
    agent.kill()
    agent.start()

    assert [one.acquisition for one in journal.list()] == [kept]
    eventually(lambda: events(agent) == 12, "its events are deleted after all")
    eventually(lambda: rows(agent, "chunks") == 0, "and its chunks")
    later = run(start, agent, "later", 10)
    assert [one.acquisition for one in journal.list()] == [kept, later]


def test_a_running_acquisition_is_not_forgotten(
    agent: AgentProcess, start: Start, journal: JournalClient
):
    acquisition = start("running")
    acquisition.register_image(0, 0, 0, 0, "/data/a.tif")
    assert acquisition.wait_delivered(WAIT_S)

    with pytest.raises(AcquisitionError, match="is running, its controller is live: end it first"):
        journal.forget(acquisition.id)

    assert journal.describe(acquisition.id).summary.planes == 1


def test_a_running_one_that_is_forced_stays_forgotten_while_its_controller_goes_on(
    agent: AgentProcess, start: Start, journal: JournalClient
):
    acquisition = start("forced")
    assert acquisition.wait_delivered(WAIT_S)
    journal.forget(acquisition.id, force=True)

    for t in range(2000):
        acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
    acquisition.end()

    assert acquisition.wait_delivered(WAIT_S)
    assert journal.list() == []
    assert events(agent) == 0
    assert rows(agent, "dead_letters") == 0


def test_one_whose_controller_died_may_be_forgotten(
    agent: AgentProcess, control: Callable[..., ControllerProcess], journal: JournalClient
):
    controller = control(1_000_000)
    eventually(lambda: controller.n_accepted() > 500, "planes")
    controller.close()
    done = agent.spool_dir / (controller.acquisition + DONE_SUFFIX)
    eventually(done.exists, "taken over")

    journal.forget(controller.acquisition)

    assert journal.list() == []
    assert not done.exists()


def test_an_unknown_acquisition_is_refused(journal: JournalClient):
    for question in (journal.forget, journal.describe):
        with pytest.raises(AcquisitionError, match="no acquisition 'nobody' in this agent"):
            question("nobody")


def test_all_is_told_of_an_acquisition(agent: AgentProcess, start: Start, journal: JournalClient):
    acquisition = start("told", num_t=5, pixel_size_um=0.5)
    for t in range(3):
        acquisition.register_image(t, 0, 0, 0, f"/data/{t}.tif")
    acquisition.end("aborted", "stage stuck")
    assert acquisition.wait_delivered(WAIT_S)

    details = journal.describe(acquisition.id)

    assert (details.summary.state, details.summary.planes, details.summary.head) == (
        "aborted",
        3,
        5,
    )
    assert details.summary.n_bytes > 300
    assert details.start.pixel_size_um == 0.5
    assert details.end_reason == "stage stuck"
    assert details.ended_at is not None
    assert abs(details.ended_at - details.summary.stored_at) < WAIT_S
    suffix = Path(details.spool).suffix
    assert suffix in (SPOOL_SUFFIX, DONE_SUFFIX)
    assert (details.n_dead_letters, details.dead_letters, details.late) == (0, [], 0)


def test_events_are_taken_and_served_while_much_is_forgotten(
    agent: AgentProcess, start: Start, subscriber: Subscriber, journal: JournalClient
):
    old = run(start, agent, "old", 6 * CHUNK_EVENTS)
    acquisition = start("new")
    journal.forget(old)
    for t in range(2000):
        acquisition.register_image(t, 0, 0, 0, "/data/a.tif")

    assert acquisition.wait_delivered(WAIT_S)
    assert subscriber.pull(acquisition.id) == list(range(2000))
    eventually(lambda: events(agent) == 2001, "the old events are deleted")


def test_what_is_too_old_is_forgotten_by_itself(idle_agent: AgentProcess, home: Path, start: Start):
    idle_agent.start()
    old, young = (run(start, idle_agent, name, 10) for name in ("old", "young"))
    running = start("running")
    assert running.wait_delivered(WAIT_S)
    idle_agent.terminate()
    for acquisition in (old, running.id):
        age(idle_agent, acquisition, 8)
    age(idle_agent, young, 6)
    idle_agent.more = ["--keep-days", "7"]
    idle_agent.start()

    with JournalClient(idle_agent.address) as journal:
        eventually(lambda: len(journal.list()) == 2, "the old one is forgotten")
        assert [one.acquisition for one in journal.list()] == [young, running.id]
    assert not (idle_agent.spool_dir / (old + DONE_SUFFIX)).exists()


def test_without_being_asked_the_journal_keeps_all_and_spools_of_a_month(
    idle_agent: AgentProcess, start: Start
):
    idle_agent.start()
    old, young = (run(start, idle_agent, name, 10) for name in ("old", "young"))
    open_end = start("never ended")
    assert open_end.wait_delivered(WAIT_S)
    open_end.close()
    eventually((idle_agent.spool_dir / (open_end.id + DONE_SUFFIX)).exists, "taken over")
    idle_agent.terminate()
    for acquisition in (old, open_end.id):
        age(idle_agent, acquisition, SPOOL_DAYS + 1)
    age(idle_agent, young, SPOOL_DAYS - 1)
    idle_agent.start()

    def spools() -> set[str]:
        return {path.stem for path in idle_agent.spool_dir.glob("*" + DONE_SUFFIX)}

    # One that was never ended may still be resumed.
    eventually(lambda: spools() == {young, open_end.id}, "the old spool is deleted")
    with JournalClient(idle_agent.address) as journal:
        assert [one.acquisition for one in journal.list()] == [old, young, open_end.id]
