"""The reader worker's client, for viewers and scripts. Imports no file library and no Qt.

One thread holds the connection: it receives, sends what a caller's thread could not send at
once, and connects again when the worker was replaced, asking again for what was not answered.
A caller that waits receives its answer itself, which saves the way through that thread.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from planecast_protocol.endpoints import check_worker_address
from planecast_protocol.errors import (
    BadMessageError,
    CancelledError,
    PlanecastError,
    ReaderTimeoutError,
    UnreachableError,
    WorkerUnreachableError,
)
from planecast_protocol.messages import AnyMessage
from planecast_protocol.metadata import ImageMetadata
from planecast_protocol.planes import Seen
from planecast_protocol.reader_messages import (
    Cancel,
    Done,
    ImageOpened,
    MetadataReady,
    PixelsPending,
    PixelsReady,
    PixelsSoon,
    ReadPixels,
    RequestFailed,
    TableReady,
    WorkerStatus,
)
from planecast_protocol.remote_messages import LookAt
from planecast_reader.answer_box import AnswerBox
from planecast_reader.answers import (
    Answer,
    OnAnswer,
    OnDraft,
    OnPending,
    Outstanding,
    PixelAnswer,
    Request,
    Table,
)
from planecast_reader.arena.ledger import known_digest_of
from planecast_reader.lookup import Lookup
from planecast_reader.receiving import Receiving
from planecast_reader.worker_link import WorkerLink, find_worker, is_remote

__all__ = ["Answer", "PixelAnswer", "ReaderClient", "Request", "Table"]

logger = logging.getLogger(__name__)

UNREACHABLE_AFTER_S = 15.0
"""A blocking request gives up when no worker was there for so long."""
_RETRY_FIRST_S = 0.05
_RETRY_SLOWEST_S = 1.0

OnState = Callable[[bool, str], None]


class ReaderClient:
    """Asks a reader worker. Any thread may call any method; callbacks come from its own thread."""

    def __init__(
        self,
        address: str | None = None,
        *,
        on_state: OnState | None = None,
        resident_bytes: int | None = None,
    ) -> None:
        """Connect in the background, without waiting.

        `address` is `unix:///path` or `tcp://host:port`; without one, the user's running worker
        is joined, or a private one started that ends with this process. `on_state(connected,
        text)` tells of each change. `resident_bytes` is about how much of the worker's shared
        memory may count as memory of this process; all of it, if not given. Raises
        `EndpointError` for an address that is none.
        """
        if address is not None:
            check_worker_address(address)
        self.address = address
        """Of the worker; None: this user's, or a private one."""
        self.is_remote = is_remote(address)
        """Pixels come over a network: few at a time, and worth keeping here."""
        self._on_state = on_state
        self._resident_bytes = resident_bytes
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._outstanding: dict[int, Outstanding] = {}
        self._link: WorkerLink | None = None
        self._closed = threading.Event()
        self._away_since: float | None = time.monotonic()
        self.trouble = "not connected yet"
        """Why there is no connection, for people."""
        self._expects_new = False
        """Whether the next plane is probably not in the shared memory, as the last was not: it is
        asked for first, and looked for while that is on its way."""
        self._receiving = Receiving()
        self._thread = threading.Thread(target=self._run, name="reader-client", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------ asking

    def submit(
        self,
        message: Request,
        on_answer: OnAnswer,
        on_pending: OnPending | None = None,
        on_draft: OnDraft | None = None,
    ) -> int:
        """Ask without waiting; return the request's number.

        `on_answer` is called once with the answer or a `PlanecastError`; `on_pending` with the
        reason each time that a plane turns out not to be whole yet; `on_draft` with what is
        known of a plane of another machine before all of it has come.
        """
        return self._ask(message, Outstanding(message, on_answer, on_pending, on_draft))

    def find(self, message: ReadPixels) -> npt.NDArray[Any] | None:
        """Return the plane without asking, if it lies in the shared memory and is certain.

        None says nothing: `submit` or `request` it. Takes some microseconds, from any thread.
        """
        link = self._link
        if link is None or link.arena is None:
            return None
        return link.arena.find(known_digest_of(message), running=message.running)

    def cancel(self, *numbers: int) -> None:
        """Withdraw requests; those not answered yet are answered with `CancelledError`."""
        with self._lock:
            known = [n for n in numbers if n in self._outstanding]
            for number in known:
                self._outstanding[number].cancelled = True
            if known:
                self._send(Cancel(requests=known))

    def look_at(self, seen: Seen, *numbers: int) -> None:
        """Tell what is seen by now of planes of another machine that are on their way."""
        with self._lock:
            known = []
            for number in numbers:
                outstanding = self._outstanding.get(number)
                if outstanding is not None and isinstance(outstanding.message, ReadPixels):
                    # Asked again on another connection, it begins there.
                    outstanding.message = msgspec.structs.replace(outstanding.message, seen=seen)
                    known.append(number)
            if known and self.is_remote:
                self._send(LookAt(requests=known, seen=seen))

    def request(
        self, message: Request, timeout_s: float | None = None, *, find: bool = True
    ) -> Answer:
        """Ask and wait. Not from a callback: they run in the thread that would have to answer.

        With `find`, a plane that lies in the shared memory is not asked for. Raises the
        `PlanecastError` that is the answer, `WorkerUnreachableError` if there is no worker for
        15 s, `ReaderTimeoutError` after `timeout_s`.
        """
        link = self._link
        if link is None or link.arena is None or not isinstance(message, ReadPixels):
            return self._ask_and_wait(link, message, timeout_s)
        look = Lookup(link.arena, message, may_find=find, asks_first=self._expects_new)
        if (found := look.before()) is not None:
            return found
        answer = self._ask_and_wait(link, message, timeout_s, look)
        if isinstance(answer, PixelAnswer):
            self._expects_new = not answer.cached
            self._receiving.is_quick |= answer.cached
        return answer

    def check_reachable(self) -> None:
        """Raise `WorkerUnreachableError` if no worker was there for 15 s: for those that wait."""
        away = self._away_since
        if away is not None and time.monotonic() - away > UNREACHABLE_AFTER_S:
            raise WorkerUnreachableError(self.trouble)

    def close(self) -> None:
        """End the thread; what is unanswered is answered with `CancelledError`."""
        self._closed.set()
        self._receiving.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _ask_and_wait(
        self,
        link: WorkerLink | None,
        message: Request,
        timeout_s: float | None,
        look: Lookup | None = None,
    ) -> Answer:
        box = AnswerBox(timeout_s)
        leads = link is not None and self._receiving.take_over(link.connection)
        try:
            if leads and look is not None and look.is_new():
                message = msgspec.structs.replace(message, awake=True)
            number = self._ask(message, Outstanding(message, box.put), leads=leads)
            if look is not None and (found := look.meanwhile()) is not None:
                self._drop(number)
                return found
            if link is not None and leads:
                self._receive_answer(link, number, box)
        finally:
            if link is not None and leads:
                with self._lock:
                    self._receiving.hand_back(link.connection, expects=bool(self._outstanding))
        while box.is_empty and not box.wait():
            self._give_up(number, box)
        return box.open()

    def _give_up(self, number: int, box: AnswerBox) -> None:
        """Raise if a blocking request has waited long enough."""
        try:
            self.check_reachable()
        except WorkerUnreachableError:
            self._drop(number)
            raise
        if box.is_overdue:
            self.cancel(number)
            self._drop(number)
            raise ReaderTimeoutError(f"no answer within {box.timeout_s:g} s")

    def _ask(self, message: Request, outstanding: Outstanding, *, leads: bool = False) -> int:
        """Send a request; one who `leads` receives the answer himself."""
        number = next(self._numbers)
        outstanding.message = message = msgspec.structs.replace(message, request=number)
        with self._lock:
            if self._closed.is_set():
                raise WorkerUnreachableError("this client is closed")
            self._outstanding[number] = outstanding
            self._send(message)
            if not leads and self._link is not None:
                self._receiving.expect(self._link.connection)
        return number

    def _receive_answer(self, link: WorkerLink, number: int, box: AnswerBox) -> None:
        """Receive until the answer is there, the connection breaks, or nothing comes for long."""
        while box.is_empty:
            own = self._receiving.receive_own(link.connection, number, box.patience_s)
            if own is None:
                return
            for message, payload in own:
                if isinstance(message, PixelsSoon):
                    self._on_soon(link, message)
                else:
                    self._on_message(link, message, payload)

    def _on_soon(self, link: WorkerLink, soon: PixelsSoon) -> None:
        """Get ready for a plane, and take it as soon as it is there; else its answer will come."""
        if link.arena is None or soon.request not in self._outstanding:
            return
        wait = partial(self._receiving.wait_awake, link.connection)
        taken = link.arena.take_soon(soon.shared, soon.shape, soon.dtype, wait)
        if taken is not None:
            pixels, read_ms = taken
            self._answer(soon.request, PixelAnswer(pixels, None, cached=False, read_ms=read_ms))

    def _drop(self, number: int) -> None:
        with self._lock:
            self._outstanding.pop(number, None)

    def _send(self, message: AnyMessage) -> None:
        """Send now if there is a connection; the thread sees to the rest. Needs the lock."""
        if self._link is None:
            return
        try:
            self._link.connection.send(message)
            if self._link.connection.wants_to_send:
                self._receiving.wake()
        except UnreachableError:  # the thread notices too, and reconnects
            pass

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        retry_s = _RETRY_FIRST_S
        while not self._closed.is_set():
            try:
                link = find_worker(self.address, self._resident_bytes)
            except PlanecastError as trouble:
                self._tell_state(connected=False, text=str(trouble))
                self._closed.wait(retry_s)
                retry_s = min(2 * retry_s, _RETRY_SLOWEST_S)
                continue
            retry_s = _RETRY_FIRST_S
            try:
                self._serve(link)
            except PlanecastError as trouble:
                self._tell_state(connected=False, text=f"the reader worker is gone: {trouble}")
            finally:
                with self._lock:
                    self._link = None
                link.close()
        self._answer_all(CancelledError("this client was closed"))
        self._receiving.close()

    def _tell_state(self, *, connected: bool, text: str) -> None:
        if connected:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = time.monotonic()
        self.trouble = text
        if self._on_state is not None:
            self._on_state(connected, text)

    def _serve(self, link: WorkerLink) -> None:
        """Serve one connection until it breaks (`UnreachableError`) or the client is closed."""
        self._tell_state(connected=True, text="connected")
        self._resume(link)
        self._receiving.attach(link.connection)
        try:
            for message, payload in link.early:
                self._on_message(link, message, payload)
            while not self._closed.is_set():
                self._receiving.wait(link.connection)
                with self._lock:
                    link.connection.flush()
                for message, payload in self._receiving.receive(link.connection):
                    if not isinstance(message, PixelsSoon):  # its caller waits no longer
                        self._on_message(link, message, payload)
        finally:
            self._receiving.detach(link.connection)

    def _resume(self, link: WorkerLink) -> None:
        """Ask again for everything that an earlier connection did not answer."""
        with self._lock:
            withdrawn = [(n, o) for n, o in self._outstanding.items() if o.cancelled]
            for number, _ in withdrawn:
                del self._outstanding[number]
            self._link = link
            for outstanding in self._outstanding.values():
                self._send(outstanding.message)
        for _, outstanding in withdrawn:
            outstanding.on_answer(CancelledError("withdrawn by its client"))

    def _on_message(
        self, link: WorkerLink, message: AnyMessage, payload: bytes | memoryview
    ) -> None:
        match message:
            case PixelsReady():
                self._on_pixels(link, message, payload)
            case PixelsPending(request=number, why=why):
                outstanding = self._outstanding.get(number)
                if outstanding is not None and outstanding.on_pending is not None:
                    outstanding.on_pending(why)
            case ImageOpened(request=number, image=image):
                self._answer(number, image)
            case TableReady(request=number):
                self._answer(number, msgspec.msgpack.decode(payload, type=dict[str, list[Any]]))
            case MetadataReady(request=number):
                self._answer(number, msgspec.msgpack.decode(payload, type=ImageMetadata))
            case Done(request=number):
                self._answer(number, None)
            case RequestFailed(request=number, error=error):
                self._answer(number, PlanecastError.from_info(error))
            case WorkerStatus(request=number):
                self._answer(number, message)
            case _:
                raise BadMessageError(f"the worker sent an unexpected {type(message).__name__}")

    def _on_pixels(self, link: WorkerLink, ready: PixelsReady, payload: bytes | memoryview) -> None:
        pixels: npt.NDArray[Any] | None
        if ready.shared is None:
            pixels = np.frombuffer(payload, ready.dtype).reshape(ready.shape)
        elif link.arena is not None:
            pixels = link.arena.take(ready.shared, ready.shape, ready.dtype)
        else:
            raise BadMessageError("the worker speaks of shared memory that it did not share")
        if pixels is None:  # evicted on the way: ask again
            with self._lock:
                outstanding = self._outstanding.get(ready.request)
                if outstanding is not None and not outstanding.cancelled:
                    self._send(outstanding.message)
            return
        answer = PixelAnswer(
            pixels, ready.statistics, ready.cached, ready.read_ms, draft=ready.draft
        )
        if not ready.draft:
            self._answer(ready.request, answer)
            return
        outstanding = self._outstanding.get(ready.request)
        if outstanding is not None and outstanding.on_draft is not None:
            outstanding.on_draft(answer)

    def _answer(self, number: int, answer: Answer) -> None:
        with self._lock:
            outstanding = self._outstanding.pop(number, None)
        if outstanding is not None:
            outstanding.on_answer(answer)

    def _answer_all(self, error: PlanecastError) -> None:
        with self._lock:
            left, self._outstanding = self._outstanding, {}
        for outstanding in left.values():
            outstanding.on_answer(error)
