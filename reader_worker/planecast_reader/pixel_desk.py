"""Requests for pixels: from the cache, from a reader, or when their file becomes whole."""

import logging
from collections.abc import Hashable
from dataclasses import dataclass, field

from planecast_protocol.errors import (
    CancelledError,
    FileMissingError,
    NotYetWrittenError,
    PlanecastError,
    ReaderCrashedError,
    ReaderTimeoutError,
)
from planecast_protocol.planes import DtypeName, PlaneStatistics, Shape, SharedPlane
from planecast_protocol.reader_messages import PixelsPending, PixelsReady, ReadPixels, RequestFailed
from planecast_protocol.task_messages import PixelsTask, TaskPixels
from planecast_reader.arena import Arena, Slot
from planecast_reader.client_session import ClientSession
from planecast_reader.fact_cache import FactCache
from planecast_reader.file_facts import FileFacts, Signature
from planecast_reader.jobs import Job, Result
from planecast_reader.patience import Patience, Waiting
from planecast_reader.pool import Pool
from planecast_reader.quarantine import Quarantine

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CachedPixels:
    """What the arena's slot holds."""

    shape: Shape
    dtype: DtypeName
    nbytes: int
    signature: Signature
    checked: bool
    """Read for a running acquisition, so it is known not to be half written."""
    statistics: PlaneStatistics | None


@dataclass(eq=False)
class _PixelJob:
    job: Job
    waiters: list[tuple[ClientSession, ReadPixels]] = field(default_factory=list)


