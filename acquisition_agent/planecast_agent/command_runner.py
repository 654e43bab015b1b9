"""Runs a controller's handlers, one command at a time, in a thread of its own."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal, NamedTuple

from planecast_agent.handlers import Handler
from planecast_agent.state_book import plain_value
from planecast_protocol.arguments import check_arguments
from planecast_protocol.command_messages import CommandOrder, CommandOutcome, CommandSpec
from planecast_protocol.errors import CommandRefusedError, StateError
from planecast_protocol.limits import MAX_TEXT_CHARS

MAX_REMEMBERED = 1024
"""Outcomes that are remembered: a command that comes again is answered, not run again."""

logger = logging.getLogger(__name__)


class _Accepted(NamedTuple):
    spec: CommandSpec
    handler: Handler


class CommandRunner:
    """Knows the handlers. `register` is for any thread, the rest for the link's."""

    def __init__(self, controller: str, on_outcome: Callable[[], None]) -> None:
        self._controller = controller
        self._on_outcome = on_outcome
        self._accepted: dict[str, _Accepted] = {}
        self._state = threading.Condition()
        self._order: tuple[CommandOrder, float] | None = None
        self._running = ""
        self._outcomes: OrderedDict[str, CommandOutcome] = OrderedDict()
        self._closing = False
        self._thread: threading.Thread | None = None

    def register(self, spec: CommandSpec, handler: Handler) -> None:
        """Accept this command from now on; a later handler of the same name takes its place."""
        with self._state:
            self._accepted[spec.name] = _Accepted(spec, handler)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="planecast-commands", daemon=True
                )
                self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether a command could begin now."""
        with self._state:
            return self._thread is not None and not self._running and not self._closing

    def outcome(self, command: str) -> CommandOutcome | None:
        """Return how a command went; `None`: it never came, or is not over."""
        with self._state:
            return self._outcomes.get(command)

    def take(self, order: CommandOrder, deadline: float) -> CommandOutcome | None:
        """Begin the command, or return its outcome if it came before.

        It is not begun later than `deadline`, on the monotonic clock.
        """
        with self._state:
            known = self._outcomes.get(order.command)
            if known is None and not self._running:
                self._running = order.command
                self._order = (order, deadline)
                self._state.notify()
            return known

    def close(self, timeout_s: float) -> None:
        """Begin no more. Waits for the running handler; one that hangs is left behind."""
        with self._state:
            self._closing = True
            self._state.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(lambda: self._order is not None or self._closing)
                if self._order is None:
                    return
                (order, deadline), self._order = self._order, None
                accepted = self._accepted.get(order.name)
            outcome = self._carry_out(order, deadline, accepted)
            with self._state:
                self._outcomes[order.command] = outcome
                if len(self._outcomes) > MAX_REMEMBERED:
                    self._outcomes.popitem(last=False)
                self._running = ""
            self._on_outcome()

    def _carry_out(
        self, order: CommandOrder, deadline: float, accepted: _Accepted | None
    ) -> CommandOutcome:
        if accepted is None:
            return self._ended(order, "refused", f"there is no handler for {order.name}")
        try:
            arguments = check_arguments(accepted.spec, order.arguments)
            if time.monotonic() > deadline:
                return self._ended(order, "refused", "its time had passed before it could begin")
            returned = accepted.handler(**arguments)
        except CommandRefusedError as refusal:
            return self._ended(order, "refused", str(refusal))
        except Exception as trouble:
            # The lab's own code: whatever it raises is the answer, and the next command's turn.
            logger.exception("command %s failed", order.name)
            return self._ended(order, "failed", f"{type(trouble).__name__}: {trouble}")
        try:
            value = plain_value(f"what {order.name} returned", returned)
        except StateError as trouble:
            return self._ended(order, "done", str(trouble))
        return CommandOutcome(
            controller=self._controller, command=order.command, outcome="done", value=value
        )

    def _ended(
        self, order: CommandOrder, outcome: Literal["done", "refused", "failed"], why: str
    ) -> CommandOutcome:
        return CommandOutcome(
            controller=self._controller,
            command=order.command,
            outcome=outcome,
            why=why.encode(errors="replace").decode()[:MAX_TEXT_CHARS],
        )
