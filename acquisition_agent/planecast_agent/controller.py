"""The controller's side of state and commands: what it shows, and what it lets be asked of it."""

import os
import socket
from collections.abc import Mapping
from typing import Any, Self

import msgspec

from planecast_agent.command_runner import CommandRunner
from planecast_agent.controller_link import ControllerLink
from planecast_agent.handlers import Handler, describe_handler
from planecast_agent.state_book import StateBook
from planecast_protocol.base import Name
from planecast_protocol.endpoints import default_agent_address
from planecast_protocol.errors import StateError
from planecast_protocol.keys.trust import new_id
from planecast_protocol.limits import CLOSE_TIMEOUT_S
from planecast_protocol.state_messages import Part


class Controller:
    """A program that drives a microscope, as viewers see it. Any thread may call the methods.

    None of them waits for the network: an absent agent is told everything when it comes.
    """

    def __init__(self, name: str, *, agent: str | None = None, identity: str | None = None) -> None:
        """Be seen as `name`. `agent` is the agent's address; it need not be running.

        `identity` is the publisher of an acquisition that this controller is the same as.
        Raises `StateError` for a name that can't be, `EndpointError` for a malformed address.
        """
        try:
            msgspec.convert(name, Name)
        except msgspec.ValidationError as trouble:
            raise StateError(f"controller {name!r}: {trouble}") from None
        address = agent or default_agent_address()
        self.id = identity or new_id(address)
        self._process = os.getpid()
        self._book = StateBook()
        self._runner = CommandRunner(self.id, self._on_outcome)
        part = Part(
            part=self.id,
            kind="controller",
            name=name,
            host=socket.gethostname(),
            pid=self._process,
        )
        self._link = ControllerLink(part, address, self._book, self._runner)

    @property
    def connected(self) -> bool:
        """Whether the agent was heard lately."""
        return self._link.connected

    @property
    def alarm(self) -> str:
        """What an operator must know; empty: nothing."""
        return self._link.alarm

    def publish_state(self, name: str, value: object) -> None:
        """Show `value` under `name`, in the place of the last one.

        Text, a number, true or false, None, a short list or a flat map of these; 4 KiB at most.
        It is kept for viewers that come later. Values that are set faster than they travel are
        left out, never the last. Raises `StateError` for a value that can't be sent, and in a
        forked process.
        """
        self._check_process()
        self._book.set(name, value)
        self._link.wake()

    def on_command(
        self,
        name: str,
        handler: Handler,
        *,
        arguments: Mapping[str, Any] | None = None,
        confirm: bool | None = None,
        text: str | None = None,
    ) -> None:
        """Let viewers send the command `name`, and call `handler` with its arguments.

        Their names and types come from the handler's annotations: int, float, str, bool, a
        `Literal`, with `Annotated[float, msgspec.Meta(ge=0, le=10)]` for bounds; or from
        `arguments`, name to type. `confirm` asks people before the command is sent; by default
        for names that begin with move, home or stage. `text` says what it does; by default the
        first line of the handler's docstring.

        The handler runs in a thread of its own, never two at once. What it returns is the
        answer, an error that it raises too; `CommandRefusedError` says that nothing was done.
        Raises `StateError` for a handler that can't be described.
        """
        self._check_process()
        spec = describe_handler(name, handler, arguments, confirm=confirm, text=text)
        self._book.declare(spec)
        self._runner.register(spec, handler)
        self._link.wake()

    def close(self) -> None:
        """Bring the last values to the agent, say goodbye and end the threads.

        Waits for a running handler and for the agent, `CLOSE_TIMEOUT_S` each at most. May be
        called twice.
        """
        if os.getpid() == self._process:
            self._runner.close(CLOSE_TIMEOUT_S)
            self._link.close(CLOSE_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _on_outcome(self) -> None:
        self._link.wake()

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise StateError(
                f"this controller belongs to process {self._process}, this is a fork of it: "
                "make a Controller of its own here"
            )
