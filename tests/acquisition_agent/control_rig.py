"""What the tests of state and commands need: controllers in processes, and raw senders."""

import secrets
import signal
import subprocess
import sys
import threading
from pathlib import Path

import zmq
from agent_rig import TIMEOUT_S, AgentProcess, eventually

from planecast_agent.subscriber.control_client import ControlClient
from planecast_protocol.command_messages import CommandAnswer, SendCommand
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.errors import CommandError
from planecast_protocol.messages import AnyMessage, decode, encode
from planecast_protocol.sockets import client_socket
from planecast_protocol.state_messages import ControllerState, FetchState, PartState, StateSnapshot
from planecast_protocol.values import Scalar, Value

STAGE = Path(__file__).with_name("stage_program.py")
VIEWER = Path(__file__).with_name("viewer_part_program.py")


class Program:
    """A program of the tests that prints `ready` and ends when its input does."""

    def __init__(self, script: Path, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT_S)

    def end(self) -> None:
        """Let it come to its end, as a program does that is closed."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(TIMEOUT_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()


class StageProcess(Program):
    """`stage_program.py`: a controller that accepts commands and notes what it begins."""

    def __init__(self, agent: AgentProcess) -> None:
        self.journal = agent.folder / f"journal-{secrets.token_hex(4)}"
        super().__init__(STAGE, agent.address, self.journal)

    def begun(self) -> list[str]:
        """Return what its handlers have begun, in order."""
        return self.journal.read_text().splitlines() if self.journal.exists() else []


def controller_of(client: ControlClient, name: str) -> ControllerState | None:
    """Return the newest controller of this name."""
    named = [one for one in client.picture().controllers if one.name == name]
    return named[-1] if named else None


def value_of(client: ControlClient, controller: str, name: str) -> Value:
    """Return a state value; `None` where it is not there."""
    known = controller_of(client, controller)
    entries = [] if known is None else known.values
    return next((entry.value for entry in entries if entry.name == name), None)


def wait_until_declared(client: ControlClient, controller: str) -> None:
    """Wait until a controller lives and its commands are known."""

    def declared() -> bool:
        known = controller_of(client, controller)
        return known is not None and known.life == "live" and bool(known.commands)

    eventually(declared, f"the commands of {controller}")


def part_of(client: ControlClient, pid: int) -> PartState | None:
    """Return the part whose process this is."""
    return next((one for one in client.picture().parts if one.part.pid == pid), None)


def wait_for_life(client: ControlClient, pid: int, life: str) -> PartState:
    """Wait until a part is live, silent or gone."""
    eventually(
        lambda: (part := part_of(client, pid)) is not None and part.life == life,
        f"process {pid} is {life}",
    )
    part = part_of(client, pid)
    assert part is not None
    return part


class Asked:
    """A command that was sent by a thread of its own, because its answer comes later."""

    def __init__(
        self,
        client: ControlClient,
        name: str,
        arguments: dict[str, Scalar] | None = None,
        timeout_s: float = 20.0,
        controller: str = "Squid",
    ) -> None:
        self.answer: Value | CommandError = None
        self._ask = (client, controller, name, arguments, timeout_s)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        client, controller, name, arguments, timeout_s = self._ask
        try:
            self.answer = client.command(controller, name, arguments, timeout_s=timeout_s)
        except CommandError as trouble:
            self.answer = trouble

    def wait(self) -> Value | CommandError:
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive()
        return self.answer


class RawSender:
    """A peer of the door that sends just what a test says."""

    def __init__(self, address: str) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.door = client_socket(self._context, zmq.DEALER, AgentAddress.parse(address).door)

    def send(self, message: AnyMessage) -> None:
        self.door.send(encode(message))

    def receive(self) -> AnyMessage:
        assert self.door.poll(TIMEOUT_S * 1000), "no answer"
        return decode(self.door.recv())

    def ask(self, message: AnyMessage) -> AnyMessage:
        self.send(message)
        return self.receive()

    def snapshot(self) -> StateSnapshot:
        answer = self.ask(FetchState(request=1))
        assert isinstance(answer, StateSnapshot)
        return answer

    def order(self, name: str, arguments: dict[str, Scalar], in_s: float = 20.0) -> SendCommand:
        """Return a command for the one controller that there is."""
        snapshot = self.snapshot()
        return SendCommand(
            request=2,
            command=secrets.token_hex(16),
            boot=snapshot.boot,
            expires_at_s=snapshot.clock_s + in_s,
            controller=snapshot.controllers[-1].controller,
            name=name,
            arguments=arguments,
            sender="a test",
        )

    def answer(self) -> CommandAnswer:
        answer = self.receive()
        assert isinstance(answer, CommandAnswer), answer
        return answer

    def close(self) -> None:
        self.door.close()
        self._context.term()
