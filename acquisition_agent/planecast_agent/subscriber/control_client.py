"""State and commands for scripts and the command line: asks, and waits for the answer."""

import queue
import threading
import time
from collections.abc import Mapping
from typing import Self

from planecast_agent.subscriber.command_calls import GRACE_S
from planecast_agent.subscriber.control_follower import ControlFollower
from planecast_agent.subscriber.control_picture import ControlPicture
from planecast_protocol.arguments import check_arguments
from planecast_protocol.command_messages import CommandAnswer, CommandSpec, Outcome
from planecast_protocol.endpoints import default_agent_address
from planecast_protocol.errors import (
    AgentUnreachableError,
    CommandError,
    CommandFailedError,
    CommandLostError,
    CommandRefusedError,
    CommandTimeoutError,
)
from planecast_protocol.limits import MAX_COMMAND_S
from planecast_protocol.state_messages import ControllerState
from planecast_protocol.values import Scalar, Value

ANSWER_TIMEOUT_S = 5.0

_ERRORS: dict[Outcome, type[CommandError]] = {
    "refused": CommandRefusedError,
    "failed": CommandFailedError,
    "timeout": CommandTimeoutError,
    "lost": CommandLostError,
}


class ControlClient:
    """Looks at controllers and sends them commands. Any thread may call the methods."""

    def __init__(self, agent: str | None = None, *, sender: str = "") -> None:
        """Connect to the agent at this address. Raises `EndpointError` for a malformed one."""
        self._address = agent or default_agent_address()
        self._changed = threading.Condition()
        self._follower = ControlFollower(self._address, on_change=self._on_change, sender=sender)
        self._follower.start()

    def picture(self, timeout_s: float = ANSWER_TIMEOUT_S) -> ControlPicture:
        """Return all controllers, their state and commands, and who lives.

        Raises `AgentUnreachableError` if the agent does not answer in time.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._follower.picture.agent != "live":
                if not self._changed.wait(deadline - time.monotonic()):
                    raise AgentUnreachableError(
                        f"no agent answers at {self._address}; start one: planecast agent"
                    )
            return self._follower.picture

    def wait_for_change(self, seen: ControlPicture, timeout_s: float) -> ControlPicture:
        """Return a picture other than `seen`, or the same if there is none in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._follower.picture is not seen, timeout_s)
            return self._follower.picture

    def find(self, controller: str) -> ControllerState:
        """Return the controller of this name or id; of several of a name the one that lives.

        Raises `CommandRefusedError` if there is none, or more than one.
        """
        return choose_controller(self.picture(), controller)

    def command(
        self,
        controller: str,
        name: str,
        arguments: Mapping[str, Scalar] | None = None,
        *,
        timeout_s: float = 5.0,
    ) -> Value:
        """Have a controller, by its name or id, carry out a command; return its answer.

        Raises `CommandRefusedError`, `CommandFailedError`, `CommandTimeoutError` or
        `CommandLostError`, and `AgentUnreachableError`.
        """
        if not 0 < timeout_s <= MAX_COMMAND_S:
            raise CommandRefusedError(f"timeout_s {timeout_s}: 0 to {MAX_COMMAND_S:.0f} s")
        found = self.find(controller)
        answers: queue.SimpleQueue[CommandAnswer] = queue.SimpleQueue()
        given = check_arguments(spec_of(found, name), arguments or {})
        self._follower.send(found.controller, name, given, timeout_s, answers.put)
        try:
            answer = answers.get(timeout=timeout_s + 2 * GRACE_S)
        except queue.Empty:
            raise CommandLostError(f"{found.name}, {name}: closed before the answer came") from None
        if answer.outcome != "done":
            raise _ERRORS[answer.outcome](f"{found.name}, {name}: {answer.why}")
        return answer.value

    def close(self) -> None:
        """Let go of the agent. May be called twice."""
        self._follower.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _on_change(self) -> None:
        with self._changed:
            self._changed.notify_all()


def choose_controller(picture: ControlPicture, wanted: str) -> ControllerState:
    """Return the controller of this name or id. Raises `CommandRefusedError`."""
    named = [one for one in picture.controllers if wanted in (one.name, one.controller)]
    alive = [one for one in named if one.life != "gone"] or named
    if len(alive) == 1:
        return alive[0]
    if not alive:
        there = ", ".join(sorted({one.name for one in picture.controllers})) or "none"
        raise CommandRefusedError(f"there is no controller {wanted}; there are: {there}")
    ids = ", ".join(f"{one.controller} (process {one.pid} on {one.host})" for one in alive)
    raise CommandRefusedError(f"several controllers are named {wanted}: choose by id: {ids}")


def spec_of(controller: ControllerState, name: str) -> CommandSpec:
    """Return how a controller declared a command. Raises `CommandRefusedError`."""
    for spec in controller.commands:
        if spec.name == name:
            return spec
    accepts = ", ".join(spec.name for spec in controller.commands) or "none"
    raise CommandRefusedError(f"{controller.name} accepts no {name}; it accepts: {accepts}")
