"""The agent's side of its subscribers: lists, chunks of history, and the heartbeat."""

import os
import socket
import time
from collections.abc import Mapping

from planecast_agent.adoption import Adoption
from planecast_agent.books import AcquisitionBook
from planecast_agent.control import Vitals
from planecast_agent.door import BellRope, Door
from planecast_agent.history import History
from planecast_agent.journal import Journal
from planecast_agent.liveness import Liveness
from planecast_protocol.agent_messages import (
    AcquisitionList,
    AcquisitionSummary,
    AgentHeartbeat,
    Bell,
    CursorBeyond,
    EventChunk,
    FetchEvents,
    ListAcquisitions,
)
from planecast_protocol.errors import AcquisitionError
from planecast_protocol.limits import MAX_NAME_CHARS

ENDED_BEATS = 10
"""An acquisition that ended is in so many more heartbeats."""
MAX_RUNNING = 256
"""Acquisitions in a heartbeat: the newest. Those of killed controllers are never ended."""
MAX_FETCHES = 1024
"""Subscribers that wait for a chunk at one time."""


class Subscribers:
    """Answers questions and rings the bell. Belongs to the agent's thread."""

    def __init__(
        self,
        door: Door,
        bell: BellRope,
        journal: Journal,
        liveness: Liveness,
        adoption: Adoption,
        boot: str,
        worker: str,
        remote_worker: str = "",
    ) -> None:
        self._door = door
        self._bell = bell
        self._journal = journal
        self._history = History(journal)
        self._liveness = liveness
        self._adoption = adoption
        self._boot = boot
        self._worker = worker
        self._remote_worker = remote_worker
        self._host = socket.gethostname()[:MAX_NAME_CHARS]
        self._started = time.monotonic()
        self._fetches: dict[bytes, FetchEvents] = {}
        """Who waits for which chunk: the newest question of each."""
        self._ended: dict[str, int] = {}
        """Acquisition to number of heartbeats it is still in."""

    @property
    def waiting(self) -> bool:
        """Whether anybody waits for a chunk, or one can be made for whoever comes."""
        return bool(self._fetches) or self._history.can_pack

    def want(self, identity: bytes, question: FetchEvents) -> None:
        """Note who wants which chunk. A newer question replaces the older one."""
        self._fetches[identity] = question
        if len(self._fetches) > MAX_FETCHES:
            del self._fetches[next(iter(self._fetches))]

    def serve_one(self) -> None:
        """Answer whoever has waited longest for a chunk; one a turn, for events go first."""
        if not self._fetches:
            if self._history.can_pack and not self._door.has_news():
                self._history.pack_one()
            return
        identity = next(iter(self._fetches))
        question = self._fetches.pop(identity)
        book = self._journal.book(question.acquisition)
        first = max(1, question.first)
        if book is None:
            trouble = AcquisitionError(f"no acquisition {question.acquisition!r} in this agent")
            self._door.refuse(identity, trouble, question.request)
        elif first > book.head + 1:
            answer = CursorBeyond(
                request=question.request,
                acquisition=book.id,
                head=book.head,
                log=self._journal.log,
            )
            self._door.answer(identity, answer)
        else:
            n_events, columns = self._history.chunk(book, first)
            chunk = EventChunk(
                request=question.request,
                acquisition=book.id,
                first=first,
                count=n_events,
                head=book.head,
                log=self._journal.log,
                boot=self._boot,
            )
            self._door.answer(identity, chunk, columns)

    def list(self, identity: bytes, question: ListAcquisitions, now: float) -> None:
        """Answer with all acquisitions, oldest first."""
        answer = AcquisitionList(
            request=question.request,
            log=self._journal.log,
            boot=self._boot,
            acquisitions=[self.summary(book, now) for book in self._journal.books()],
            worker=self._remote_worker if self._door.is_remote(identity) else self._worker,
        )
        self._door.answer(identity, answer)

    def announce(self, heads: Mapping[str, int]) -> None:
        """Ring the bell for acquisitions whose heads moved."""
        if not heads:
            return
        self._bell.ring(Bell(log=self._journal.log, boot=self._boot, heads=dict(heads)))
        self._history.note(heads)
        for acquisition in heads:
            book = self._journal.book(acquisition)
            if book is not None and book.state != "running":
                self._ended[acquisition] = ENDED_BEATS

    def beat(self, now: float, alarm: str, vitals: Vitals) -> None:
        """Ring the heartbeat."""
        running = [book for book in self._journal.books() if book.state == "running"]
        ended = [book for name in self._ended if (book := self._journal.book(name)) is not None]
        beat = AgentHeartbeat(
            log=self._journal.log,
            boot=self._boot,
            running=[self.summary(book, now) for book in running[-MAX_RUNNING:] + ended],
            stored=len(self._journal),
            dead_letters=self._journal.n_dead_letters,
            alarm=alarm,
            parts=vitals.parts,
            state_revision=vitals.state_revision,
            clock_s=now,
            refused=vitals.refused,
            host=self._host,
            pid=os.getpid(),
            uptime_s=now - self._started,
            worker=vitals.worker,
        )
        self._bell.ring(beat)
        self._ended = {name: beats - 1 for name, beats in self._ended.items() if beats > 1}

    def summary(self, book: AcquisitionBook, now: float) -> AcquisitionSummary:
        """Return what people are told of an acquisition in a list."""
        return AcquisitionSummary(
            acquisition=book.id,
            name=book.name,
            state=book.state,
            controller=self._liveness.life_of_publisher(book.owner, self._adoption.held, now),
            head=book.head,
            planes=book.planes,
            started_at=book.started_at,
            owner=book.owner,
            n_bytes=book.n_bytes,
            stored_at=book.stored_at,
        )
