"""A script joins an acquisition: what is there already, and what comes."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_rig import AgentProcess, ControllerProcess, eventually

from planecast_agent.acquisition import Acquisition
from planecast_agent.journal import JOURNAL_NAME
from planecast_agent.subscriber.join import JoinedAcquisition, RegisteredPlane, join
from planecast_agent.subscriber.journal_client import JournalClient
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.columns import read_integers, unpack
from planecast_protocol.errors import AcquisitionError, AgentUnreachableError
from planecast_protocol.limits import CHUNK_EVENTS

Start = Callable[..., Acquisition]
Join = Callable[..., JoinedAcquisition]
WAIT_S = 30.0


@pytest.fixture
def joining(idle_agent: AgentProcess) -> Iterator[Join]:
    """Join acquisitions of the agent; each is left after the test."""
    joined: list[JoinedAcquisition] = []

    def join_one(acquisition: str = "latest") -> JoinedAcquisition:
        joined.append(join(acquisition, agent=idle_agent.address, timeout_s=WAIT_S))
        return joined[-1]

    yield join_one
    for one in joined:
        one.close()


def register(acquisition: Acquisition, times: range) -> None:
    for t in times:
        acquisition.register_image(t, 0, 0, 0, f"/data/{t}.tif")


def collect(joined: JoinedAcquisition) -> tuple[threading.Thread, list[RegisteredPlane]]:
    """Iterate in a thread; return it and the list that it fills."""
    planes: list[RegisteredPlane] = []
    thread = threading.Thread(target=lambda: planes.extend(joined))
    thread.start()
    return thread, planes


def test_all_that_was_registered_is_known_after_join(
    agent: AgentProcess, start: Start, joining: Join
):
    acquisition = start("exp7", num_t=4)
    n_planes = 2 * CHUNK_EVENTS + 100
    register(acquisition, range(n_planes))
    acquisition.register_image(0, 1, 2, "DAPI", "/data/b.tif", page=4, size_bytes=7, mtime_ns=8)
    assert acquisition.wait_delivered(WAIT_S)

    joined = joining(acquisition.id)

    assert (joined.id, joined.n_planes, joined.state) == (acquisition.id, n_planes + 1, "running")
    assert joined.start.channels == ["BF", "DAPI"]
    columns = joined.columns()
    assert columns["t"].tolist() == [*range(n_planes), 0]
    assert columns["fov"].tolist()[-2:] == [0, 1]
    assert columns["z"][-1] == 2
    assert columns["channel"][-1] == 1
    assert bool((columns["registered_at"] > 1.7e9).all())
    assert joined.has(5, 0, 0, "BF")
    assert not joined.has(5, 0, 0, "DAPI")
    source = joined.source(0, 1, 2, "DAPI")
    assert (source.path, source.page, source.size_bytes, source.mtime_ns) == ("data:b.tif", 4, 7, 8)
    eventually(lambda: joined.controller == "live", "its controller lives")


def test_iteration_gives_what_is_there_and_then_what_comes_until_the_end(
    agent: AgentProcess, start: Start, joining: Join
):
    acquisition = start()
    register(acquisition, range(50))
    assert acquisition.wait_delivered(WAIT_S)
    joined = joining()
    thread, planes = collect(joined)
    eventually(lambda: len(planes) >= 0 and joined.n_planes == 50, "the first planes")

    register(acquisition, range(50, 100))
    acquisition.register_image(3, 0, 0, 0, "/data/again.tif")
    acquisition.end()
    thread.join(WAIT_S)

    assert [plane.index.t for plane in planes] == [*range(100), 3]
    assert planes[-1].source.path == "data:again.tif"
    assert joined.n_planes == 100
    assert joined.source(3, 0, 0, 0).path == "data:again.tif"
    assert joined.state == "done"


def test_iteration_ends_when_it_is_left(agent: AgentProcess, start: Start, joining: Join):
    acquisition = start()
    register(acquisition, range(5))
    assert acquisition.wait_delivered(WAIT_S)
    joined = joining()
    thread, planes = collect(joined)
    eventually(lambda: joined.n_planes == 5, "the planes")

    joined.close()
    thread.join(WAIT_S)

    assert not thread.is_alive()
    assert len(planes) <= 5


def test_waiting_for_a_condition(agent: AgentProcess, start: Start, joining: Join):
    acquisition = start()
    assert acquisition.wait_delivered(WAIT_S)
    joined = joining()
    assert not joined.wait_for(lambda one: one.n_planes >= 3, timeout_s=0.01)

    register(acquisition, range(3))
    assert joined.wait_for(lambda one: one.n_planes >= 3, timeout_s=WAIT_S)
    acquisition.end("aborted", "stage stuck")

    assert joined.wait_ended(WAIT_S)
    assert (joined.state, joined.end_reason) == ("aborted", "stage stuck")


def test_the_newest_of_a_name_is_joined(agent: AgentProcess, start: Start, joining: Join):
    for name in ("a", "b", "a", "c"):
        register(acquisition := start(name), range(2))
        assert acquisition.wait_delivered(WAIT_S)
        if name == "a":
            newest = acquisition.id

    assert joining("a").id == newest
    assert joining().start.name == "c"


def test_nothing_is_lost_while_the_agent_is_killed(
    agent: AgentProcess, control: Callable[..., ControllerProcess], joining: Join
):
    controller = control(3000, 0.0005)
    eventually(lambda: controller.n_accepted() >= 300, "planes")
    joined = joining(controller.acquisition)
    thread, planes = collect(joined)
    for n_planes in (1000, 2000):
        eventually(lambda n=n_planes: controller.n_accepted() >= n, "more planes")
        agent.kill()
        agent.start()
    thread.join(WAIT_S)

    assert [plane.index.t for plane in planes] == list(range(3000))
    assert joined.state == "done"


def test_a_new_journal_is_told_and_the_index_filled_again(
    agent: AgentProcess, start: Start, joining: Join
):
    acquisition = start()
    register(acquisition, range(20))
    assert acquisition.wait_delivered(WAIT_S)
    joined = joining()
    iterating = iter(joined)
    assert next(iterating).index == PlaneIndex(0, 0, 0, 0)
    agent.lose_journal()
    agent.start()
    register(acquisition, range(20, 30))

    def is_filled(one: JoinedAcquisition) -> bool:
        try:
            return one.n_planes == 30
        except AcquisitionError:  # it is being filled
            return False

    assert joined.wait_for(is_filled, WAIT_S)
    with pytest.raises(AcquisitionError, match="join again"):
        next(iterating)


def test_joining_what_is_not_there_is_refused_with_what_is(
    agent: AgentProcess, start: Start, joining: Join
):
    with pytest.raises(AcquisitionError, match="no acquisitions yet"):
        joining()
    acquisition = start("exp7")
    assert acquisition.wait_delivered(WAIT_S)

    with pytest.raises(AcquisitionError, match=f"no acquisition 'x'.*{acquisition.id}"):
        joining("x")


def test_an_agent_that_is_not_there_is_told(home: Path):
    with pytest.raises(AgentUnreachableError, match="start one with: planecast agent"):
        join(agent=f"ipc://{home}/nobody", timeout_s=0.5)


def test_an_acquisition_that_is_forgotten_ends_the_iteration_with_an_error(
    agent: AgentProcess, start: Start, joining: Join
):
    acquisition = start()
    register(acquisition, range(3))
    assert acquisition.wait_delivered(WAIT_S)
    joined = joining()
    with JournalClient(agent.address) as journal:
        journal.forget(acquisition.id, force=True)

    with pytest.raises(AcquisitionError, match="was forgotten"):
        joined.wait_for(lambda one: one.n_planes == 4, WAIT_S)
    with pytest.raises(AcquisitionError, match="was forgotten"):
        list(joined)


def test_an_unknown_channel_or_plane_is_refused(agent: AgentProcess, start: Start, joining: Join):
    acquisition = start()
    assert acquisition.wait_delivered(WAIT_S)
    joined = joining()

    with pytest.raises(AcquisitionError, match="this acquisition has BF, DAPI"):
        joined.has(0, 0, 0, "GFP")
    with pytest.raises(AcquisitionError, match="no plane"):
        joined.source(0, 0, 0, "BF")


def test_a_restarted_agent_serves_chunks_that_it_has_kept(
    agent: AgentProcess, start: Start, joining: Join
):
    acquisition = start()
    register(acquisition, range(3 * CHUNK_EVENTS))
    assert acquisition.wait_delivered(WAIT_S)
    # Nobody has asked for them yet: they are made while nothing else is to be done.
    eventually(lambda: _n_kept(agent) == 3, "the chunks are kept")
    before = _payloads(agent, acquisition.id)
    agent.kill()
    agent.start()

    assert _payloads(agent, acquisition.id)[:3] == before[:3]
    times = [t for payload in before for t in read_integers(unpack(payload))[0]]
    assert times == list(range(3 * CHUNK_EVENTS))
    assert joining().n_planes == 3 * CHUNK_EVENTS


def _n_kept(agent: AgentProcess) -> int:
    database = sqlite3.connect(agent.state_dir / JOURNAL_NAME)
    try:
        return database.execute("select count(*) from chunks").fetchone()[0]
    finally:
        database.close()


def _payloads(agent: AgentProcess, acquisition: str) -> list[bytes]:
    with JournalClient(agent.address) as journal:
        return [payload for _chunk, payload in journal.chunks(acquisition)]
