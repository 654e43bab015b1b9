"""Fixtures of the agent's tests. Each ends its processes and threads."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_rig import AgentProcess, ControllerProcess, Subscriber
from control_rig import RawSender, StageProcess, wait_until_declared

from planecast_agent.acquisition import Acquisition
from planecast_agent.controller import Controller
from planecast_agent.subscriber.control_client import ControlClient


@pytest.fixture
def home() -> Iterator[Path]:
    """Make a folder whose name is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="pc", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def idle_agent(home: Path) -> Iterator[AgentProcess]:
    """Prepare an agent that is not started yet."""
    process = AgentProcess(home)
    yield process
    process.kill()


@pytest.fixture
def agent(idle_agent: AgentProcess) -> AgentProcess:
    """Start the agent."""
    return idle_agent.start()


@pytest.fixture
def start(idle_agent: AgentProcess) -> Iterator[Callable[..., Acquisition]]:
    """Start small acquisitions that publish to the agent, from this process."""
    started: list[Acquisition] = []

    def start_one(name: str = "run", **settings: object) -> Acquisition:
        arguments: dict[str, object] = {
            "channels": ["BF", "DAPI"],
            "num_z": 3,
            "height": 8,
            "width": 8,
            "fov_labels": ["A1:0", "A1:1"],
            "agent": idle_agent.address,
            "spool_dir": idle_agent.spool_dir,
            "roots": {"data": Path("/data")},
        }
        started.append(Acquisition.start(name, **(arguments | settings)))  # type: ignore[arg-type]
        return started[-1]

    yield start_one
    for acquisition in started:
        acquisition.close()


@pytest.fixture
def control(idle_agent: AgentProcess) -> Iterator[Callable[..., ControllerProcess]]:
    """Start controllers in processes of their own."""
    started: list[ControllerProcess] = []

    def start_one(n_planes: int, pause_s: float = 0.0) -> ControllerProcess:
        started.append(ControllerProcess(idle_agent, n_planes, pause_s))
        return started[-1]

    yield start_one
    for controller in started:
        controller.close()


@pytest.fixture
def subscriber(idle_agent: AgentProcess) -> Iterator[Subscriber]:
    """Connect a subscriber to the agent."""
    one = Subscriber(idle_agent.address)
    yield one
    one.close()


@pytest.fixture
def client(idle_agent: AgentProcess) -> Iterator[ControlClient]:
    """Connect to the agent, to look at controllers and to send commands."""
    with ControlClient(idle_agent.address) as one:
        yield one


@pytest.fixture
def stage(agent: AgentProcess, client: ControlClient) -> Iterator[StageProcess]:
    """Start a controller in a process of its own, and wait until its commands are known."""
    one = StageProcess(agent)
    wait_until_declared(client, "Squid")
    yield one
    one.close()


@pytest.fixture
def raw(agent: AgentProcess) -> Iterator[RawSender]:
    """Connect a peer that sends just what a test says."""
    one = RawSender(agent.address)
    yield one
    one.close()


@pytest.fixture
def controller(idle_agent: AgentProcess) -> Iterator[Controller]:
    """Make a controller in this process."""
    with Controller("Ti2", agent=idle_agent.address) as one:
        yield one
