"""Commands: each is begun once at most, and everyone who sends one learns how it ended."""

import signal
import threading
from typing import Literal

import msgspec
import pytest
from agent_rig import TIMEOUT_S, AgentProcess, eventually
from control_rig import Asked, RawSender, StageProcess, value_of, wait_for_life, wait_until_declared

from planecast_agent.controller import Controller
from planecast_agent.handlers import Handler
from planecast_agent.subscriber.control_client import ControlClient
from planecast_protocol.errors import (
    CommandFailedError,
    CommandLostError,
    CommandRefusedError,
    CommandTimeoutError,
)
from planecast_protocol.limits import MAX_COMMANDS_WAITING
from planecast_protocol.values import Scalar


def test_a_command_is_done_and_answered(stage: StageProcess, client: ControlClient):
    answer = client.command("Squid", "set_exposure", {"ms": 25, "channel": "DAPI"})

    assert answer == {"ms": 25.0, "channel": "DAPI"}
    assert stage.begun() == ["set_exposure 25.0"]


def test_what_is_left_out_has_its_default(stage: StageProcess, client: ControlClient):
    assert client.command("Squid", "set_exposure", {"ms": 1}) == {"ms": 1.0, "channel": "BF"}


def test_what_a_controller_accepts_is_announced(stage: StageProcess, client: ControlClient):
    specs = {spec.name: spec for spec in client.find("Squid").commands}

    assert list(specs) == ["set_exposure", "wait_for", "fail", "decline"]
    assert specs["set_exposure"].text == "Expose for so long."
    ms, channel = specs["set_exposure"].arguments
    assert (ms.name, ms.kind, ms.required, ms.minimum, ms.maximum) == (
        "ms",
        "float",
        True,
        0.1,
        1000,
    )
    assert (channel.kind, channel.choices, channel.default) == ("choice", ["BF", "DAPI"], "BF")


REFUSED: dict[str, tuple[str, dict[str, Scalar], str]] = {
    "no handler": ("home", {}, "accepts no home; it accepts: set_exposure, wait_for"),
    "argument missing": ("set_exposure", {}, "needs ms"),
    "argument unknown": ("set_exposure", {"ms": 1, "s": 2}, "no argument s"),
    "another type": ("set_exposure", {"ms": "long"}, "must be a number, 0.1 to 1000"),
    "out of range": ("set_exposure", {"ms": 0}, "must be a number, 0.1 to 1000"),
    "no such choice": ("set_exposure", {"ms": 1, "channel": "GFP"}, "one of BF, DAPI"),
    "by its handler": ("decline", {}, "not while it acquires"),
}


