"""Work for a reader process, and who waits for it."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from planecast_protocol.errors import PlanecastError
from planecast_protocol.limits import OPEN_TIMES, READ_BYTES_PER_S
from planecast_protocol.reader_messages import PRIORITIES, Priority, ReadPixels
from planecast_protocol.task_messages import (
    Bell,
    PixelsTask,
    Task,
    TaskImage,
    TaskPayload,
    TaskPixels,
)
from planecast_reader.arena.ledger import Digest, digest_of
from planecast_reader.arena.slots import Slot
from planecast_reader.bells.front import ClientBell
from planecast_reader.front.file_facts import FileFacts

JobKey = tuple[Digest, bool, bool]
"""The plane, whether its acquisition runs, and whether statistics are wanted."""

Result = TaskPixels | TaskImage | TaskPayload | PlanecastError


def job_key(request: ReadPixels) -> JobKey:
    """Return what requests have in common that one task answers."""
    return digest_of(request), request.running, request.statistics


class Tells(NamedTuple):
    """Whom a reader tells by itself that its pixels are there."""

    by: ClientBell
    bell: Bell

    def is_for(self, bell: ClientBell | None, request: ReadPixels) -> bool:
        """Tell whether that is whoever asked by `request`."""
        return self.by is bell and self.bell.request == request.request


@dataclass(eq=False, slots=True)
class Job:
    """One task, done once however many ask for it."""

    task: Task
    """Its `task` number and slot are set when it starts."""
    wire_path: str
    facts: FileFacts
    on_done: Callable[["Job", Result, bytes | memoryview], None]
    """Called once, with the result and its payload."""
    priority: Priority = "script"
    only_reader: int | None = None
    """Process id, for tasks that one certain reader must do."""
    attempts: int = 0
    slot: Slot | None = None
    nbytes: int = 0
    """Expected size of the pixels; 0: not known."""
    tells: Tells | None = None
    begun: int = 0
    """When a reader began it last, as `tick()`."""

    def time_limit_s(self, read_timeout_s: float) -> float:
        """Return how long a reader may take."""
        if isinstance(self.task, PixelsTask):
            return read_timeout_s + self.nbytes / READ_BYTES_PER_S
        return OPEN_TIMES * read_timeout_s


@dataclass
class JobQueue:
    """Jobs that no reader has begun: by priority, then first come first served."""

    _heap: list[tuple[int, int, Job]] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)
    _waiting: dict[Job, int] = field(default_factory=dict)
    """Job to its place in the order; an entry of the heap with another one is void."""

    def push(self, job: Job) -> None:
        """Add a job, or move one that waits to where its priority belongs now."""
        order = next(self._order)
        self._waiting[job] = order
        heapq.heappush(self._heap, (PRIORITIES.index(job.priority), order, job))

    def pop(self, fits: Callable[[Job], bool]) -> Job | None:
        """Remove and return the first job that fits an idle reader."""
        skipped: list[tuple[int, int, Job]] = []
        found: Job | None = None
        while self._heap and found is None:
            entry = heapq.heappop(self._heap)
            _priority, order, job = entry
            if self._waiting.get(job) != order:
                continue
            if fits(job):
                found = job
                del self._waiting[job]
            else:
                skipped.append(entry)
        for entry in skipped:
            heapq.heappush(self._heap, entry)
        return found

    def cancel(self, job: Job) -> bool:
        """Take a job back; False if a reader has begun it."""
        return self._waiting.pop(job, None) is not None

    def __contains__(self, job: Job) -> bool:
        return job in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)
