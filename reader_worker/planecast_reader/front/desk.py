"""What clients ask of the worker, and who answers it."""

import logging
import os
import time
from collections.abc import Sequence

from planecast_protocol.errors import (
    BadMessageError,
    PlanecastError,
    ReaderCrashedError,
    ReaderTimeoutError,
    TooLargeError,
)
from planecast_protocol.messages import AnyMessage
from planecast_protocol.reader_messages import (
    AskWorkerStatus,
    Cancel,
    Done,
    ImageOpened,
    MetadataReady,
    OpenImage,
    ReadMetadata,
    ReadPixels,
    ReadPlanetable,
    ReleaseFile,
    RequestFailed,
    TableReady,
    WorkerStatus,
)
from planecast_protocol.task_messages import (
    DescribeTask,
    MetadataTask,
    PlanetableTask,
    ReleaseTask,
    Task,
    TaskImage,
    TaskPayload,
)
from planecast_reader.arena.cache import Arena
from planecast_reader.front.client_session import ClientSession
from planecast_reader.front.fact_cache import FactCache
from planecast_reader.front.file_facts import FileFacts
from planecast_reader.front.gateway_child import GatewayChild
from planecast_reader.front.jobs import Job, Result
from planecast_reader.front.pixel_desk import PixelDesk
from planecast_reader.front.pool import Pool
from planecast_reader.front.quarantine import Quarantine

MAX_UNANSWERED = 1 << 14
"""Requests of one client at a time."""

logger = logging.getLogger(__name__)

FileRequest = OpenImage | ReadPlanetable | ReadMetadata


class Desk:
    """Takes each request of each client. Belongs to the front's thread."""

    def __init__(
        self, arena: Arena | None, pool: Pool, facts: FactCache, quarantine: Quarantine
    ) -> None:
        self._arena = arena
        self._pool = pool
        self._facts = facts
        self._quarantine = quarantine
        self.pixels = PixelDesk(arena, pool, facts, quarantine)
        self._started = time.monotonic()
        self._requests = 0
        self.refused = 0
        """Clients that were cut off because they sent what is no request."""
        self.gateways: Sequence[GatewayChild] = ()
        """Through which other machines come."""

    def handle(self, client: ClientSession, message: AnyMessage, clients: int) -> None:
        """Begin to answer a message. Raises `BadMessageError` for what no client may send."""
        self._requests += 1
        if type(message) is ReadPixels and len(client.unanswered) < MAX_UNANSWERED:
            client.unanswered.add(message.request)
            self.pixels.read(client, message)
            return
        match message:
            case Cancel(requests=requests):
                self.pixels.cancel(client, requests)
                return
            case ReadPixels() | OpenImage() | ReadPlanetable() | ReadMetadata() | ReleaseFile():
                full = len(client.unanswered) >= MAX_UNANSWERED
                client.unanswered.add(message.request)
                if full:
                    why = f"{MAX_UNANSWERED:,} requests wait for an answer already: wait for some"
                    _refuse(client, message.request, TooLargeError(why))
                    return
            case AskWorkerStatus(request=request):
                client.unanswered.add(request)
            case _:
                raise BadMessageError(f"a client may not send {type(message).__name__}")
        match message:
            case OpenImage() | ReadPlanetable() | ReadMetadata():
                self._ask_reader(client, message)
            case ReleaseFile():
                self._release(client, message)
            case AskWorkerStatus():
                client.answer(message.request, self._status(message.request, clients))

    # ------------------------------------------------------------ files

    def _ask_reader(self, client: ClientSession, request: FileRequest) -> None:
        def on_facts(facts: FileFacts | PlanecastError) -> None:
            try:
                if isinstance(facts, PlanecastError):
                    raise facts
                self._quarantine.check(request.path, facts.signature)
            except PlanecastError as error:
                _refuse(client, request.request, error)
            else:
                self._begin(client, request, facts)

        self._facts.ask(request.path, on_facts)

    def _begin(self, client: ClientSession, request: FileRequest, facts: FileFacts) -> None:
        def on_done(_job: Job, result: Result, payload: bytes | memoryview) -> None:
            match result:
                case TaskImage(image=image):
                    client.answer(
                        request.request, ImageOpened(request=request.request, image=image)
                    )
                case TaskPayload(rows=rows) if isinstance(request, ReadPlanetable):
                    table = TableReady(request=request.request, rows=rows)
                    client.answer(request.request, table, payload)
                case TaskPayload():
                    metadata = MetadataReady(request=request.request)
                    client.answer(request.request, metadata, payload)
                case PlanecastError():
                    self._blame(request.path, facts, result)
                    _refuse(client, request.request, result)
                case _:
                    logger.error("a reader answered %s with pixels", type(request).__name__)

        self._pool.submit(Job(_task_of(request, facts), request.path, facts, on_done))

    def _blame(self, wire_path: str, facts: FileFacts, error: PlanecastError) -> None:
        if isinstance(error, ReaderCrashedError | ReaderTimeoutError):
            self._quarantine.add(wire_path, facts.signature, error.message)

    def _release(self, client: ClientSession, request: ReleaseFile) -> None:
        """Have every reader close the file; answer when the last has."""
        self.pixels.doubt(request.path)
        left = {child.pid for child in self._pool.children if not child.dying}

        def on_facts(facts: FileFacts | PlanecastError) -> None:
            if isinstance(facts, PlanecastError):
                _refuse(client, request.request, facts)
                return

            def on_done(job: Job, _result: Result, _payload: bytes | memoryview) -> None:
                left.discard(job.only_reader or 0)
                if not left:
                    client.answer(request.request, Done(request=request.request))

            for pid in tuple(left):
                task = ReleaseTask(task=0, path=facts.encoded_path)
                job = Job(task, request.path, facts, on_done, only_reader=pid)
                self._pool.submit(job)

        self._facts.ask(request.path, on_facts)

    # ------------------------------------------------------------ the worker itself

    def _status(self, request: int, clients: int) -> WorkerStatus:
        arena = self._arena
        return WorkerStatus(
            request=request,
            uptime_s=time.monotonic() - self._started,
            readers=self._pool.status(),
            clients=clients,
            requests=self._requests,
            reads=self.pixels.reads,
            cache_hits=self.pixels.cache_hits,
            pending=self.pixels.pending,
            queued=self._pool.queued,
            readers_replaced=self._pool.replaced,
            quarantined=self._quarantine.paths(),
            arena_bytes=arena.nbytes if arena else 0,
            arena_used_bytes=arena.used_bytes if arena else 0,
            leased_slots=arena.ledger.count_leased() if arena else 0,
            refused=self.refused + sum(gateway.refused for gateway in self.gateways),
            pid=os.getpid(),
            last_loss=self._pool.last_loss,
        )


def _task_of(request: FileRequest, facts: FileFacts) -> Task:
    path, wire_path = facts.encoded_path, request.path
    match request:
        case OpenImage():
            return DescribeTask(task=0, path=path, wire_path=wire_path)
        case ReadPlanetable(scene=scene, norm_time=norm_time):
            return PlanetableTask(
                task=0, path=path, wire_path=wire_path, scene=scene, norm_time=norm_time
            )
        case ReadMetadata():
            return MetadataTask(task=0, path=path, wire_path=wire_path)


def _refuse(client: ClientSession, request: int, error: PlanecastError) -> None:
    client.answer(request, RequestFailed(request=request, error=error.to_info()))
