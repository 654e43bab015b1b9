"""The agent's side of commands: each waits here until its controller takes it, or its time is up.

A command is begun once at most, and everyone who sent one learns how it ended.
"""

import logging
from collections import OrderedDict
from dataclasses import dataclass

import msgspec

from planecast_agent.door import Door
from planecast_agent.liveness import Liveness
from planecast_agent.state_desk import KnownController, StateDesk
from planecast_protocol.arguments import check_arguments
from planecast_protocol.command_messages import (
    CommandAnswer,
    CommandOrder,
    CommandOutcome,
    CommandWaiting,
    NoCommand,
    Outcome,
    OutcomeTaken,
    SendCommand,
    TakeCommand,
)
from planecast_protocol.errors import CommandRefusedError
from planecast_protocol.limits import (
    MAX_ARGUMENTS_BYTES,
    MAX_COMMAND_S,
    MAX_COMMANDS_WAITING,
    MAX_STATE_VALUE_BYTES,
)

MAX_ANSWERS = 1024
"""Answers that are remembered: who asks again is told again."""

logger = logging.getLogger(__name__)


@dataclass
class _Pending:
    order: SendCommand
    identity: bytes
    """Who waits for the answer."""
    taken: bool = False
    """Whether its controller has fetched it: it may have begun."""


