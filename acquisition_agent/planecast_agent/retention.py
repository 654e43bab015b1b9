"""Forgets acquisitions: those that somebody names, and those that have become too old.

The journal keeps everything until it is told otherwise. The spools of controllers that ended,
which are kept in case the journal is lost, go a month after the acquisition's last event.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from planecast_agent.books import AcquisitionBook
from planecast_agent.door import Door
from planecast_agent.file_lock import try_lock
from planecast_agent.journal import Journal
from planecast_agent.reserve import Reserve
from planecast_agent.spool_records import DONE_SUFFIX, SPOOL_SUFFIX
from planecast_agent.subscribers import Subscribers
from planecast_protocol.errors import AcquisitionError, JournalFullError, PlanecastError
from planecast_protocol.event_messages import StartAcquisition
from planecast_protocol.limits import HEARTBEAT_S, MAX_TEXT_CHARS
from planecast_protocol.messages import decode_event
from planecast_protocol.retention_messages import (
    MAX_LETTERS,
    AcquisitionDetails,
    AcquisitionForgotten,
    DeadLetterFacts,
    DescribeAcquisition,
    ForgetAcquisition,
)

SPOOL_DAYS = 30.0
FIRST_LOOK_S = 5.0
"""By then the controllers that live have said hello."""
LOOK_EVERY_S = 3600.0
MAX_JUMP_S = 3600.0
MAX_QUESTIONS = 256
DAY_S = 86400.0

logger = logging.getLogger(__name__)


class WallClock:
    """Tells how long ago something was, unless the clock was set meanwhile.

    A date is the one thing that retention can go by, and a wrong one must delete nothing.
    """

    def __init__(self) -> None:
        self._set_off = time.time() - _running_s()

    def is_steady(self) -> bool:
        """Whether the clock has gone on, and was not set, since the agent started."""
        return abs(time.time() - _running_s() - self._set_off) < MAX_JUMP_S

    def days_since(self, wall_time: float) -> float:
        """Return the days that have passed since then."""
        return (time.time() - wall_time) / DAY_S


class Retention:
    """Answers those who look after the journal. Belongs to the agent's thread."""

    def __init__(
        self,
        door: Door,
        journal: Journal,
        subscribers: Subscribers,
        spool_dir: Path,
        keep_days: float | None,
    ) -> None:
        self._door = door
        self._journal = journal
        self._subscribers = subscribers
        self._spool_dir = spool_dir
        self._keep_days = keep_days
        self._reserve = Reserve(journal.path.with_name("reserve"))
        self._reserve.take()
        self._free_at = 0.0
        self._clock = WallClock()
        self._look_at = time.monotonic() + FIRST_LOOK_S
        self._questions: deque[tuple[bytes, DescribeAcquisition | ForgetAcquisition]] = deque()

    @property
    def busy(self) -> bool:
        """Whether there is more to do right now."""
        return bool(self._questions) or self._can_free(time.monotonic())

    def want(self, identity: bytes, question: DescribeAcquisition | ForgetAcquisition) -> None:
        """Note a question. It is answered after the commit of this turn."""
        if len(self._questions) < MAX_QUESTIONS:
            self._questions.append((identity, question))

    def step(self, now: float) -> None:
        """Answer one question, and free a little space.

        Call it between commits. Raises `JournalFullError`; a question has its answer then too.
        """
        if self._questions:
            identity, question = self._questions.popleft()
            try:
                self._answer(identity, question, now)
            except PlanecastError as trouble:
                self._door.refuse(identity, trouble, question.request)
                if not isinstance(trouble, AcquisitionError):
                    raise
        elif self._can_free(now) and not self._door.has_news():
            self._free(now)
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._reserve.take()
            self._look(now)

    def _can_free(self, now: float) -> bool:
        return self._journal.can_free and now >= self._free_at

    def _free(self, now: float) -> None:
        try:
            self._with_reserve(self._journal.free)
        except JournalFullError:
            self._free_at = now + HEARTBEAT_S
            raise
        if not self._journal.can_free:
            self._reserve.take()

    def _with_reserve(self, delete: Callable[[], None]) -> None:
        """Delete; on a full disk with the help of the reserve."""
        try:
            delete()
        except JournalFullError:
            if not self._reserve.give_up():
                raise
            # What is in the write-ahead log goes into the journal, and its room is free again.
            self._journal.settle()
            delete()

    def _answer(
        self, identity: bytes, question: DescribeAcquisition | ForgetAcquisition, now: float
    ) -> None:
        book = self._journal.book(question.acquisition)
        if book is None:
            raise AcquisitionError(f"no acquisition {question.acquisition!r} in this agent")
        if isinstance(question, DescribeAcquisition):
            self._door.answer(identity, self._describe(question.request, book, now))
            return
        controller = self._subscribers.summary(book, now).controller
        if book.state == "running" and controller != "gone" and not question.force:
            raise AcquisitionError(
                f"acquisition {book.id} is running, its controller is {controller}: end it first, "
                "or force it to be forgotten; what is published then is lost"
            )
        n_bytes = self._forget(book)
        answer = AcquisitionForgotten(
            request=question.request, acquisition=book.id, n_bytes=n_bytes
        )
        self._door.answer(identity, answer)

    def _describe(self, request: int, book: AcquisitionBook, now: float) -> AcquisitionDetails:
        (body,) = self._journal.read(book.id, 1, 1)
        start = decode_event(body)
        assert isinstance(start, StartAcquisition)
        letters = self._journal.dead_letters(MAX_LETTERS, book.id)
        return AcquisitionDetails(
            request=request,
            summary=self._subscribers.summary(book, now),
            start=start,
            ended_at=book.ended_at,
            end_reason=book.end_reason,
            late=book.late,
            spool=self._spool_of(book.id),
            n_dead_letters=self._journal.count_dead_letters(book.id),
            dead_letters=[DeadLetterFacts(seq=one.seq, why=one.why) for one in letters],
        )

    def _spool_of(self, acquisition: str) -> str:
        for suffix in (SPOOL_SUFFIX, DONE_SUFFIX):
            path = self._spool_dir / (acquisition + suffix)
            if path.exists():
                return str(path).encode("utf-8", "replace").decode()[:MAX_TEXT_CHARS]
        return ""

    def _forget(self, book: AcquisitionBook) -> int:
        """Forget an acquisition and its spool; return the bytes that they take."""
        self._with_reserve(lambda: self._journal.forget(book.id))
        logger.info("acquisition %s is forgotten, %d events", book.id, book.head)
        return book.n_bytes + _remove_spool(self._spool_dir / (book.id + DONE_SUFFIX))

    # ------------------------------------------------------------ what has become too old

    def _look(self, now: float) -> None:
        """Forget what is too old. A clock that was set is no reason to."""
        if not self._clock.is_steady():
            logger.warning(
                "the clock was set: nothing is forgotten for its age until the agent is restarted"
            )
            return
        if self._keep_days is not None:
            for book in list(self._journal.books()):
                if self._is_old(book, self._keep_days) and not self._runs(book, now):
                    self._forget(book)
        for path in self._spool_dir.glob("*" + DONE_SUFFIX):
            book_of = self._journal.book(path.stem)
            # One that was not ended may be resumed, and one that is not known is the only copy.
            is_over = book_of is not None and book_of.state != "running"
            if self._journal.was_forgotten(path.stem) or (
                book_of is not None and is_over and self._is_old(book_of, SPOOL_DAYS)
            ):
                _remove_spool(path)

    def _is_old(self, book: AcquisitionBook, days: float) -> bool:
        return bool(book.stored_at) and self._clock.days_since(book.stored_at) > days

    def _runs(self, book: AcquisitionBook, now: float) -> bool:
        is_gone = self._subscribers.summary(book, now).controller == "gone"
        return book.state == "running" and not is_gone


def _running_s() -> float:
    """Return the seconds since the machine started, those that it slept too where that is told."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


def _remove_spool(path: Path) -> int:
    """Delete a spool that nobody holds; return its size, or 0 if it stays."""
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    except OSError:
        return 0
    try:
        size = os.fstat(descriptor).st_size
        # A controller that resumes the acquisition holds it, and gives it another name.
        if not try_lock(descriptor):
            return 0
        path.unlink()
    except OSError as trouble:
        logger.warning("%s: can't be deleted: %s", path, trouble)
        return 0
    finally:
        os.close(descriptor)
    return size
