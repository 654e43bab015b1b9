"""The agent: takes events from controllers, remembers them, and serves them to subscribers.

One thread, one loop. Everything that arrives in one turn is committed in one transaction,
then acknowledged, then announced, in this order: what was acknowledged is never lost, and
what was announced can be fetched.
"""

import logging
import math
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Literal, Self

import zmq

from planecast_agent.adoption import Adoption
from planecast_agent.control import Control
from planecast_agent.door import bind_sockets
from planecast_agent.file_lock import LockFile
from planecast_agent.ingest import Ingest
from planecast_agent.journal import JournalDamagedError, open_journal
from planecast_agent.liveness import Liveness, publisher_of
from planecast_agent.retention import Retention
from planecast_agent.roles import Roles
from planecast_agent.settings import AgentSettings
from planecast_agent.subscribers import Subscribers
from planecast_agent.wakeup import WakeUp
from planecast_protocol.agent_messages import (
    Ack,
    Farewell,
    FetchEvents,
    Hello,
    ListAcquisitions,
    Nak,
    Publish,
    Welcome,
)
from planecast_protocol.command_messages import CommandOutcome, SendCommand, TakeCommand
from planecast_protocol.errors import BadMessageError, JournalFullError, NotPermittedError
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.limits import HEARTBEAT_S, MAX_BATCH_EVENTS
from planecast_protocol.messages import AnyMessage, decode
from planecast_protocol.records import split_records
from planecast_protocol.retention_messages import DescribeAcquisition, ForgetAcquisition
from planecast_protocol.state_messages import ControllerReport, FetchState, PartBeat

logger = logging.getLogger(__name__)


