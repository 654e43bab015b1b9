"""Checks every event before it is believed. What can't be used is kept aside, with the reason."""

import logging
import math
from collections.abc import Sequence

import msgspec

from planecast_agent.books import AcquisitionBook, DeadLetter
from planecast_agent.journal import Journal
from planecast_agent.lives import begins_life
from planecast_protocol.base import AcquisitionId
from planecast_protocol.errors import BadMessageError
from planecast_protocol.event_messages import (
    EndAcquisition,
    Event,
    RegisterImage,
    ResumeAcquisition,
    StartAcquisition,
)
from planecast_protocol.limits import MAX_TEXT_CHARS
from planecast_protocol.messages import UNDECODABLE, decode_event
from planecast_protocol.paths import check_wire_path

logger = logging.getLogger(__name__)


class _Named(msgspec.Struct):
    acquisition: AcquisitionId = ""


_named_decoder = msgspec.msgpack.Decoder(_Named)


class _UnusableError(Exception):
    """An event that decodes, but contradicts its acquisition."""


class Ingest:
    """Fills a journal. One poisonous event never stops the stream of its publisher."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def take(self, publisher: str, first: int, bodies: Sequence[bytes], after: int = 0) -> bool:
        """Add a publisher's events, the first of which has sequence `first`.

        `after` is the sequence of the event before, where a restart of the controller lies
        between (`lives`). Events that are there already are skipped. `False`: events before
        `first` are missing, and nothing was added. The caller commits.
        """
        last = self._journal.cursor(publisher)
        if first > last + 1 and not (begins_life(first) and after <= last):
            return False
        start = max(first, last + 1)
        news = bodies[start - first :]
        of_last: AcquisitionBook | None = None
        for seq, body in enumerate(news, start=start):
            try:
                event = decode_event(body)
                if of_last is not None and event.acquisition == of_last.id:
                    _check_event(event, of_last)
                elif self._journal.was_forgotten(event.acquisition):
                    continue
                else:
                    of_last = self._check(publisher, event)
            except (BadMessageError, _UnusableError) as trouble:
                why = str(trouble)[:MAX_TEXT_CHARS]
                logger.warning("event %d of %s kept aside: %s", seq, publisher, why)
                self._journal.bury(DeadLetter(publisher, seq, why, body, _acquisition_of(body)))
            else:
                self._journal.append(publisher, event, body)
        if news:
            self._journal.advance(publisher, start + len(news) - 1)
        return True

    def _check(self, publisher: str, event: Event) -> AcquisitionBook | None:
        """Return the event's book, if there is one already: its next events are this publisher's.

        Raises `_UnusableError` and `BadMessageError`.
        """
        book = self._journal.book(event.acquisition)
        if isinstance(event, StartAcquisition):
            _check_start(event, book)
            return None
        if book is None:
            raise _UnusableError(f"acquisition {event.acquisition} was never started")
        if book.owner != publisher:
            raise _UnusableError(f"acquisition {book.id} belongs to another publisher")
        _check_event(event, book)
        return book


def _acquisition_of(body: bytes) -> str:
    """Return which acquisition an event is of that can't be used otherwise; empty: unknown."""
    try:
        return _named_decoder.decode(body).acquisition
    except UNDECODABLE:
        return ""


def _check_start(event: StartAcquisition, book: AcquisitionBook | None) -> None:
    if book is not None:
        raise _UnusableError(f"acquisition {event.acquisition} was started before")
    if event.channel_colors is not None and len(event.channel_colors) != len(event.channels):
        raise _UnusableError("channel_colors are not as many as the channels")
    sizes = (event.pixel_size_um, event.z_step_um, event.time_interval_s, event.started_at)
    if not all(size is None or math.isfinite(size) for size in sizes):
        raise _UnusableError("a size or time is not finite")


def _check_event(event: Event, book: AcquisitionBook) -> None:
    """Check what comes of an acquisition that was started before."""
    match event:
        case RegisterImage():
            _check_image(event, book)
        case EndAcquisition():
            _check_end(event, book)
        case ResumeAcquisition():
            _check_resume(event, book)
        case StartAcquisition():
            _check_start(event, book)


def _check_image(event: RegisterImage, book: AcquisitionBook) -> None:
    index = event.index
    if not (index.fov < book.n_fovs and index.z < book.num_z and index.channel < book.n_channels):
        raise _UnusableError(
            f"plane fov={index.fov} z={index.z} channel={index.channel} is beyond the "
            f"{book.n_fovs} fovs, {book.num_z} z, {book.n_channels} channels of {book.id}"
        )
    if not math.isfinite(event.registered_at):
        raise _UnusableError("registered_at is not finite")
    check_wire_path(event.source.path)


def _check_end(event: EndAcquisition, book: AcquisitionBook) -> None:
    if book.state != "running":
        raise _UnusableError(f"acquisition {book.id} was ended before")
    if not math.isfinite(event.ended_at):
        raise _UnusableError("ended_at is not finite")


def _check_resume(event: ResumeAcquisition, book: AcquisitionBook) -> None:
    if book.state != "running":
        raise _UnusableError(f"acquisition {book.id} was ended before")
    if not math.isfinite(event.resumed_at):
        raise _UnusableError("resumed_at is not finite")