class PixelDesk:
    """Belongs to the front's thread."""

    def __init__(
        self, arena: Arena | None, pool: Pool, facts: FactCache, quarantine: Quarantine
    ) -> None:
        self._arena = arena
        self._pool = pool
        self._facts = facts
        self._quarantine = quarantine
        self._jobs: dict[Hashable, _PixelJob] = {}
        self._patience = Patience(self._look_again)
        self._sizes: dict[Hashable, int] = {}
        """(path, scene, area kind) to the last size of its pixels: saves a message a plane."""
        self.reads = 0
        self.cache_hits = 0

    # ------------------------------------------------------------ requests

    def read(self, client: ClientSession, request: ReadPixels) -> None:
        """Answer now if the plane is cached and certain, else find out."""
        slot = self._find(request)
        if slot is not None and request.running:
            # Whole when it was read, and a plane that is registered again has a new revision.
            self._answer_cached(client, request, slot)
            return
        self._facts.ask(request.path, lambda answer: self._on_facts(client, request, answer))

    def cancel(self, client: ClientSession, requests: list[int]) -> None:
        """Withdraw requests, wherever they are."""
        for number in requests:
            error = CancelledError("withdrawn by its client").to_info()
            client.answer(number, RequestFailed(request=number, error=error))
        self._forget(client, set(requests))

    def drop(self, client: ClientSession) -> None:
        """Forget a client that is gone."""
        self._forget(client, None)

    def tick(self) -> None:
        """Look again at files that were not whole."""
        self._patience.tick()

    @property
    def pending(self) -> int:
        """Number of requests that wait for a file."""
        return len(self._patience)

    def next_look_s(self) -> float | None:
        """Return the time to the next look at a file; None if none is waited for."""
        return self._patience.next_s()

    def _forget(self, client: ClientSession, requests: set[int] | None) -> None:
        self._patience.forget(client, requests)
        for key, entry in list(self._jobs.items()):
            entry.waiters = [
                (waiter, request)
                for waiter, request in entry.waiters
                if waiter is not client
                or (requests is not None and request.request not in requests)
            ]
            if not entry.waiters and self._pool.cancel(entry.job):
                del self._jobs[key]

    # ------------------------------------------------------------ the cache

    def _find(self, request: ReadPixels) -> Slot | None:
        slot = self._arena.find(_key(request)) if self._arena else None
        if slot is None or not isinstance(slot.content, CachedPixels):
            return None
        known = slot.content
        good = (known.checked or not request.running) and (
            known.statistics is not None or not request.statistics
        )
        return slot if good else None

    def _answer_cached(self, client: ClientSession, request: ReadPixels, slot: Slot) -> None:
        self.cache_hits += 1
        self._answer(client, request, slot, cached=True, read_ms=0.0)

    def _answer(
        self,
        client: ClientSession,
        request: ReadPixels,
        slot: Slot,
        *,
        cached: bool,
        read_ms: float,
    ) -> None:
        known = slot.content
        assert isinstance(known, CachedPixels)
        assert self._arena is not None
        shared, payload = None, b""
        if client.row is not None:
            generation = self._arena.generation(slot)
            shared = SharedPlane(slot=slot.number, generation=generation, offset=slot.offset)
        else:
            payload = self._arena.read(slot, known.nbytes)
        ready = PixelsReady(
            request=request.request,
            shape=known.shape,
            dtype=known.dtype,
            shared=shared,
            statistics=known.statistics if request.statistics else None,
            cached=cached,
            read_ms=read_ms,
        )
        client.answer(request.request, ready, payload)

    # ------------------------------------------------------------ reading

    def _look_again(self, waiting: Waiting) -> None:
        client, request = waiting.client, waiting.request
        self._facts.ask(
            request.path, lambda answer: self._on_facts(client, request, answer), fresh=True
        )

    def _on_facts(
        self, client: ClientSession, request: ReadPixels, facts: FileFacts | PlanecastError
    ) -> None:
        if request.request not in client.unanswered:
            return
        try:
            if isinstance(facts, PlanecastError):
                raise facts
            self._quarantine.check(request.path, facts.signature)
        except PlanecastError as error:
            self._disappoint(client, request, error)
            return
        slot = self._find(request)
        if slot is not None and isinstance(slot.content, CachedPixels):
            if (
                slot.content.checked and request.running
            ) or slot.content.signature == facts.signature:
                self._answer_cached(client, request, slot)
                return
            assert self._arena is not None
            self._arena.forget(_key(request))
        self._join_or_begin(client, request, facts)

    def _join_or_begin(self, client: ClientSession, request: ReadPixels, facts: FileFacts) -> None:
        key = (_key(request), request.running, request.statistics)
        entry = self._jobs.get(key)
        if entry is not None:
            entry.waiters.append((client, request))
            return
        task = PixelsTask(
            task=0,
            path=str(facts.path),
            wire_path=request.path,
            scene=request.scene,
            index=request.index,
            area=request.area,
            running=request.running,
            statistics=request.statistics,
        )
        job = Job(
            key=key,
            task=task,
            wire_path=request.path,
            facts=facts,
            on_done=self._on_done,
            priority=request.priority,
            nbytes=self._sizes.get(_size_key(request), 0),
        )
        self._jobs[key] = _PixelJob(job, [(client, request)])
        self._pool.submit(job)

    def _on_done(self, job: Job, result: Result, payload: bytes) -> None:
        entry = self._jobs.pop(job.key)
        if isinstance(result, TaskPixels):
            self.reads += 1
            self._quarantine.forgive(job.wire_path)
            self._deliver(entry, result, payload)
            return
        error = result if isinstance(result, PlanecastError) else PlanecastError("not pixels")
        if isinstance(error, ReaderCrashedError | ReaderTimeoutError):
            self._quarantine.add(job.wire_path, job.facts.signature, error.message)
        for client, request in entry.waiters:
            self._disappoint(client, request, error)

    def _deliver(self, entry: _PixelJob, result: TaskPixels, payload: bytes) -> None:
        job = entry.job
        slot, job.slot = job.slot, None
        task = job.task
        if slot is not None and self._arena is not None and isinstance(task, PixelsTask):
            content = CachedPixels(
                result.shape,
                result.dtype,
                result.nbytes,
                result.file_signature,
                task.running,
                result.statistics,
            )
            key = job.key[0] if isinstance(job.key, tuple) else job.key
            self._arena.publish(slot, key, content)
        for client, request in entry.waiters:
            self._patience.forget(client, {request.request})
            self._sizes[_size_key(request)] = result.nbytes
            if slot is not None:
                self._answer(client, request, slot, cached=False, read_ms=result.read_ms)
            else:
                ready = PixelsReady(
                    request=request.request,
                    shape=result.shape,
                    dtype=result.dtype,
                    statistics=result.statistics,
                    read_ms=result.read_ms,
                )
                client.answer(request.request, ready, payload)

    def _disappoint(
        self, client: ClientSession, request: ReadPixels, error: PlanecastError
    ) -> None:
        """Answer with an error, or go on waiting for a plane that was only announced yet."""
        if request.running and isinstance(error, FileMissingError):
            error = NotYetWrittenError.of(request.path, "announced, but not there yet")
        if request.wait and request.running and isinstance(error, NotYetWrittenError):
            if self._patience.wait(client, request, error.message):
                pending = PixelsPending(request=request.request, why=error.message)
                client.tell(request.request, pending)
            return
        self._patience.forget(client, {request.request})
        client.answer(
            request.request, RequestFailed(request=request.request, error=error.to_info())
        )


def _key(request: ReadPixels) -> Hashable:
    """Return what makes a plane the same plane, but for the state of its file."""
    index = tuple(sorted((axis, n) for axis, n in request.index.items() if n))
    return (request.path, request.scene, index, request.area, request.revision)


def _size_key(request: ReadPixels) -> Hashable:
    return (request.path, request.scene, request.index.get("C", 0), request.area)
