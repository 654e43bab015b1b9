"""Who hangs is silent and who ended is gone, and everybody who hears the agent knows."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_rig import TIMEOUT_S, AgentProcess, ControllerProcess, Subscriber, eventually
from control_rig import VIEWER, Program, part_of, wait_for_life

from planecast_agent.liveness import GONE_AFTER_S, MAX_KNOWN, Liveness
from planecast_agent.subscriber.control_client import ControlClient
from planecast_protocol.agent_messages import AgentHeartbeat
from planecast_protocol.limits import MAX_PARTS, SILENT_AFTER_S
from planecast_protocol.state_messages import Part, PartState


@pytest.fixture
def looker(agent: AgentProcess) -> Iterator[Program]:
    """Start a viewer, as far as the agent can tell."""
    program = Program(VIEWER, agent.address)
    yield program
    program.close()


def worker_of(client: ControlClient) -> PartState | None:
    return next((one for one in client.picture().parts if one.part.kind == "worker"), None)


def test_a_viewer_introduces_itself(looker: Program, client: ControlClient):
    part = wait_for_life(client, looker.process.pid, "live").part

    assert (part.kind, part.name, part.shows, part.behind) == ("viewer", "a viewer", "run-1", 7)


def test_a_hanging_viewer_is_silent_until_it_goes_on(looker: Program, client: ControlClient):
    wait_for_life(client, looker.process.pid, "live")
    looker.send(signal.SIGSTOP)

    assert wait_for_life(client, looker.process.pid, "silent").silent_s >= SILENT_AFTER_S
    looker.send(signal.SIGCONT)
    assert wait_for_life(client, looker.process.pid, "live").silent_s == 0


def test_a_killed_viewer_is_gone(looker: Program, client: ControlClient):
    wait_for_life(client, looker.process.pid, "live")
    looker.kill()

    assert wait_for_life(client, looker.process.pid, "gone").why == "its connection was closed"


def test_a_viewer_says_goodbye(looker: Program, client: ControlClient):
    wait_for_life(client, looker.process.pid, "live")
    looker.end()

    assert wait_for_life(client, looker.process.pid, "gone").why == "it said goodbye"


def test_the_controller_of_an_acquisition_is_seen(
    agent: AgentProcess,
    control: Callable[..., ControllerProcess],
    client: ControlClient,
    subscriber: Subscriber,
):
    controller = control(n_planes=10**6, pause_s=0.05)
    part = wait_for_life(client, controller.process.pid, "live").part
    assert part.kind == "controller"
    assert part.host

    controller.send(signal.SIGSTOP)
    wait_for_life(client, controller.process.pid, "silent")
    summary = subscriber.summary(controller.acquisition)
    assert summary is not None
    assert (summary.controller, summary.owner) == ("silent", part.part)
    controller.send(signal.SIGCONT)
    wait_for_life(client, controller.process.pid, "live")

    controller.send(signal.SIGKILL)
    controller.process.wait(TIMEOUT_S)
    wait_for_life(client, controller.process.pid, "gone")
    eventually(
        lambda: (
            (one := subscriber.summary(controller.acquisition)) is not None
            and one.controller == "gone"
        ),
        "its acquisition says so too",
    )


def test_the_heartbeat_carries_all_parts(
    agent: AgentProcess, looker: Program, subscriber: Subscriber
):
    def has_viewer(beat: AgentHeartbeat) -> bool:
        return any(one.part.pid == looker.process.pid for one in beat.parts)

    beat = subscriber.heartbeat(has_viewer)

    assert {one.part.kind for one in beat.parts} == {"viewer", "worker"}
    assert beat.clock_s > 0


# ---------------------------------------------------------------- the reader worker


@pytest.fixture
def worker(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start a reader worker."""
    pytest.importorskip("numpy")
    process = subprocess.Popen(
        [sys.executable, "-m", "planecast_reader", "--address", f"unix://{home}/w"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready")
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def agent_of_worker(home: Path) -> Iterator[AgentProcess]:
    """Start an agent that knows the worker."""
    agent = AgentProcess(home)
    command = agent.command
    agent.command = lambda: [  # type: ignore[method-assign]
        f"unix://{home}/w" if word == "unix:///nowhere" else word for word in command()
    ]
    yield agent.start()
    agent.kill()


def test_the_worker_is_watched(
    worker: "subprocess.Popen[str]", agent_of_worker: AgentProcess, home: Path
):
    with ControlClient(agent_of_worker.address) as client:
        part = wait_for_life(client, worker.pid, "live").part
        assert (part.kind, part.name) == ("worker", f"unix://{home}/w")

        worker.send_signal(signal.SIGSTOP)
        assert wait_for_life(client, worker.pid, "silent").silent_s >= SILENT_AFTER_S
        worker.send_signal(signal.SIGCONT)
        wait_for_life(client, worker.pid, "live")

        worker.kill()
        assert "no reader worker answers" in wait_for_life(client, worker.pid, "gone").why


def test_a_worker_that_was_never_there_is_gone(agent: AgentProcess, client: ControlClient):
    def is_gone() -> bool:
        state = worker_of(client)
        return state is not None and "no reader worker answers" in state.why

    eventually(is_gone, "the worker is gone")
    state = worker_of(client)
    assert state is not None
    assert (state.life, state.part.name) == ("gone", "unix:///nowhere")
    assert part_of(client, os.getpid()) is None


# ---------------------------------------------------------------- by the clock, without one


def make(reachable: set[bytes]) -> Liveness:
    return Liveness(lambda identity: identity in reachable)


def part(number: int, host: str = "far away") -> Part:
    return Part(part=f"{number:032x}", kind="controller", name=f"c{number}", host=host, pid=1)


def test_who_is_not_known_is_gone_unless_its_spool_is_locked():
    liveness = make(set())

    assert liveness.life("a", 0.0) == "gone"
    assert liveness.life_of_publisher("a", {"a"}, 0.0) == "silent"


def test_who_closed_its_connection_is_gone_before_it_is_silent():
    reachable = {b"x"}
    liveness = make(reachable)
    liveness.heard(part(1), 0.0, b"x")
    liveness.look(1.0)
    assert liveness.life(part(1).part, 1.0) == "live"

    reachable.clear()
    liveness.look(1.5)

    assert liveness.life(part(1).part, 1.5) == "gone"


def test_who_is_far_away_and_lost_is_silent_at_first():
    reachable = {b"x"}
    liveness = make(reachable)
    liveness.heard(part(1), 0.0, b"x")
    liveness.look(2.0)
    reachable.clear()

    liveness.look(5.0)
    assert liveness.life(part(1).part, 5.0) == "silent"
    liveness.look(GONE_AFTER_S + 1)
    assert liveness.life(part(1).part, GONE_AFTER_S + 1) == "gone"


def test_who_comes_back_lives():
    liveness = make(set())
    assert liveness.heard(part(1), 0.0, b"x")
    liveness.look(2.0)
    assert liveness.life(part(1).part, 2.0) == "gone"

    assert liveness.heard(part(1), 3.0, b"y")

    assert liveness.life(part(1).part, 3.0) == "live"
    assert liveness.connection(part(1).part) == b"y"


def test_who_is_long_gone_is_forgotten():
    liveness = make(set())
    liveness.heard(part(1), 0.0, b"x")
    liveness.look(2.0)
    liveness.look(100.0)

    assert liveness.states(100.0) == []


def test_what_is_remembered_and_told_is_bounded():
    liveness = make(set())
    for number in range(2 * MAX_KNOWN):
        liveness.heard(part(number), float(number), b"x")

    states = liveness.states(2.0 * MAX_KNOWN)
    assert len(states) <= MAX_PARTS
    assert states[-1].part.name == f"c{2 * MAX_KNOWN - 1}"


def test_a_batch_of_events_does_not_take_its_name_from_a_controller():
    liveness = make(set())
    liveness.heard(part(1), 0.0, b"x")

    liveness.heard(Part(part=part(1).part, kind="controller"), 1.0, b"x")

    assert liveness.states(1.0)[0].part.name == "c1"