class Agent:
    """One agent. Made, run and closed in one thread; `stop` may be called by any."""

    def __init__(self, settings: AgentSettings) -> None:
        """Take the locks, open the journal, bind the sockets.

        Raises `PlanecastError` with one clear sentence if any of it is not possible.
        """
        self._boot = uuid.uuid4().hex
        self._stopping = False
        self._alarm = ""
        self._owed: list[tuple[bytes, Hello | Publish | Nak]] = []
        """Messages whose answer waits for the commit; refusals are ready."""
        with ExitStack() as stack:
            self._wakeup = WakeUp()
            stack.callback(self._wakeup.close)
            for folder in (settings.state_dir, settings.spool_dir):
                in_use = f"{folder} is in use by another agent: stop it or give another folder"
                stack.enter_context(LockFile(folder / ".agent.lock", in_use))
            self._door, bell, self._entrance = bind_sockets(
                settings.address, stack, settings.remote, KeyFolder(settings.keys)
            )
            self._liveness = Liveness(self._door.reaches)
            guests = dict if self._entrance is None else self._entrance.guests
            self._roles = Roles(settings.roles, guests, settings.withheld)
            self._journal, rebuilt = open_journal(settings.state_dir)
            stack.callback(self._journal.close)
            self._ingest = Ingest(self._journal)
            self._adoption = Adoption(settings.spool_dir, self._journal, self._liveness.left)
            stack.callback(self._adoption.close)
            if rebuilt:
                self._adoption.take_back()
            self._subscribers = Subscribers(
                self._door,
                bell,
                self._journal,
                self._liveness,
                self._adoption,
                self._boot,
                settings.worker,
                settings.remote_worker,
            )
            self._retention = Retention(
                self._door,
                self._journal,
                self._subscribers,
                settings.spool_dir,
                settings.keep_days,
            )
            self._control = Control(
                self._door, bell, self._liveness, self._roles, self._boot, settings.worker
            )
            stack.callback(self._control.close)
            self._closing = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close sockets, journal and locks. May be called twice."""
        self._closing.close()

    def stop(self) -> None:
        """End `run` after its turn. For any thread, and for signal handlers."""
        self._stopping = True
        self._wakeup.ring()

    def run(self) -> None:
        """Serve until `stop` is called. Raises `JournalDamagedError`: start again to rebuild."""
        poller = self._poller()
        beat_at = time.monotonic()
        while not self._stopping:
            now = time.monotonic()
            if now >= beat_at:
                beat_at = now + HEARTBEAT_S
                if self._entrance is not None and self._entrance.look():
                    poller = self._poller()
                self._adoption.scan()
                self._control.look(now)
                self._subscribers.beat(now, self.alarm, self._control.vitals(now))
            wait_s = min(beat_at, self._control.due_at) - now
            busy = self._subscribers.waiting or self._adoption.busy or self._retention.busy
            poller.poll(0 if busy else max(1, math.ceil(wait_s * 1000)))
            self._wakeup.clear()
            self._door.look_at_visitors()
            try:
                self._turn(time.monotonic())
            except JournalDamagedError:
                raise
            except Exception:
                # A fault of ours, met with one message, must not end everybody's acquisition.
                logger.exception("a turn failed; controllers send its events again")
                self._alarm = "the agent met an error, see its log"
                self._owed.clear()
                self._journal.abandon()

    @property
    def alarm(self) -> str:
        """What an operator must know; empty: nothing."""
        entrance = "" if self._entrance is None else self._entrance.alarm
        return "; ".join(filter(None, (self._alarm, self._adoption.alarm, entrance)))

    def _poller(self) -> zmq.Poller:
        poller = zmq.Poller()
        self._door.register(poller)
        poller.register(self._wakeup, zmq.POLLIN)
        return poller

    def _turn(self, now: float) -> None:
        for identity, frames in self._door.receive():
            request = 0
            try:
                message = decode(frames[0])
                request = getattr(message, "request", 0)
                self._roles.check(self._door.user, message)
                self._take(identity, message, frames[1:], now)
            except (BadMessageError, NotPermittedError) as trouble:
                self._door.refuse(identity, trouble, request)
        owed, self._owed = self._owed, []
        try:
            heads = self._journal.commit()
        except JournalFullError as trouble:
            self._answer_full(owed, trouble)
        else:
            self._answer(owed)
            self._announce(heads)
        self._control.tick(now)
        self._subscribers.serve_one()
        try:
            self._retention.step(now)
            if self._adoption.busy:
                self._announce(self._adoption.step())
        except JournalFullError as trouble:
            self._note_full(trouble)

    def _take(self, identity: bytes, message: AnyMessage, payload: list[bytes], now: float) -> None:
        match message:
            case Publish():
                self._liveness.heard(publisher_of(message), now, identity)
                why = self._take_batch(message, payload)
                last = self._journal.cursor(message.publisher)
                nak = why and Nak(last=last, boot=self._boot, why=why)
                self._owed.append((identity, nak or message))
            case Hello():
                if self._liveness.heard(publisher_of(message), now, identity):
                    logger.info("%s says hello (%s)", message.program, message.publisher)
                self._owed.append((identity, message))
            case Farewell():
                self._control.farewell(identity, message)
            case FetchEvents():
                self._subscribers.want(identity, message)
            case ListAcquisitions():
                self._subscribers.list(identity, message, now)
            case DescribeAcquisition() | ForgetAcquisition():
                self._retention.want(identity, message)
            case (
                ControllerReport()
                | FetchState()
                | PartBeat()
                | SendCommand()
                | TakeCommand()
                | CommandOutcome()
            ):
                self._control.take(identity, message, now)
            case _:
                raise BadMessageError(f"{type(message).__name__} is no message for an agent")

    def _take_batch(
        self, message: Publish, payload: list[bytes]
    ) -> Literal["damaged", "gap"] | None:
        """Take a batch into the journal's books; return why it was not taken."""
        try:
            bodies = list(split_records(b"".join(payload), MAX_BATCH_EVENTS))
        except BadMessageError as trouble:
            logger.warning("batch of %s: %s", message.publisher, trouble)
            bodies = []
        if len(bodies) != message.count:
            self._door.count_refused()
            return "damaged"
        taken = self._ingest.take(message.publisher, message.first, bodies, message.after)
        return None if taken else "gap"

    def _answer(self, owed: list[tuple[bytes, Hello | Publish | Nak]]) -> None:
        """Answer publishers, after the commit."""
        acked = set()
        for identity, debt in owed:
            match debt:
                case Nak():
                    self._door.answer(identity, debt)
                case Hello():
                    self._door.answer(identity, self._welcome(debt))
                case Publish() if (identity, debt.publisher) not in acked:
                    # One ack for all batches of a turn: they are cumulative.
                    acked.add((identity, debt.publisher))
                    last = self._journal.cursor(debt.publisher)
                    self._door.answer(identity, Ack(last=last, boot=self._boot))

    def _answer_full(
        self, owed: list[tuple[bytes, Hello | Publish | Nak]], trouble: JournalFullError
    ) -> None:
        """Answer publishers whose events the disk did not take."""
        self._note_full(trouble)
        for identity, debt in owed:
            if isinstance(debt, Hello):
                self._door.answer(identity, self._welcome(debt))
            elif isinstance(debt, Publish):
                last = self._journal.cursor(debt.publisher)
                self._door.answer(identity, Nak(last=last, boot=self._boot, why="full"))

    def _welcome(self, hello: Hello) -> Welcome:
        last = self._journal.cursor(hello.publisher)
        return Welcome(request=hello.request, last=last, log=self._journal.log, boot=self._boot)

    def _announce(self, heads: dict[str, int]) -> None:
        if heads:
            self._alarm = ""
            self._subscribers.announce(heads)

    def _note_full(self, trouble: JournalFullError) -> None:
        if not self._alarm:
            logger.error("controllers go on spooling: %s", trouble)
        self._alarm = f"the journal can't be written: {trouble}"


def run_agent(settings: AgentSettings, *, on_ready: Callable[[Agent], None] | None = None) -> None:
    """Run an agent in this thread until its `stop` is called.

    `on_ready` is called with the agent once it can be reached. Raises `PlanecastError` if
    it can't start, or if its journal turned out to be damaged.
    """
    with Agent(settings) as agent:
        if on_ready is not None:
            on_ready(agent)
        agent.run()
