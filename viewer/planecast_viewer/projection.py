"""Maximum projections: planes are folded as they come, by a thread, and let go again."""

import itertools
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import NoDataError, PlanecastError
from planecast_protocol.planes import PlaneStatistics
from planecast_protocol.reader_messages import ReadPixels
from planecast_viewer.sample_statistics import sample_statistics

IN_FLIGHT = 4
"""Planes of one stack that are asked for at a time, and leased until they are folded."""
KEPT_BYTES = 64 << 20
"""Of unfinished and finished projections, to go on with when another plane of the stack comes."""


class Source(Protocol):
    """The part of the reader's client that is called here, from the thread."""

    def submit(
        self,
        message: ReadPixels,
        on_answer: Callable[[Any], None],
        on_pending: Callable[[str], None] | None = None,
    ) -> int:
        """Ask; both are called from the client's thread."""

    def cancel(self, *requests: int) -> None:
        """Withdraw requests."""


class Member(NamedTuple):
    """One plane of a stack."""

    z: int
    revision: int
    message: ReadPixels


@dataclass(frozen=True, eq=False)
class Projected:
    """The brightest of all planes of a stack that could be read."""

    pixels: npt.NDArray[Any]
    """(y, x) or (y, x, rgb)."""
    statistics: PlaneStatistics | None
    missing: tuple[tuple[int, str], ...] = ()
    """(z, why) of the planes that could not be read."""
    draft: bool = False
    """A projection is shown when it is whole."""


Answer = Projected | PlanecastError


@dataclass(frozen=True, eq=False)
class _Folded:
    """What is folded so far. Its pixels may be on the screen and are never written to."""

    pixels: npt.NDArray[Any] | None = None
    members: frozenset[tuple[int, int]] = frozenset()
    """(z, revision)."""


@dataclass(eq=False)
class _Job:
    stack: object
    source: Source
    on_answer: Callable[[Answer], None]
    on_pending: Callable[[str], None]
    waiting: list[Member]
    folded: _Folded
    asked: dict[int, Member] = field(default_factory=dict)
    requests: dict[int, int] = field(default_factory=dict)
    """z to the number of its request."""
    failures: dict[int, PlanecastError] = field(default_factory=dict)


class Projector:
    """Folds stacks in a thread that lives while there is something to do, or until `stop`.

    Methods are for the GUI thread; answers come from the projector's own.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count(-1, -1)
        self._events: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._jobs: dict[int, _Job] = {}
        self._kept: OrderedDict[object, _Folded] = OrderedDict()

    def submit(
        self,
        source: Source,
        stack: object,
        members: Sequence[Member],
        on_answer: Callable[[Answer], None],
        on_pending: Callable[[str], None],
    ) -> int:
        """Ask for the projection of `members`; return a number below 0.

        `stack` names the stack through all its changes: of what was folded for it before, only
        new planes are read.
        """
        number = next(self._numbers)
        job = _Job(stack, source, on_answer, on_pending, list(members), _Folded())
        self._events.put(lambda: self._begin(number, job))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="projection", daemon=True)
            self._thread.start()
        return number

    def cancel(self, *numbers: int) -> None:
        """Withdraw: their answers don't come any more, what is folded is kept."""
        if numbers and self._thread is not None:
            self._events.put(lambda: self._withdraw(numbers))

    def stop(self) -> None:
        """Forget everything and end the thread; waits for the plane it is folding."""
        if self._thread is not None:
            self._events.put(None)
            self._thread.join()
            self._thread = None
        self._events = queue.SimpleQueue()

    # ------------------------------------------------------------ in the thread

    def _run(self) -> None:
        while (event := self._events.get()) is not None:
            event()
            del event  # it holds pixels, which are leased from the worker
        self._withdraw(tuple(self._jobs))
        self._kept.clear()

    def _begin(self, number: int, job: _Job) -> None:
        before = self._kept.get(job.stack, _Folded())
        if before.members <= {(one.z, one.revision) for one in job.waiting}:
            job.folded = before
            job.waiting = [m for m in job.waiting if (m.z, m.revision) not in before.members]
        self._jobs[number] = job
        self._go_on(number, job)

    def _withdraw(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            job = self._jobs.pop(number, None)
            if job is not None:
                job.source.cancel(*job.requests.values())
                self._keep(job)

    def _go_on(self, number: int, job: _Job) -> None:
        while job.waiting and len(job.asked) < IN_FLIGHT:
            self._ask(number, job, job.waiting.pop(0))
        if not job.asked:
            del self._jobs[number]
            self._keep(job)
            job.on_answer(_answer(job))

    def _ask(self, number: int, job: _Job, member: Member) -> None:
        put = self._events.put  # of this queue: `stop` makes another

        def on_answer(answer: Any) -> None:
            put(lambda: self._take(number, member.z, answer))

        job.asked[member.z] = member
        job.requests[member.z] = job.source.submit(member.message, on_answer, job.on_pending)

    def _take(self, number: int, z: int, answer: Any) -> None:
        job = self._jobs.get(number)
        if job is None:
            return
        member = job.asked.pop(z)
        del job.requests[z]
        if isinstance(answer, PlanecastError):
            job.failures[z] = answer
        else:
            self._fold(job, member, answer.pixels)
        del answer
        self._go_on(number, job)

    def _fold(self, job: _Job, member: Member, pixels: npt.NDArray[Any]) -> None:
        brightest = job.folded.pixels
        if brightest is not None and brightest.shape != pixels.shape:
            job.failures[member.z] = NoDataError(
                f"z {member.z}: a plane of shape {pixels.shape} among {brightest.shape}"
            )
            return
        fold = np.fmax if pixels.dtype.kind == "f" else np.maximum
        folded = pixels.copy() if brightest is None else fold(brightest, pixels)
        members = job.folded.members | {(member.z, member.revision)}
        job.folded = replace(job.folded, pixels=folded, members=members)

    def _keep(self, job: _Job) -> None:
        self._kept.pop(job.stack, None)
        self._kept[job.stack] = job.folded
        sizes = [0 if one.pixels is None else one.pixels.nbytes for one in self._kept.values()]
        while sum(sizes) > KEPT_BYTES and len(sizes) > 1:
            self._kept.popitem(last=False)
            del sizes[0]


def _answer(job: _Job) -> Answer:
    if job.folded.pixels is None:
        first = min(job.failures, default=None)
        return NoDataError("there is no plane") if first is None else job.failures[first]
    missing = tuple((z, error.message) for z, error in sorted(job.failures.items()))
    return Projected(job.folded.pixels, sample_statistics(job.folded.pixels), missing)
