"""Everything of the agent that is not events: state, commands, and who lives."""

import logging
from typing import NamedTuple

from planecast_agent.command_desk import CommandDesk
from planecast_agent.door import BellRope, Door
from planecast_agent.liveness import Liveness
from planecast_agent.roles import Roles
from planecast_agent.state_desk import StateDesk
from planecast_agent.worker_watch import WorkerWatch
from planecast_protocol.agent_messages import Farewell
from planecast_protocol.command_messages import CommandOutcome, SendCommand, TakeCommand
from planecast_protocol.reader_messages import WorkerStatus
from planecast_protocol.state_messages import ControllerReport, FetchState, PartBeat, PartState

ControlMessage = (
    ControllerReport | FetchState | PartBeat | SendCommand | TakeCommand | CommandOutcome
)

logger = logging.getLogger(__name__)


class Vitals(NamedTuple):
    """What a heartbeat tells beside the acquisitions."""

    parts: list[PartState]
    state_revision: int
    refused: int
    worker: WorkerStatus | None


class Control:
    """Brings messages to their desk. Belongs to the agent's thread."""

    def __init__(
        self,
        door: Door,
        bell: BellRope,
        liveness: Liveness,
        roles: Roles,
        boot: str,
        worker: str,
    ) -> None:
        self._door = door
        self._liveness = liveness
        self._roles = roles
        self._states = StateDesk(door, bell, liveness, boot)
        self._commands = CommandDesk(door, self._states, liveness, boot)
        self._states.command_waits = self._commands.waits
        self._worker = WorkerWatch(worker)

    @property
    def due_at(self) -> float:
        """When `tick` has something to do."""
        return min(self._states.due_at, self._commands.due_at)

    def take(self, identity: bytes, message: ControlMessage, now: float) -> None:
        """Take one message."""
        match message:
            case ControllerReport():
                self._states.take_report(identity, message, now)
            case FetchState():
                may_command = self._roles.may(self._door.user, "command")
                parts = self._parts(now)
                self._states.answer(identity, message, now, parts, may_command=may_command)
            case PartBeat():
                if self._liveness.heard(message.part, now, identity):
                    logger.info("%s %s", message.part.kind, message.part.name)
            case SendCommand():
                self._commands.send(identity, message, now)
            case TakeCommand():
                self._commands.take(identity, message, now)
            case CommandOutcome():
                self._commands.end(identity, message)

    def farewell(self, identity: bytes, message: Farewell) -> None:
        """Note that a part has ended, unless another connection of its still shows its state."""
        known = self._states.controller(message.publisher)
        if known is None or known.life != "live" or known.identity == identity:
            self._liveness.left(message.publisher, "it said goodbye")

    def look(self, now: float) -> None:
        """See who lives; with every heartbeat."""
        self._liveness.look(now)
        self._states.look(now)
        self._commands.look()

    def tick(self, now: float) -> None:
        """Do what is due by now."""
        self._states.tick(now)
        self._commands.tick(now)

    def vitals(self, now: float) -> Vitals:
        """Return what a heartbeat is to tell."""
        return Vitals(
            self._parts(now),
            self._states.revision,
            self._door.refused,
            self._worker.status(now),
        )

    def close(self) -> None:
        """End the thread that watches the worker. May be called twice."""
        self._worker.close()

    def _parts(self, now: float) -> list[PartState]:
        worker = self._worker.state(now)
        return self._liveness.states(now) + ([] if worker is None else [worker])