@pytest.mark.parametrize(("name", "arguments", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_a_command_is_refused(
    stage: StageProcess,
    client: ControlClient,
    name: str,
    arguments: dict[str, Scalar],
    why: str,
):
    with pytest.raises(CommandRefusedError, match=why):
        client.command("Squid", name, arguments)
    assert stage.begun() == (["decline"] if name == "decline" else [])


@pytest.mark.parametrize(("name", "arguments", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_the_agent_refuses_what_its_sender_did_not_check(
    stage: StageProcess, raw: RawSender, name: str, arguments: dict[str, Scalar], why: str
):
    raw.send(raw.order(name, arguments))

    answer = raw.answer()
    assert answer.outcome == "refused"
    assert why in answer.why


def test_an_unknown_controller_is_refused(client: ControlClient, stage: StageProcess):
    with pytest.raises(CommandRefusedError, match="no controller Ti2; there are: Squid"):
        client.command("Ti2", "home")


def test_a_handler_that_raises_has_failed(stage: StageProcess, client: ControlClient):
    with pytest.raises(CommandFailedError, match="RuntimeError: the stage is at its limit"):
        client.command("Squid", "fail")

    assert client.command("Squid", "set_exposure", {"ms": 1}) == {"ms": 1.0, "channel": "BF"}


def test_an_answer_that_cant_be_sent_is_done_all_the_same(
    agent: AgentProcess, controller: Controller, client: ControlClient
):
    controller.on_command("snap", object)
    wait_until_declared(client, "Ti2")

    assert client.command("Ti2", "snap") is None


def test_handlers_never_run_two_at_once(
    agent: AgentProcess, controller: Controller, client: ControlClient
):
    running = threading.Lock()
    overlapped: list[int] = []
    begun: list[int] = []

    def measure(number: int) -> int:
        if not running.acquire(blocking=False):
            overlapped.append(number)
            return -1
        begun.append(number)
        threading.Event().wait(0.02)
        running.release()
        return number

    controller.on_command("measure", measure)
    wait_until_declared(client, "Ti2")
    asked = [Asked(client, "measure", {"number": number}, controller="Ti2") for number in range(12)]

    assert [one.wait() for one in asked] == list(range(12))
    assert sorted(begun) == list(range(12))
    assert not overlapped


def test_a_later_handler_takes_the_place_of_the_first(
    agent: AgentProcess, controller: Controller, client: ControlClient
):
    controller.on_command("which", lambda: "first")
    wait_until_declared(client, "Ti2")
    assert client.command("Ti2", "which") == "first"

    controller.on_command("which", lambda: "second")

    assert client.command("Ti2", "which") == "second"


# ---------------------------------------------------------------- time


def test_a_command_that_takes_too_long_times_out_and_others_behind_it_never_begin(
    agent: AgentProcess, stage: StageProcess, client: ControlClient
):
    gate = agent.folder / "gate"
    slow = Asked(client, "wait_for", {"path": str(gate)}, timeout_s=2.0)
    eventually(lambda: len(stage.begun()) == 1, "the slow one has begun")

    with pytest.raises(CommandTimeoutError, match="not begun in time and will not be: wait_for"):
        client.command("Squid", "set_exposure", {"ms": 1}, timeout_s=0.5)
    late = slow.wait()
    assert isinstance(late, CommandTimeoutError)
    assert "its controller has begun it" in late.message

    gate.touch()
    assert client.command("Squid", "set_exposure", {"ms": 3}) == {"ms": 3.0, "channel": "BF"}
    assert stage.begun() == [f"wait_for {gate}", "set_exposure 3.0"]


def test_a_command_is_not_carried_out_late_by_a_controller_that_hung(
    stage: StageProcess, client: ControlClient
):
    stage.send(signal.SIGSTOP)
    # It may have fetched the command just before it hung.
    with pytest.raises(CommandTimeoutError):
        client.command("Squid", "set_exposure", {"ms": 1}, timeout_s=0.5)
    stage.send(signal.SIGCONT)

    assert client.command("Squid", "set_exposure", {"ms": 2}) == {"ms": 2.0, "channel": "BF"}
    assert stage.begun() == ["set_exposure 2.0"]


def test_a_command_whose_time_has_passed_is_refused(stage: StageProcess, raw: RawSender):
    raw.send(raw.order("set_exposure", {"ms": 1}, in_s=-0.001))

    answer = raw.answer()
    assert answer.outcome == "refused"
    assert "its time had passed" in answer.why
    assert stage.begun() == []


def test_a_command_for_longer_than_any_is_refused(stage: StageProcess, raw: RawSender):
    raw.send(raw.order("set_exposure", {"ms": 1}, in_s=1e6))

    assert "3600 s at most" in raw.answer().why


def test_a_silent_controller_is_refused_at_once(stage: StageProcess, client: ControlClient):
    stage.send(signal.SIGSTOP)
    wait_for_life(client, stage.process.pid, "silent")

    with pytest.raises(CommandRefusedError, match="controller Squid is silent for"):
        client.command("Squid", "set_exposure", {"ms": 1}, timeout_s=TIMEOUT_S)
    stage.send(signal.SIGCONT)
    assert stage.begun() == []


def test_a_dead_controller_is_refused_at_once(
    stage: StageProcess, client: ControlClient, raw: RawSender
):
    order = raw.order("set_exposure", {"ms": 1})
    stage.kill()
    raw.send(order)

    answer = raw.answer()
    assert answer.outcome == "refused"
    assert "has gone" in answer.why or "ended before it could begin" in answer.why


def test_commands_that_wait_are_bounded(agent: AgentProcess, stage: StageProcess, raw: RawSender):
    raw.send(raw.order("wait_for", {"path": str(agent.folder / "gate")}))
    eventually(lambda: len(stage.begun()) == 1, "it has begun")
    orders = [raw.order("set_exposure", {"ms": 1}) for _ in range(MAX_COMMANDS_WAITING)]

    for order in orders:
        raw.send(order)

    answer = raw.answer()
    assert answer.command == orders[-1].command
    assert f"{MAX_COMMANDS_WAITING} commands wait for Squid already" in answer.why


def test_arguments_are_bounded(
    agent: AgentProcess, controller: Controller, client: ControlClient, raw: RawSender
):
    names = [f"text_{number}" for number in range(10)]
    declared = f"def talk({', '.join(f'{name}: str' for name in names)}): pass"
    handlers: dict[str, Handler] = {}
    exec(declared, handlers)
    controller.on_command("talk", handlers["talk"])
    wait_until_declared(client, "Ti2")

    raw.send(raw.order("talk", dict.fromkeys(names, "x" * 4000)))

    assert "bytes of arguments are possible" in raw.answer().why


# ---------------------------------------------------------------- sent again


def test_a_command_that_is_sent_again_is_carried_out_once(
    agent: AgentProcess, stage: StageProcess, raw: RawSender
):
    order = raw.order("set_exposure", {"ms": 1})
    for request in range(5):
        raw.send(msgspec.structs.replace(order, request=request))
    answers = [raw.answer()]
    assert answers[0].outcome == "done"

    other = RawSender(agent.address)
    try:
        other.send(msgspec.structs.replace(order, request=77))
        again = other.answer()
    finally:
        other.close()

    assert again.request == 77
    assert again.value == answers[0].value == {"ms": 1.0, "channel": "BF"}
    assert stage.begun() == ["set_exposure 1.0"]


def test_the_answer_goes_where_the_command_was_sent_from_last(
    agent: AgentProcess, stage: StageProcess, raw: RawSender
):
    gate = agent.folder / "gate"
    order = raw.order("wait_for", {"path": str(gate)})
    raw.send(order)
    eventually(lambda: len(stage.begun()) == 1, "it has begun")
    raw.close()

    other = RawSender(agent.address)
    try:
        other.send(order)
        # In order: this answer shows that the one before it was taken.
        other.snapshot()
        gate.touch()
        assert other.answer().value == "it is there"
    finally:
        other.close()
    assert len(stage.begun()) == 1


# ---------------------------------------------------------------- what is lost


def test_an_agent_that_is_killed_loses_what_has_begun_and_says_so(
    agent: AgentProcess, stage: StageProcess, client: ControlClient
):
    gate = agent.folder / "gate"
    asked = Asked(client, "wait_for", {"path": str(gate)})
    eventually(lambda: len(stage.begun()) == 1, "it has begun")
    agent.kill()
    agent.start()

    lost = asked.wait()
    assert isinstance(lost, CommandLostError)
    assert "the agent has restarted: it is not known" in lost.message
    gate.touch()
    wait_until_declared(client, "Squid")
    assert client.command("Squid", "set_exposure", {"ms": 5}) == {"ms": 5.0, "channel": "BF"}
    assert stage.begun() == [f"wait_for {gate}", "set_exposure 5.0"]


def test_a_controller_that_is_killed_loses_what_has_begun(
    agent: AgentProcess, stage: StageProcess, client: ControlClient
):
    asked = Asked(client, "wait_for", {"path": str(agent.folder / "never")})
    eventually(lambda: len(stage.begun()) == 1, "it has begun")
    behind = Asked(client, "set_exposure", {"ms": 1})
    stage.kill()

    lost, refused = asked.wait(), behind.wait()
    assert isinstance(lost, CommandLostError)
    assert "it is not known how far it got" in lost.message
    assert isinstance(refused, CommandRefusedError)


def test_an_absent_agent_is_said(agent: AgentProcess, stage: StageProcess, client: ControlClient):
    known = client.find("Squid")
    agent.send(signal.SIGSTOP)
    asked = Asked(client, "set_exposure", {"ms": 1}, timeout_s=0.3, controller=known.controller)

    answer = asked.wait()
    assert isinstance(answer, CommandLostError)
    assert "the agent does not answer" in answer.message


# ---------------------------------------------------------------- closing


def test_a_handler_may_close_its_controller(agent: AgentProcess, client: ControlClient):
    controller = Controller("Ti2", agent=agent.address)
    closed = threading.Event()

    def end() -> None:
        controller.close()
        closed.set()

    controller.on_command("end", end)
    wait_until_declared(client, "Ti2")
    asked = Asked(client, "end", controller="Ti2")

    assert closed.wait(TIMEOUT_S)
    asked.wait()
    controller.close()


def test_a_command_that_runs_while_its_controller_closes_is_answered(
    agent: AgentProcess, client: ControlClient
):
    controller = Controller("Ti2", agent=agent.address)
    begun, goes_on = threading.Event(), threading.Event()

    def measure(kind: Literal["a", "b"]) -> str:
        begun.set()
        goes_on.wait(TIMEOUT_S)
        return kind

    controller.on_command("measure", measure)
    wait_until_declared(client, "Ti2")
    asked = Asked(client, "measure", {"kind": "b"}, controller="Ti2")
    assert begun.wait(TIMEOUT_S)
    threading.Timer(0.1, goes_on.set).start()
    controller.close()

    assert asked.wait() == "b"
    assert value_of(client, "Ti2", "none") is None
