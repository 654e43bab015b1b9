"""Requests for pixels: from the cache, from a reader, or when their file becomes whole."""

import logging
import time
from functools import partial

from planecast_protocol.errors import (
    CancelledError,
    FileChangedError,
    NoDataError,
    NotYetWrittenError,
    PlanecastError,
    ReaderCrashedError,
    ReaderTimeoutError,
)
from planecast_protocol.planes import SharedPlane
from planecast_protocol.reader_messages import PixelsPending, ReadPixels, RequestFailed
from planecast_protocol.task_messages import PixelsTask, TaskPixels
from planecast_reader.arena.cache import Arena
from planecast_reader.arena.ledger import Digest, PlaneFacts, digest_of
from planecast_reader.arena.slots import Slot
from planecast_reader.front.ahead import ReadAhead
from planecast_reader.front.cached_pixels import CachedPixels, ready_message
from planecast_reader.front.client_session import ClientSession
from planecast_reader.front.fact_cache import FactCache
from planecast_reader.front.file_facts import FileFacts
from planecast_reader.front.jobs import Job, JobKey, Result
from planecast_reader.front.patience import Patience, Waiting
from planecast_reader.front.pixel_job import PixelJob, whom_to_tell
from planecast_reader.front.pool import Pool
from planecast_reader.front.quarantine import Quarantine
from planecast_reader.front.registered import check_registered, explain_missing, is_registered
from planecast_reader.front.settling import Settling
from planecast_reader.front.size_hints import SizeHints

TAKEN_UP = 32
"""Requests of a slow client that are looked at in one turn."""

logger = logging.getLogger(__name__)