class CommandDesk:
    """Takes commands, hands them out, brings the answers. Belongs to the agent's thread."""

    def __init__(self, door: Door, states: StateDesk, liveness: Liveness, boot: str) -> None:
        self._door = door
        self._states = states
        self._liveness = liveness
        self._boot = boot
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        """Command to what waits or runs, the oldest first."""
        self._answers: OrderedDict[str, CommandAnswer] = OrderedDict()

    @property
    def due_at(self) -> float:
        """When `tick` has something to do."""
        return min((one.order.expires_at_s for one in self._pending.values()), default=float("inf"))

    def waits(self, controller: str) -> bool:
        """Tell whether this controller has a command to take."""
        return self._next(controller) is not None

    def send(self, identity: bytes, order: SendCommand, now: float) -> None:
        """Take a command for a controller; answer at once if it can't be carried out."""
        answered = self._answers.get(order.command)
        pending = self._pending.get(order.command)
        if answered is not None:
            self._door.answer(identity, msgspec.structs.replace(answered, request=order.request))
        elif pending is not None:
            pending.identity = identity
            pending.order = msgspec.structs.replace(pending.order, request=order.request)
        else:
            self._accept(_Pending(order, identity), now)

    def take(self, identity: bytes, question: TakeCommand, now: float) -> None:
        """Hand the next command to its controller: the same one until its outcome has come."""
        self.tick(now)
        pending = self._next(question.controller)
        if pending is None:
            self._door.answer(identity, NoCommand(request=question.request))
            return
        pending.taken = True
        order = pending.order
        answer = CommandOrder(
            request=question.request,
            command=order.command,
            name=order.name,
            arguments=order.arguments,
            remaining_s=max(0.0, order.expires_at_s - now),
            sender=order.sender,
        )
        self._door.answer(identity, answer)

    def end(self, identity: bytes, outcome: CommandOutcome) -> None:
        """Take how a command went, and tell who waits for it."""
        self._door.answer(identity, OutcomeTaken(command=outcome.command))
        if len(msgspec.msgpack.encode(outcome.value)) > MAX_STATE_VALUE_BYTES:
            why = f"its answer was longer than {MAX_STATE_VALUE_BYTES} bytes"
            outcome = msgspec.structs.replace(outcome, value=None, why=why)
        pending = self._pending.get(outcome.command)
        if pending is not None and pending.order.controller == outcome.controller:
            self._answer(pending, outcome.outcome, outcome.why, outcome)
        elif outcome.command in self._answers:
            # Too late for who waited; who asks again gets the truth.
            late = self._answers[outcome.command]
            logger.info("command %s ended late: %s", outcome.command, outcome.outcome)
            self._answers[outcome.command] = CommandAnswer(
                request=late.request,
                command=late.command,
                boot=self._boot,
                outcome=outcome.outcome,
                why=outcome.why,
                value=outcome.value,
            )

    def tick(self, now: float) -> None:
        """Answer the commands whose time is up."""
        for pending in list(self._pending.values()):
            if pending.order.expires_at_s <= now:
                self._answer(pending, "timeout", self._why_late(pending))

    def look(self) -> None:
        """Answer the commands whose controller has gone."""
        for pending in list(self._pending.values()):
            known = self._states.controller(pending.order.controller)
            if known is not None and known.life != "gone":
                continue
            if pending.taken:
                why = "its controller ended: it is not known how far it got"
                self._answer(pending, "lost", why)
            else:
                self._answer(pending, "refused", "its controller ended before it could begin")

    def _accept(self, pending: _Pending, now: float) -> None:
        order = pending.order
        if order.boot != self._boot:
            # Not remembered: who sent it to us only may send it again.
            self._door.answer(pending.identity, self._lost_with_another(order))
            return
        known = self._states.controller(order.controller)
        try:
            self._check(order, known, now)
        except CommandRefusedError as refusal:
            self._answer(pending, "refused", refusal.message)
            return
        self._pending[order.command] = pending

    def _lost_with_another(self, order: SendCommand) -> CommandAnswer:
        return CommandAnswer(
            request=order.request,
            command=order.command,
            boot=self._boot,
            outcome="lost",
            why="the agent has restarted: it is not known whether the command was carried out",
        )

    def _check(self, order: SendCommand, known: KnownController | None, now: float) -> None:
        """Raise `CommandRefusedError` for a command that could not be carried out."""
        if known is None:
            raise CommandRefusedError("there is no such controller")
        life = self._liveness.life(order.controller, now)
        name = known.part.name
        if life == "silent":
            silent_s = self._liveness.silent_s(order.controller, now)
            raise CommandRefusedError(f"controller {name} is silent for {silent_s:.0f} s")
        if life == "gone" or not self._door.tell(known.identity, CommandWaiting()):
            raise CommandRefusedError(f"controller {name} has gone")
        spec = known.commands.get(order.name)
        if spec is None:
            accepts = ", ".join(known.commands) or "none"
            raise CommandRefusedError(f"{name} accepts no {order.name}; it accepts: {accepts}")
        if len(msgspec.msgpack.encode(order.arguments)) > MAX_ARGUMENTS_BYTES:
            raise CommandRefusedError(f"{MAX_ARGUMENTS_BYTES} bytes of arguments are possible")
        check_arguments(spec, order.arguments)
        if order.expires_at_s <= now:
            raise CommandRefusedError("its time had passed before it was here")
        if order.expires_at_s > now + MAX_COMMAND_S:
            raise CommandRefusedError(f"a command may take {MAX_COMMAND_S:.0f} s at most")
        waiting = sum(one.order.controller == order.controller for one in self._pending.values())
        if waiting >= MAX_COMMANDS_WAITING:
            raise CommandRefusedError(f"{waiting} commands wait for {name} already")

    def _next(self, controller: str) -> _Pending | None:
        mine = (one for one in self._pending.values() if one.order.controller == controller)
        return next(mine, None)

    def _why_late(self, pending: _Pending) -> str:
        if pending.taken:
            return "its controller has begun it, or was about to, and has not finished"
        before = self._next(pending.order.controller)
        if before is None or before is pending:
            return "it was not begun in time and will not be"
        return f"it was not begun in time and will not be: {before.order.name} was before it"

    def _answer(
        self,
        pending: _Pending,
        outcome: Outcome,
        why: str,
        details: CommandOutcome | None = None,
    ) -> None:
        order = pending.order
        self._pending.pop(order.command, None)
        answer = CommandAnswer(
            request=order.request,
            command=order.command,
            boot=self._boot,
            outcome=outcome,
            why=why,
            value=None if details is None else details.value,
        )
        self._answers[order.command] = answer
        if len(self._answers) > MAX_ANSWERS:
            self._answers.popitem(last=False)
        logger.info("command %s of %s: %s %s", order.name, order.sender or "?", outcome, why)
        self._door.answer(pending.identity, answer)
