"""Agent and controllers are killed, hung, absent: nothing is lost, doubled or reordered."""

import signal
from collections.abc import Callable

from agent_rig import AgentProcess, ControllerProcess, Subscriber, eventually

from planecast_agent.acquisition import Acquisition
from planecast_protocol.limits import SILENT_AFTER_S

Start = Callable[..., Acquisition]
Control = Callable[..., ControllerProcess]


def test_agent_absent_at_start_gets_all_when_it_comes(
    idle_agent: AgentProcess, start: Start, subscriber: Subscriber
):
    acquisition = start()
    for t in range(3000):
        acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
    assert acquisition.undelivered == 3001

    idle_agent.start()

    assert acquisition.wait_delivered(30)
    assert acquisition.undelivered == 0
    assert subscriber.pull(acquisition.id) == list(range(3000))


def test_an_agent_that_never_comes_is_told_in_the_alarm(start: Start):
    acquisition = start()

    eventually(lambda: "no agent answers" in acquisition.alarm, "the alarm")


def test_agent_killed_again_and_again_loses_nothing(
    agent: AgentProcess, control: Control, subscriber: Subscriber
):
    controller = control(6000, 0.0005)
    for kill in range(1, 6):
        eventually(lambda n=kill * 1000: controller.n_accepted() >= n, "planes")
        agent.kill()
        agent.start()

    assert subscriber.wait_for(controller.acquisition, 6002) == list(range(6000))
    assert controller.process.wait(30) == 0


def test_agent_that_hangs_is_asked_again(
    agent: AgentProcess, control: Control, subscriber: Subscriber
):
    controller = control(3000, 0.0005)
    eventually(lambda: controller.n_accepted() >= 500, "planes")
    agent.send(signal.SIGSTOP)
    eventually(lambda: controller.n_accepted() >= 2500, "planes while the agent hangs")
    agent.send(signal.SIGCONT)

    assert subscriber.wait_for(controller.acquisition, 3002) == list(range(3000))


def test_controller_killed_has_all_its_planes_in_the_journal(
    agent: AgentProcess, control: Control, subscriber: Subscriber
):
    controller = control(100_000, 0.0002)
    eventually(lambda: controller.n_accepted() >= 2000, "planes")
    controller.close()
    accepted = controller.n_accepted()
    done = agent.spool_dir / f"{controller.acquisition}.done"
    eventually(done.exists, "the spool is taken over")

    times = subscriber.pull(controller.acquisition)

    # One event may have been written when the kill came before `register_image` returned.
    assert len(times) - accepted in (0, 1)
    assert times == list(range(len(times)))


def test_controller_killed_while_the_agent_is_away_is_adopted_later(
    idle_agent: AgentProcess, control: Control, subscriber: Subscriber
):
    controller = control(100_000, 0.0)
    eventually(lambda: controller.n_accepted() >= 5000, "planes")
    controller.close()
    accepted = controller.n_accepted()

    idle_agent.start()
    done = idle_agent.spool_dir / f"{controller.acquisition}.done"
    eventually(done.exists, "the spool is taken over")

    times = subscriber.pull(controller.acquisition)
    assert len(times) - accepted in (0, 1)
    assert times == list(range(len(times)))


def test_acquisition_of_a_killed_controller_runs_on_with_its_controller_gone(
    agent: AgentProcess, control: Control, subscriber: Subscriber
):
    controller = control(100_000, 0.01)
    eventually(lambda: subscriber.summary(controller.acquisition) is not None, "the start")
    controller.close()

    def is_told() -> bool:
        summary = subscriber.summary(controller.acquisition)
        return summary is not None and (summary.state, summary.controller) == ("running", "gone")

    eventually(is_told, "running, with its controller gone")


def test_controller_that_hangs_is_silent_and_then_live_again(
    agent: AgentProcess, control: Control, subscriber: Subscriber
):
    controller = control(100_000, 0.01)
    eventually(lambda: subscriber.summary(controller.acquisition) is not None, "the start")

    def is_state(state: str) -> bool:
        summary = subscriber.summary(controller.acquisition)
        return summary is not None and summary.controller == state

    controller.send(signal.SIGSTOP)
    eventually(lambda: is_state("silent"), f"silent after {SILENT_AFTER_S} s")
    controller.send(signal.SIGCONT)
    eventually(lambda: is_state("live"), "live")


def test_a_held_spool_is_left_alone_when_the_agent_restarts(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    acquisition = start()
    assert acquisition.wait_delivered(30)
    agent.kill()
    agent.start()
    for t in range(100):
        acquisition.register_image(t, 0, 0, 0, "/data/a.tif")

    assert subscriber.wait_for(acquisition.id, 101) == list(range(100))
    assert (agent.spool_dir / f"{acquisition.id}.spool").exists()


def test_a_clean_stop_commits_and_exits_with_0(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    acquisition = start()
    for t in range(1000):
        acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
    assert acquisition.wait_delivered(30)

    assert agent.terminate() == 0

    agent.start()
    assert subscriber.pull(acquisition.id) == list(range(1000))