class PixelDesk:
    """Belongs to the front's thread."""

    def __init__(
        self, arena: Arena | None, pool: Pool, facts: FactCache, quarantine: Quarantine
    ) -> None:
        self._arena = arena
        self._pool = pool
        self._facts = facts
        self._quarantine = quarantine
        self._jobs: dict[JobKey, PixelJob] = {}
        self._patience = Patience(self._look_again)
        self._settling = Settling(facts)
        self._ahead = ReadAhead(
            facts,
            is_known=self._is_known,
            begin=self._begin_ahead,
            withdraw=self._withdraw,
        )
        self._sizes = SizeHints()
        self.reads = 0
        self.cache_hits = 0

    # ------------------------------------------------------------ requests

    def read(self, client: ClientSession, request: ReadPixels) -> None:
        """Answer now if the plane is cached and certain, else find out."""
        if request.view:
            self.cancel(client, client.turn_over(request.view, request.turn, request.request))
        digest = digest_of(request)
        slot = self._find(request, digest)
        if slot is not None and request.running:
            # Whole when it was read, and a plane that is registered again has a new revision.
            self._answer_cached(client, request, slot)
            return
        self._facts.ask(request.path, partial(self._on_facts, client, request, digest))

    def take_up(self, client: ClientSession) -> None:
        """Answer what was put back until the client reads."""
        for _ in range(min(TAKEN_UP, len(client.put_back))):
            request = client.put_back.popleft()
            if request.request in client.unanswered:
                self.read(client, request)

    def cancel(self, client: ClientSession, requests: list[int]) -> None:
        """Withdraw requests, wherever they are."""
        if not requests:
            return
        for number in requests:
            error = CancelledError("withdrawn by its client").to_info()
            client.answer(number, RequestFailed(request=number, error=error))
        self._forget(client, set(requests))

    def doubt(self, wire_path: str) -> None:
        """Look at a file anew before any plane of it is used again; read none of it ahead."""
        self._ahead.stop(wire_path)
        self._facts.forget(wire_path)
        for entry in self._jobs.values():
            entry.is_doubted |= entry.job.wire_path == wire_path
        if self._arena is not None:
            self._arena.doubt(
                lambda held: isinstance(held, CachedPixels) and held.wire_path == wire_path
            )

    def drop(self, client: ClientSession) -> None:
        """Forget a client that is gone."""
        self._ahead.drop(client)
        self._forget(client, None)

    def tick(self) -> None:
        """Look again at files that were not whole."""
        self._patience.tick()
        self._settling.tick()
        self._ahead.tick()

    @property
    def pending(self) -> int:
        """Number of requests that wait for a file."""
        return len(self._patience)

    def next_look_s(self) -> float | None:
        """Return the time to the next look at a file; None if none is waited for."""
        next_ones = (self._patience.next_s(), self._settling.next_s(), self._ahead.next_s())
        return min((next_s for next_s in next_ones if next_s is not None), default=None)

    def _forget(self, client: ClientSession, requests: set[int] | None) -> None:
        self._patience.forget(client, requests)
        for key, entry in list(self._jobs.items()):
            entry.forget(client, requests)
            if not entry.is_wanted and self._pool.cancel(entry.job):
                del self._jobs[key]

    # ------------------------------------------------------------ the cache

    def _find(self, request: ReadPixels, digest: Digest) -> Slot | None:
        slot = self._arena.find(digest) if self._arena else None
        if slot is None or not isinstance(slot.content, CachedPixels):
            return None
        known = slot.content
        good = (known.checked or not request.running) and (
            known.statistics is not None or not request.statistics
        )
        return slot if good else None

    def _answer_cached(self, client: ClientSession, request: ReadPixels, slot: Slot) -> None:
        self.cache_hits += 1
        if request.keep and self._arena is not None:
            self._arena.keep(slot)
        self._answer(client, request, slot, cached=True, read_ms=0.0)
        self._ahead.follow(client, request)

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
        elif client.reads:
            payload = self._arena.read(slot, known.nbytes)
        else:
            client.put_back.append(request)
            return
        ready = ready_message(request, known, read_ms, shared=shared, cached=cached)
        client.answer(request.request, ready, payload)

    # ------------------------------------------------------------ reading

    def _look_again(self, waiting: Waiting) -> None:
        client, request = waiting.client, waiting.request
        self._ask_disk(client, request, digest_of(request))

    def _ask_disk(self, client: ClientSession, request: ReadPixels, digest: Digest) -> None:
        on_facts = partial(self._on_facts, client, request, digest, fresh=True)
        self._facts.ask(request.path, on_facts, fresh=True)

    def _on_facts(
        self,
        client: ClientSession,
        request: ReadPixels,
        digest: Digest,
        facts: FileFacts | PlanecastError,
        *,
        fresh: bool = False,
    ) -> None:
        if request.request not in client.unanswered:
            return
        try:
            if isinstance(facts, PlanecastError):
                raise facts
            self._quarantine.check(request.path, facts.signature)
            check_registered(request, facts)
        except FileChangedError as error:
            if fresh:
                self._disappoint(client, request, error)
            else:  # it may have been registered since the front looked at it
                self._ask_disk(client, request, digest)
            return
        except PlanecastError as error:
            self._disappoint(client, request, error)
            return
        slot = self._find(request, digest)
        if slot is not None and isinstance(slot.content, CachedPixels):
            if (
                slot.content.checked and request.running
            ) or slot.content.signature == facts.signature:
                assert self._arena is not None
                self._arena.verify(slot)
                self._answer_cached(client, request, slot)
                return
            assert self._arena is not None
            self._arena.forget(digest)
        self._join_or_begin(client, request, (digest, request.running, request.statistics), facts)

    def _join_or_begin(
        self, client: ClientSession, request: ReadPixels, key: JobKey, facts: FileFacts
    ) -> None:
        entry = self._jobs.get(key)
        if entry is not None:
            is_same = entry.job.facts.signature == facts.signature
            (entry.waiters if is_same else entry.later).append((client, request))
            self._pool.hurry(entry.job, request.priority)
            return
        entry = self._begin(request, facts, key)
        entry.waiters.append((client, request))
        entry.job.tells = whom_to_tell(client, request)
        self._start(key)
        self._ahead.follow(client, request)

    def _begin(self, request: ReadPixels, facts: FileFacts, key: JobKey) -> PixelJob:
        task = PixelsTask(
            task=0,
            path=facts.encoded_path,
            wire_path=request.path,
            scene=request.scene,
            index=request.index,
            area=request.area,
            running=request.running,
            statistics=request.statistics,
        )
        job = Job(
            task=task,
            wire_path=request.path,
            facts=facts,
            on_done=partial(self._on_done, key),
            priority=request.priority,
            nbytes=self._sizes.guess(request),
        )
        must_settle = request.running and not is_registered(request) and not facts.is_folder
        if must_settle:
            self._settling.see(request.path, facts.signature)
        self._jobs[key] = entry = PixelJob(job, request, key[0], must_settle)
        return entry

    def _start(self, key: JobKey) -> None:
        """Have it read. It may be done, and forgotten, when this returns."""
        self._pool.submit(self._jobs[key].job)

    def _is_known(self, key: JobKey, request: ReadPixels) -> bool:
        return key in self._jobs or self._find(request, key[0]) is not None

    def _begin_ahead(self, key: JobKey, wanted: ReadPixels, facts: FileFacts) -> None:
        self._begin(wanted, facts, key).is_prefetch = True
        self._start(key)

    def _withdraw(self, key: JobKey) -> None:
        entry = self._jobs.get(key)
        if entry is None:
            return
        entry.is_prefetch = False
        if not entry.is_wanted and self._pool.cancel(entry.job):
            del self._jobs[key]

    def _on_done(self, key: JobKey, job: Job, result: Result, payload: bytes | memoryview) -> None:
        if isinstance(result, TaskPixels):
            self.reads += 1
            self._check_file(key, job, result, payload)
            self._quarantine.forgive(job.wire_path)
            return
        error = result if isinstance(result, PlanecastError) else PlanecastError("not pixels")
        if isinstance(error, ReaderCrashedError | ReaderTimeoutError):
            self._quarantine.add(job.wire_path, job.facts.signature, error.message)
        self._finish(key, error, b"")

    def _check_file(
        self, key: JobKey, job: Job, result: TaskPixels, payload: bytes | memoryview
    ) -> None:
        """Look whether the file that was read is the one that was meant."""
        entry = self._jobs[key]
        if is_registered(entry.request):
            try:
                # It may have changed since the front looked at it.
                check_registered(entry.request, job.facts._replace(signature=result.file_signature))
            except PlanecastError as error:
                self._throw_away(key, job, error)
                return
        if not entry.must_settle:
            self._finish(key, result, payload)
            return

        def on_settled(same: bool) -> None:
            if same:
                self._finish(key, result, payload)
            else:
                why = "it changes while it is looked at"
                self._throw_away(key, job, NotYetWrittenError.of(job.wire_path, why))

        if not self._settling.hold(job.wire_path, result.file_signature, on_settled):
            self._finish(key, result, payload)

    def _throw_away(self, key: JobKey, job: Job, error: PlanecastError) -> None:
        """Answer with an error although pixels came."""
        if job.slot is not None and self._arena is not None:
            self._arena.give_back(job.slot)
            job.slot = None
        self._finish(key, error, b"")

    def _finish(
        self, key: JobKey, result: TaskPixels | PlanecastError, payload: bytes | memoryview
    ) -> None:
        entry = self._jobs.pop(key)
        if isinstance(result, TaskPixels):
            self._deliver(entry, result, payload)
        else:
            for client, request in entry.waiters:
                self._disappoint(client, request, result)
        for client, request in entry.later:
            self._ask_disk(client, request, entry.digest)
        self._ahead.done(key, failed=isinstance(result, PlanecastError))

    def _deliver(self, entry: PixelJob, result: TaskPixels, payload: bytes | memoryview) -> None:
        job = entry.job
        slot, job.slot = job.slot, None
        task = job.task
        if slot is not None and self._arena is not None and isinstance(task, PixelsTask):
            content = CachedPixels(
                job.wire_path,
                result.shape,
                result.dtype,
                result.nbytes,
                result.file_signature,
                task.running,
                result.statistics,
            )
            facts = PlaneFacts(
                entry.digest,
                result.shape,
                result.dtype,
                task.running,
                0 if entry.is_doubted else time.monotonic_ns(),
            )
            self._arena.publish(slot, entry.digest, content, facts, job.begun)
            if entry.waiters and not any(request.keep for _, request in entry.waiters):
                self._arena.let_pass(slot)
        for client, request in entry.waiters:
            if result.taken and job.tells is not None and job.tells.is_for(client.bell, request):
                client.unanswered.discard(request.request)
            elif slot is not None:
                self._answer(client, request, slot, cached=False, read_ms=result.read_ms)
            else:
                client.answer(
                    request.request, ready_message(request, result, result.read_ms), payload
                )
        # What nobody waits for comes last.
        for client, request in entry.waiters:
            self._patience.forget(client, {request.request})
        self._sizes.learn(entry.request, result.nbytes)

    def _disappoint(
        self, client: ClientSession, request: ReadPixels, error: PlanecastError
    ) -> None:
        """Answer with an error, or go on waiting for a plane that was only announced yet."""
        error = explain_missing(request, error)
        if request.running and type(error) is NoDataError:  # not `OutOfRangeError`
            error = NotYetWrittenError(error.message, path=error.path)
        if request.wait and request.running and isinstance(error, NotYetWrittenError):
            if self._patience.wait(client, request, error.message):
                pending = PixelsPending(request=request.request, why=error.message)
                client.tell(request.request, pending)
            return
        self._patience.forget(client, {request.request})
        client.answer(
            request.request, RequestFailed(request=request.request, error=error.to_info())
        )
