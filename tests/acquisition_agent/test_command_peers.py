"""Commands between an odd controller or agent and a good other end."""

import secrets
from collections.abc import Iterator

import pytest
import zmq
from agent_rig import TIMEOUT_S, AgentProcess
from control_rig import RawSender

from planecast_agent.controller import Controller
from planecast_protocol.command_messages import (
    CommandOrder,
    CommandOutcome,
    CommandSpec,
    CommandWaiting,
    NoCommand,
    OutcomeTaken,
    TakeCommand,
)
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.messages import AnyMessage, decode, encode
from planecast_protocol.sockets import server_socket
from planecast_protocol.state_messages import ControllerReport, ReportTaken
from planecast_protocol.values import Value

# ---------------------------------------------------------------- a controller that is odd


class FakeController:
    """Accepts `go`, and does as a test says."""

    def __init__(self, address: str) -> None:
        self._sender = RawSender(address)
        self.identity = secrets.token_hex(16)
        self._sender.ask(
            ControllerReport(
                request=1,
                controller=self.identity,
                name="odd",
                after=0,
                revision=1,
                commands=[CommandSpec(name="go")],
            )
        )

    def take(self) -> AnyMessage:
        """Ask for the next command."""
        self._sender.send(TakeCommand(request=5, controller=self.identity))
        return self._next(CommandOrder | NoCommand)

    def wait(self) -> None:
        """Wait until there is a command."""
        self._next(CommandWaiting)

    def _next(self, kind: type[AnyMessage]) -> AnyMessage:
        while not isinstance(message := self._sender.receive(), kind):
            pass
        return message

    def do(self, command: str, value: Value) -> None:
        """Take a command and say that it is done."""
        self.wait()
        order = self.take()
        assert isinstance(order, CommandOrder)
        assert order.command == command
        self._sender.send(
            CommandOutcome(controller=self.identity, command=command, outcome="done", value=value)
        )
        assert self._next(OutcomeTaken) == OutcomeTaken(command=command)

    def close(self) -> None:
        self._sender.close()


@pytest.fixture
def fake_controller(agent: AgentProcess) -> Iterator[FakeController]:
    """Be a controller oneself."""
    one = FakeController(agent.address)
    yield one
    one.close()


def test_a_long_answer_is_left_out(fake_controller: "FakeController", raw: RawSender):
    order = raw.order("go", {})
    raw.send(order)

    fake_controller.do(order.command, value=["x" * 4000] * 60)

    answer = raw.answer()
    assert (answer.outcome, answer.value) == ("done", None)
    assert "longer than" in answer.why


def test_another_controllers_outcome_is_none(fake_controller: FakeController, raw: RawSender):
    order = raw.order("go", {})
    raw.send(order)
    raw.send(
        CommandOutcome(controller="cd" * 16, command=order.command, outcome="done", value="ours")
    )
    assert raw.receive() == OutcomeTaken(command=order.command)

    fake_controller.do(order.command, value="theirs")

    assert raw.answer().value == "theirs"


def test_who_takes_a_command_twice_gets_the_same_one(
    fake_controller: FakeController, raw: RawSender
):
    first, second = raw.order("go", {}), raw.order("go", {})
    raw.send(first)
    raw.send(second)

    fake_controller.wait()
    fake_controller.wait()

    taken = [fake_controller.take(), fake_controller.take()]

    assert [isinstance(one, CommandOrder) and one.command for one in taken] == [first.command] * 2


# ---------------------------------------------------------------- an agent that forgets


@pytest.fixture
def fake_agent(idle_agent: AgentProcess) -> Iterator["FakeAgent"]:
    """Be the agent oneself."""
    one = FakeAgent(idle_agent.address)
    yield one
    one.close()


class FakeAgent:
    """Answers a controller as a test says."""

    def __init__(self, address: str) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.door = server_socket(self._context, zmq.ROUTER, AgentAddress.parse(address).door)
        self.who = b""

    def next(self, kind: type[AnyMessage]) -> AnyMessage:
        """Wait for a message of this kind; take every report meanwhile."""
        while True:
            assert self.door.poll(TIMEOUT_S * 1000)
            self.who, frame = self.door.recv_multipart()
            message = decode(frame)
            if isinstance(message, ControllerReport):
                self.say(ReportTaken(request=message.request, revision=message.revision, boot="b"))
            if isinstance(message, kind):
                return message

    def say(self, message: AnyMessage) -> None:
        self.door.send_multipart([self.who, encode(message)])

    def give(self, command: str, name: str, remaining_s: float = 20.0) -> None:
        """Let the controller take a command."""
        self.say(CommandWaiting())
        question = self.next(TakeCommand)
        assert isinstance(question, TakeCommand)
        self.say(
            CommandOrder(
                request=question.request, command=command, name=name, remaining_s=remaining_s
            )
        )

    def outcome(self, command: str) -> CommandOutcome:
        """Wait for the outcome of a command."""
        while True:
            outcome = self.next(CommandOutcome)
            assert isinstance(outcome, CommandOutcome)
            self.say(OutcomeTaken(command=outcome.command))
            if outcome.command == command:
                return outcome

    def close(self) -> None:
        self.door.close()
        self._context.term()


def test_a_command_that_is_given_twice_is_carried_out_once(
    fake_agent: FakeAgent, controller: Controller
):
    begun: list[int] = []
    controller.on_command("count", lambda: begun.append(1) or len(begun))
    command = secrets.token_hex(16)
    fake_agent.next(ControllerReport)

    for _ in range(3):
        fake_agent.give(command, "count")
        outcome = fake_agent.outcome(command)
        assert (outcome.outcome, outcome.value) == ("done", 1)
    other = secrets.token_hex(16)
    fake_agent.give(other, "count")

    assert fake_agent.outcome(other).value == 2


def test_an_outcome_is_told_until_it_is_taken(fake_agent: FakeAgent, controller: Controller):
    controller.on_command("go", lambda: None)
    command = secrets.token_hex(16)
    fake_agent.next(ControllerReport)
    fake_agent.give(command, "go")

    told = [fake_agent.next(CommandOutcome) for _ in range(3)]

    assert all(isinstance(one, CommandOutcome) and one.command == command for one in told)
    fake_agent.outcome(command)


def test_a_controller_does_not_begin_what_is_too_late(
    fake_agent: FakeAgent, controller: Controller
):
    begun: list[int] = []
    controller.on_command("go", lambda: begun.append(1))
    command = secrets.token_hex(16)
    fake_agent.next(ControllerReport)

    fake_agent.give(command, "go", remaining_s=0.0)

    outcome = fake_agent.outcome(command)
    assert outcome.outcome == "refused"
    assert "its time had passed" in outcome.why
    assert begun == []


def test_a_controller_refuses_what_it_has_no_handler_for(
    fake_agent: FakeAgent, controller: Controller
):
    controller.on_command("go", lambda: None)
    command = secrets.token_hex(16)
    fake_agent.next(ControllerReport)

    fake_agent.give(command, "format_disk")

    outcome = fake_agent.outcome(command)
    assert (outcome.outcome, outcome.why) == ("refused", "there is no handler for format_disk")
