"""A subscriber that is stopped, or never reads: the agent does not grow, and others go on."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import zmq
from agent_rig import AgentProcess, Subscriber, eventually

from planecast_agent.acquisition import Acquisition
from planecast_protocol.agent_messages import FetchEvents
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.messages import encode
from planecast_protocol.sockets import client_socket

N_PLANES = 30_000
MAX_GROWTH = 48 << 20
"""Of the agent, in bytes: chunks of history that it keeps for the next who asks are in it."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")


@pytest.fixture
def agent(home: Path) -> Iterator[AgentProcess]:
    """Start an agent."""
    process = AgentProcess(home).start()
    yield process
    process.kill()


@pytest.fixture
def acquisition(agent: AgentProcess) -> Iterator[Acquisition]:
    """Start a controller in this process."""
    with Acquisition.start(
        *("good", ["BF"], 1, 8, 8, ["A1:0"]),
        agent=agent.address,
        spool_dir=agent.spool_dir,
    ) as one:
        yield one


def register(acquisition: Acquisition, first: int, last: int) -> None:
    for t in range(first, last):
        acquisition.register_image(t, 0, 0, 0, f"/chaos/{acquisition.id}/{t}.tif")
    assert acquisition.wait_delivered(60)


@contextmanager
def follower(agent: AgentProcess) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a viewer without a window, in a process of its own."""
    program = Path(__file__).with_name("chaos_follower.py")
    arguments = (agent.address, str(agent.folder), "stopped", "0")
    process = subprocess.Popen([sys.executable, str(program), *arguments])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def grown(agent: AgentProcess, before: int) -> int:
    assert agent.process is not None
    return psutil.Process(agent.process.pid).memory_info().rss - before


def test_a_stopped_subscriber_costs_nobody_anything_and_catches_up(
    agent: AgentProcess, acquisition: Acquisition
):
    view = agent.folder / "view-stopped.json"
    with follower(agent) as process:
        register(acquisition, 0, 1000)
        process.send_signal(signal.SIGSTOP)
        before = grown(agent, 0)
        register(acquisition, 1000, N_PLANES)
        assert grown(agent, before) < MAX_GROWTH
        process.send_signal(signal.SIGCONT)
        told = {"planes": {acquisition.id: N_PLANES}, "heads": {}, "within_s": 30}
        (agent.folder / "final.new").write_text(json.dumps(told))
        (agent.folder / "final.new").rename(agent.folder / "final.json")
        assert process.wait(60) == 0

    found = json.loads(view.read_text())
    assert found["times"][acquisition.id] == list(range(N_PLANES))
    assert found["wrong"] == 0


def test_a_subscriber_that_asks_and_never_reads_costs_nobody_anything(
    agent: AgentProcess, acquisition: Acquisition
):
    register(acquisition, 0, N_PLANES)
    before = grown(agent, 0)
    with (
        zmq.Context() as context,
        client_socket(context, zmq.DEALER, AgentAddress.parse(agent.address).door) as door,
    ):
        door.setsockopt(zmq.RCVHWM, 1)
        for request in range(3000):
            first = 1 + request % N_PLANES
            question = FetchEvents(request=request, acquisition=acquisition.id, first=first)
            door.send(encode(question))
        subscriber = Subscriber(agent.address)
        assert len(subscriber.pull(acquisition.id)) == N_PLANES
        subscriber.close()
        eventually(lambda: grown(agent, before) < MAX_GROWTH, "it has not grown")
    register(acquisition, N_PLANES, N_PLANES + 100)
