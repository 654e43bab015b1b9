"""The reader processes: who does which job, who hangs, who died and is replaced."""

import collections
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from planecast_protocol.errors import (
    PlanecastError,
    ReaderCrashedError,
    ReaderTimeoutError,
    UnreachableError,
)
from planecast_protocol.limits import MAX_TEXT_CHARS
from planecast_protocol.messages import AnyMessage
from planecast_protocol.reader_messages import PRIORITIES, Priority, ReaderProcessStatus
from planecast_protocol.task_messages import (
    GiveMemory,
    MemorySlot,
    NeedMemory,
    PixelsTask,
    ReaderStarted,
    TaskFailed,
    TaskImage,
    TaskPayload,
    TaskPixels,
)
from planecast_reader.arena.cache import Arena
from planecast_reader.arena.ledger import tick
from planecast_reader.connection import Connection
from planecast_reader.front.jobs import Job, JobQueue, Result
from planecast_reader.front.reader_child import ReaderChild

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 2
MAX_ATTEMPTS_KILLED = 4
"""Where the reader was killed from outside, which says little against the file."""
_START_FAILURES_ALLOWED = 3
_START_AGAIN_S = 5.0


class Pool:
    """`size` processes that read, and one that stands by, so that a dead one costs no start.

    Belongs to the front's thread, which tells it of readable channels and of time passing.
    """

    def __init__(
        self,
        size: int,
        arena: Arena | None,
        *,
        memory_bytes: int,
        read_timeout_s: float,
        watch: Callable[[ReaderChild], None],
        unwatch: Callable[[Connection], None],
        roots: Sequence[Path] = (),
    ) -> None:
        """`roots`: all that the readers may read; empty: what their user may."""
        self._roots = roots
        self._size = size
        self._arena = arena
        self._memory_bytes = memory_bytes
        self._read_timeout_s = read_timeout_s
        self._watch = watch
        self._unwatch = unwatch
        self.children: list[ReaderChild] = []
        self._queue = JobQueue()
        self._tasks = 0
        self._unbooked: collections.deque[tuple[Job, TaskPixels]] = collections.deque()
        self._start_failures = 0
        self._start_after = 0.0
        self.replaced = 0
        self.last_loss = ""
        """Why a reader was replaced last, for people."""
        self._fill_up()

    # ------------------------------------------------------------ jobs

    def submit(self, job: Job) -> None:
        """Have a job done as soon as a reader is free."""
        if not self._queue:
            idle, may_prefetch = self._free_readers()
            if idle and _fits(idle, may_prefetch, job):
                self._begin(_choose(idle, job), job)
                return
        self._queue.push(job)
        self._assign()

    def cancel(self, job: Job) -> bool:
        """Take a job back that no reader has begun."""
        return self._queue.cancel(job)

    def hurry(self, job: Job, priority: Priority) -> None:
        """Do a job that waits for a reader sooner, if this priority is higher than its own."""
        sooner = PRIORITIES.index(priority) < PRIORITIES.index(job.priority)
        if sooner and job in self._queue:
            job.priority = priority
            self._queue.push(job)
            self._assign()

    @property
    def busy(self) -> int:
        """Number of readers that are reading."""
        return sum(child.job is not None for child in self.children)

    @property
    def queued(self) -> int:
        """Number of jobs that wait for a reader."""
        return len(self._queue)

    def _assign(self) -> None:
        while self._queue:
            idle, may_prefetch = self._free_readers()
            job = self._queue.pop(partial(_fits, idle, may_prefetch)) if idle else None
            if job is None:
                return
            self._begin(_choose(idle, job), job)

    def _free_readers(self) -> tuple[list[ReaderChild], bool]:
        """Return the readers that may begin a job, and whether any may read ahead."""
        idle: list[ReaderChild] = []
        busy = 0
        for child in self.children:
            if child.started and not child.dying:
                if child.job is None:
                    idle.append(child)
                else:
                    busy += 1
        if busy >= self._size:
            return [], False
        # The last free reader is kept for somebody who waits: he would wait for two reads.
        return idle, busy == 0 or self._size - busy > 1

    def _begin(self, child: ReaderChild, job: Job) -> None:
        self._tasks += 1
        job.attempts += 1
        if self._arena is not None and job.nbytes and job.slot is None:
            job.slot = self._arena.allocate(job.nbytes)
        job.begun = tick()
        if isinstance(job.task, PixelsTask):
            bell = None
            if job.tells is not None and child.knows(job.tells.by):
                bell = job.tells.bell
            slot = self._memory_of(job)
            job.task = msgspec.structs.replace(job.task, task=self._tasks, slot=slot, bell=bell)
        else:
            job.task = msgspec.structs.replace(job.task, task=self._tasks)
        child.job, child.job_since = job, time.monotonic()
        child.last_path = job.wire_path
        child.deadline = time.monotonic() + job.time_limit_s(self._read_timeout_s)
        try:
            child.send(job.task)
        except UnreachableError:  # it was just killed, and never had the job
            job.attempts -= 1
            self._lost(child)

    # ------------------------------------------------------------ what readers say

    def on_readable(self, child: ReaderChild) -> None:
        """Take what a reader has sent, or its death."""
        try:
            received = child.connection.receive()
        except PlanecastError:  # the end of the channel, or garbage from a damaged process
            self._lost(child)
            return
        for message, payload in received:
            self._on_message(child, message, payload)

    def _on_message(
        self, child: ReaderChild, message: AnyMessage, payload: bytes | memoryview
    ) -> None:
        job = child.job
        match message:
            case TaskPixels() | TaskImage() | TaskPayload() if (
                job and message.task == job.task.task
            ):
                self._finish(child, job, message, payload)
            case ReaderStarted():
                child.started = True
                self._start_failures = 0
                self._assign()
            case NeedMemory(task=task, nbytes=nbytes) if job and task == job.task.task:
                self._give_memory(child, job, nbytes)
            case TaskFailed(task=task, error=info) if job and task == job.task.task:
                self._finish(child, job, PlanecastError.from_info(info), b"")
            case _:
                logger.warning("reader %d sent an unexpected %s", child.pid, type(message).__name__)

    def _give_memory(self, child: ReaderChild, job: Job, nbytes: int) -> None:
        if self._arena is not None:
            self._give_back(job)
            job.slot = self._arena.allocate(nbytes)
        job.nbytes = nbytes
        child.deadline = time.monotonic() + job.time_limit_s(self._read_timeout_s)
        try:
            child.send(GiveMemory(task=job.task.task, slot=self._memory_of(job)))
        except UnreachableError:
            self._lost(child)

    def _memory_of(self, job: Job) -> MemorySlot | None:
        """Return the job's slot, as a reader process needs to know it."""
        slot = job.slot
        if slot is None or self._arena is None:
            return None
        generation = self._arena.generation(slot)
        return MemorySlot(slot.number, generation, slot.offset, slot.capacity)

    def _finish(
        self, child: ReaderChild, job: Job, result: Result, payload: bytes | memoryview
    ) -> None:
        child.job = None
        child.reads += 1
        filled = isinstance(result, TaskPixels) and result.in_slot
        if job.slot is not None and not filled:
            self._give_back(job)
        if filled and isinstance(result, TaskPixels) and result.taken:
            self._unbooked.append((job, result))
        else:
            job.on_done(job, result, payload)
        self._assign()

    def book(self) -> None:
        """Do the books of planes that their clients have already: nobody waits for them."""
        while self._unbooked:
            job, result = self._unbooked.popleft()
            job.on_done(job, result, b"")

    # ------------------------------------------------------------ deaths

    def tick(self) -> None:
        """Replace readers that exceeded their time; start those that are missing."""
        now = time.monotonic()
        for child in list(self.children):
            if child.job is not None and not child.dying and now > child.deadline:
                self._overdue(child, child.job)
        self._fill_up()

    def _overdue(self, child: ReaderChild, job: Job) -> None:
        logger.warning("reader %d hangs on %s and is replaced", child.pid, job.wire_path)
        child.kill()
        child.job = None
        child.overdue = f"reader {child.pid} took too long for {job.wire_path}"
        child.slot_held, job.slot = job.slot, None
        limit_s = job.time_limit_s(self._read_timeout_s)
        self._retry_or_fail(
            job,
            ReaderTimeoutError.of(
                job.wire_path, f"not read within {limit_s:.0f} s; is its disk up?"
            ),
        )

    def _lost(self, child: ReaderChild) -> None:
        """Bury a reader whose channel closed: nothing of it can write any more."""
        if child not in self.children:
            return
        self.children.remove(child)
        self._unwatch(child.connection)
        death = child.reap()
        if not child.started:
            self._start_failures += 1
            self._start_after = time.monotonic() + _START_AGAIN_S
        self.replaced += 1
        path = "" if child.job is None else f" while it read {child.job.wire_path}"
        loss = child.overdue or f"reader {child.pid} {death.how}{path}"
        self.last_loss = loss[:MAX_TEXT_CHARS]
        logger.warning("reader %d %s", child.pid, death.how)
        if child.slot_held is not None and self._arena is not None:
            self._arena.abandon(child.slot_held)
        job, child.job = child.job, None
        while (orphan := self._queue.pop(lambda j: j.only_reader == child.pid)) is not None:
            orphan.on_done(orphan, ReaderCrashedError.of(orphan.wire_path, death.how), b"")
        self._fill_up()
        if job is not None:
            self._give_back(job)
            error = ReaderCrashedError.of(
                job.wire_path, f"the process that read it {death.how}, {job.attempts} times"
            )
            limit = MAX_ATTEMPTS_KILLED if death.from_outside else MAX_ATTEMPTS
            self._retry_or_fail(job, error, limit)
        else:
            self._assign()  # a job may have waited to learn whether this reader lives

    def _retry_or_fail(self, job: Job, error: PlanecastError, limit: int = MAX_ATTEMPTS) -> None:
        if job.attempts < limit and job.only_reader is None:
            self.submit(job)
        else:
            job.on_done(job, error, b"")
            self._assign()

    def _give_back(self, job: Job) -> None:
        if job.slot is not None and self._arena is not None:
            self._arena.abandon(job.slot)  # its reader may have told somebody before it died
        job.slot = None

    def _fill_up(self) -> None:
        if self._start_failures >= _START_FAILURES_ALLOWED:
            if time.monotonic() < self._start_after:
                self._refuse_all()
                return
            self._start_failures -= 1
        while sum(not child.dying for child in self.children) <= self._size:
            child = ReaderChild(self._arena, self._memory_bytes, self._roots)
            self.children.append(child)
            self._watch(child)

    def _refuse_all(self) -> None:
        """Readers don't start at all: say so rather than let everybody wait."""
        if any(child.started and not child.dying for child in self.children):
            return
        while (job := self._queue.pop(lambda _job: True)) is not None:
            error = ReaderCrashedError.of(
                job.wire_path, "reader processes do not start; the worker's log says why"
            )
            job.on_done(job, error, b"")

    # ------------------------------------------------------------ others

    def status(self) -> list[ReaderProcessStatus]:
        """Describe the processes, for people."""
        return [
            ReaderProcessStatus(
                pid=child.pid,
                state="busy" if child.job else "idle" if child.started else "starting",
                path=child.job.wire_path if child.job else "",
                reads=child.reads,
                busy_s=round(time.monotonic() - child.job_since, 3) if child.job else 0.0,
            )
            for child in self.children
        ]

    def close(self) -> None:
        """Kill all readers and wait for their end."""
        for child in self.children:
            child.kill()
        for child in self.children:
            self._unwatch(child.connection)
            child.reap(timeout_s=2.0)
        self.children.clear()


def _choose(idle: list[ReaderChild], job: Job) -> ReaderChild:
    """Prefer the reader that has the file open."""
    if job.only_reader is not None:
        return next(child for child in idle if child.pid == job.only_reader)
    return next((child for child in idle if child.last_path == job.wire_path), idle[0])


def _fits(idle: list[ReaderChild], may_prefetch: bool, job: Job) -> bool:
    if job.only_reader is not None and all(child.pid != job.only_reader for child in idle):
        return False
    return may_prefetch or job.priority != "prefetch"
