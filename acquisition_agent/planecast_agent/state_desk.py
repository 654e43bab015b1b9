"""The agent's side of state: the last values of every controller, and who is told of a change."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from planecast_agent.door import BellRope, Door
from planecast_agent.liveness import Liveness
from planecast_protocol.command_messages import CommandSpec
from planecast_protocol.limits import (
    MAX_COMMANDS_BYTES,
    MAX_CONTROLLERS,
    MAX_STATE_BYTES,
    MAX_STATE_VALUES,
)
from planecast_protocol.state_messages import (
    ControllerReport,
    ControllerState,
    FetchState,
    Life,
    Part,
    PartState,
    ReportTaken,
    StateBell,
    StateChange,
    StateEntry,
    StateSnapshot,
)

BELL_INTERVAL_S = 0.03
"""Subscribers are told of changes no more often than this."""
MAX_BELL_BYTES = 64 << 10
"""More than this is not rung but fetched."""

logger = logging.getLogger(__name__)


@dataclass
class KnownController:
    """A controller and the last it said."""

    part: Part
    identity: bytes = b""
    """Of the connection that takes its commands."""
    revision: int = 0
    life: Life = "live"
    values: dict[str, StateEntry] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    commands: dict[str, CommandSpec] = field(default_factory=dict)


class StateDesk:
    """Takes reports, answers questions, rings the bell. Belongs to the agent's thread."""

    def __init__(self, door: Door, bell: BellRope, liveness: Liveness, boot: str) -> None:
        self._door = door
        self._bell = bell
        self._liveness = liveness
        self._boot = boot
        self.command_waits: Callable[[str], bool] = lambda _controller: False
        """Whether a controller has commands to take; the command desk knows."""
        self._controllers: dict[str, KnownController] = {}
        self.revision = 0
        """Counts changes of anybody's state."""
        self._rung = 0
        self._rung_at = float("-inf")
        self._changed: dict[str, set[str]] = {}
        """Controller to names with new values since the last bell."""
        self._refetch = False
        """Whether more than values changed since the last bell."""

    @property
    def due_at(self) -> float:
        """When `tick` has something to do."""
        return self._rung_at + BELL_INTERVAL_S if self.revision > self._rung else float("inf")

    def controller(self, controller: str) -> KnownController | None:
        """Return what is known of a controller."""
        return self._controllers.get(controller)

    def take_report(self, identity: bytes, report: ControllerReport, now: float) -> None:
        """Take a controller's changes, and answer with what is known of it now."""
        part = Part(
            part=report.controller,
            kind="controller",
            name=report.name,
            host=report.host,
            pid=report.pid,
        )
        if self._liveness.heard(part, now, identity):
            logger.info("controller %s on %s, process %d", part.name, part.host, part.pid)
        known = self._know(part, now)
        why = "" if known else f"{MAX_CONTROLLERS} controllers are at this agent already"
        if known:
            known.identity = identity
        if known and report.after <= known.revision < report.revision:
            why = self._take_changes(known, report)
        answer = ReportTaken(
            request=report.request,
            revision=known.revision if known else 0,
            boot=self._boot,
            command_waits=self.command_waits(report.controller),
            why=why,
        )
        self._door.answer(identity, answer)

    def answer(
        self,
        identity: bytes,
        question: FetchState,
        now: float,
        parts: list[PartState],
        *,
        may_command: bool,
    ) -> None:
        """Answer with everything."""
        snapshot = StateSnapshot(
            request=question.request,
            boot=self._boot,
            revision=self.revision,
            clock_s=now,
            controllers=[
                ControllerState(
                    controller=controller,
                    name=known.part.name,
                    host=known.part.host,
                    pid=known.part.pid,
                    life=known.life,
                    values=list(known.values.values()),
                    commands=list(known.commands.values()),
                )
                for controller, known in self._controllers.items()
            ],
            parts=parts,
            may_command=may_command,
        )
        self._door.answer(identity, snapshot)

    def look(self, now: float) -> None:
        """Note who became silent, or came back."""
        for controller, known in self._controllers.items():
            life = self._liveness.life(controller, now)
            if life != known.life:
                logger.info("controller %s is %s", known.part.name, life)
                known.life = life
                self.revision += 1
                self._refetch = True

    def tick(self, now: float) -> None:
        """Ring the bell for what has changed, if it is time."""
        if now < self.due_at:
            return
        changes = None if self._refetch else self._changes()
        self._bell.ring(
            StateBell(boot=self._boot, after=self._rung, revision=self.revision, changes=changes)
        )
        self._rung, self._rung_at = self.revision, now
        self._changed, self._refetch = {}, False

    def _know(self, part: Part, now: float) -> KnownController | None:
        known = self._controllers.get(part.part)
        if known is not None:
            known.part = part
            if known.life != "live":
                self.look(now)
            return known
        for controller, other in list(self._controllers.items()):
            # Its successor is there: nobody asks for the old one's values any more.
            same = (other.part.name, other.part.host) == (part.name, part.host)
            if other.life == "gone" and same:
                del self._controllers[controller]
        if len(self._controllers) >= MAX_CONTROLLERS:
            gone = (name for name, other in self._controllers.items() if other.life == "gone")
            oldest_gone = next(gone, None)
            if oldest_gone is None:
                return None
            del self._controllers[oldest_gone]
        self.revision += 1
        self._refetch = True
        known = self._controllers[part.part] = KnownController(part)
        return known

    def _take_changes(self, known: KnownController, report: ControllerReport) -> str:
        """Take new values and commands; return why not, if they are too much."""
        sizes = {entry.name: len(msgspec.msgpack.encode(entry)) for entry in report.values}
        total = {**known.sizes, **sizes}
        if len(total) > MAX_STATE_VALUES or sum(total.values()) > 2 * MAX_STATE_BYTES:
            return f"more than {MAX_STATE_VALUES} values, or {MAX_STATE_BYTES} bytes of them"
        if len(msgspec.msgpack.encode(report.commands)) > 2 * MAX_COMMANDS_BYTES:
            return f"more than {MAX_COMMANDS_BYTES} bytes of commands"
        known.sizes = total
        for entry in report.values:
            known.values[entry.name] = entry
        if report.commands is not None:
            known.commands = {spec.name: spec for spec in report.commands}
            self._refetch = True
        known.revision = report.revision
        self.revision += 1
        self._changed.setdefault(report.controller, set()).update(sizes)
        return ""

    def _changes(self) -> list[StateChange] | None:
        n_bytes = sum(
            self._controllers[controller].sizes[name]
            for controller, names in self._changed.items()
            for name in names
        )
        if n_bytes > MAX_BELL_BYTES:
            return None
        return [
            StateChange(
                controller=controller,
                values=[self._controllers[controller].values[name] for name in sorted(names)],
            )
            for controller, names in self._changed.items()
        ]
