"""The reader worker's front: owns the sockets, the arena and the books; imports no file library.

One thread, one selector. File libraries run in reader processes (`pool.py`), questions to the
file system in a few threads (`file_facts.py`), so nothing here can crash, hang or wait.
"""

import contextlib
import errno
import gc
import logging
import os
import selectors
import signal
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from planecast_protocol.endpoints import default_worker_address
from planecast_protocol.errors import PlanecastError, UnreachableError
from planecast_protocol.open_files import connections_of
from planecast_protocol.paths import local_roots
from planecast_protocol.rare_log import RareLog
from planecast_protocol.reader_messages import WorkerWelcome
from planecast_reader.arena import shared_memory
from planecast_reader.arena.ledger import MAX_SLOTS
from planecast_reader.arena.opening import open_arena
from planecast_reader.bells import SUPPORTED
from planecast_reader.bells.front import ClientBell
from planecast_reader.connection import Connection
from planecast_reader.front import listeners
from planecast_reader.front.chores import AT_REST_S, Chores
from planecast_reader.front.client_session import ClientSession
from planecast_reader.front.desk import Desk
from planecast_reader.front.fact_cache import FactCache
from planecast_reader.front.file_facts import FileInspector, enclosing_roots
from planecast_reader.front.gateway_child import split_addresses, start_gateways
from planecast_reader.front.pool import Pool
from planecast_reader.front.quarantine import Quarantine
from planecast_reader.front.reader_child import ReaderChild
from planecast_reader.manners import let_others_go_first

logger = logging.getLogger(__name__)

AWAKE_S = 0.0002
ACCEPT_AGAIN_S = 1.0
"""After no connection could be taken, because too many files are open."""
MAX_CLIENT_PAYLOAD = 0
"""Clients send requests, never pixels."""


def default_readers() -> int:
    """Return how many processes read at once: the processors but one, 2 to 4."""
    return max(2, min(4, (os.cpu_count() or 2) - 1))


@dataclass(frozen=True)
class FrontSettings:
    """How a worker runs."""

    addresses: tuple[str, ...] = ()
    readers: int = field(default_factory=default_readers)
    roots: dict[str, Path] = field(default_factory=local_roots)
    arena_bytes: int = field(default_factory=shared_memory.affordable_bytes)
    """0: no shared memory, pixels travel through the sockets."""
    reader_memory_bytes: int = 4 << 30
    """Limit of each reader process beyond the arena; 0: none."""
    read_timeout_s: float = 10.0
    private_fd: int | None = None
    """A socket to the one client of a private worker, which ends with it."""


class Front:
    """Serves until `stop` is called, or until a private worker's client is gone."""

    def __init__(self, settings: FrontSettings) -> None:
        self._settings = settings
        self._selector = selectors.DefaultSelector()
        self._stop = False
        self._is_brisk = False
        """Whether somebody was just answered from the cache, who may ask again at once."""
        self._clients: dict[Connection, ClientSession] = {}
        self._private: ClientSession | None = None
        self._max_clients = connections_of(2)
        self._accept_at = 0.0
        """When to listen again; 0: now."""
        self._chores = Chores()
        self._reader_fds: set[int] = set()
        self._log = RareLog(logger)
        self._wake_read, self._wake_write = socket.socketpair()
        for end in (self._wake_read, self._wake_write):
            end.setblocking(False)
        self._inspector = FileInspector(settings.roots, self.wake)
        self._arena = open_arena(settings.arena_bytes)
        local, self._remote = split_addresses(settings.addresses)
        if self._remote and not local:  # the gateway is a client of ours, too
            local = (default_worker_address(),)
        self._listeners = [listeners.listen(address) for address in local]
        self._local = local
        self._pool = Pool(
            settings.readers,
            self._arena,
            memory_bytes=settings.reader_memory_bytes,
            read_timeout_s=settings.read_timeout_s,
            watch=self._watch_reader,
            unwatch=self._unwatch,
            roots=enclosing_roots(settings.roots),
        )
        self._desk = Desk(self._arena, self._pool, FactCache(self._inspector), Quarantine())
        self._name = uuid.uuid4().hex

    def wake(self) -> None:
        """Have the loop turn. Any thread, and signal handlers."""
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_write.send(b"\0")

    def stop(self) -> None:
        """End `run` soon. Any thread, and signal handlers."""
        self._stop = True
        self.wake()

    def open_gateways(self, stack: contextlib.ExitStack) -> None:
        """Let other machines come, if they may; `stack` shuts them out again.

        Raises `EndpointError` without keys or roots, and where an address can't be used.
        """
        if self._remote:
            roots = self._settings.roots
            self._desk.gateways = start_gateways(self._remote, self._local[0], roots, stack)

    # ------------------------------------------------------------ the loop

    def run(self) -> None:
        """Serve, then free everything."""
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._on_wake)
        self._listen()
        if self._settings.private_fd is not None:
            self._private = self._welcome(socket.socket(fileno=self._settings.private_fd))
        try:
            while not self._stop:
                self._turn()
        finally:
            self._close()

    def _turn(self) -> None:
        events = self._await(self._patience_s())
        hits = self._desk.pixels.cache_hits
        if len(events) > 1:  # readers first: one that is done may be the one that is wanted
            events.sort(key=lambda event: event[0].fd not in self._reader_fds)
        for key, mask in events:
            key.data(mask)
        self._is_brisk = self._desk.pixels.cache_hits > hits
        self._pool.book()
        for client in list(self._clients.values()):
            if client.needs_care:
                self._care_for(client)
        if self._chores.are_due(has_come=bool(events)):
            self._do_chores()

    def _patience_s(self) -> float:
        """Return how long to wait for something to come."""
        is_short = self._arena is not None and self._arena.is_short
        patience_s = self._chores.patience_s(busy=self._pool.busy, is_short=is_short)
        if patience_s is not None:
            return patience_s
        next_s = self._desk.pixels.next_look_s()
        return AT_REST_S if next_s is None else min(AT_REST_S, next_s)

    def _do_chores(self) -> None:
        """Look at what is due by now."""
        if self._accept_at and time.monotonic() >= self._accept_at:
            self._listen()
        self._inspector.collect()
        self._desk.pixels.tick()
        self._pool.tick()
        # A reader copies with two threads: what can wait is not to take a processor from it.
        if self._arena is not None and (self._arena.is_short or not self._pool.busy):
            self._arena.prepare()
        self._chores.done()

    def _await(self, timeout_s: float) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for something to do: awake for a moment, if it is likely to come at once.

        To be woken takes as long as to find a cached plane. Readers are to have all processors
        while they read.
        """
        started = time.monotonic()
        if self._is_brisk and not self._pool.busy:
            while time.monotonic() - started < AWAKE_S:
                if events := self._selector.select(0):
                    return events
                let_others_go_first()
        return self._selector.select(timeout_s)

    def _on_wake(self, _mask: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_read.recv(4096):
                pass
        self._inspector.collect()

    # ------------------------------------------------------------ clients

    def _listen(self) -> None:
        self._accept_at = 0.0
        for listener in self._listeners:
            accept = partial(self._accept, listener.socket)
            self._selector.register(listener.socket, selectors.EVENT_READ, accept)

    def _accept(self, listening: socket.socket, _mask: int) -> None:
        for _ in range(listeners.BACKLOG):
            try:
                stream, _peer = listening.accept()
            except BlockingIOError:
                return
            except OSError as trouble:  # gone again, or no file descriptors left
                self._log.warning("accept", "could not accept a client: %s", trouble)
                if trouble.errno in (errno.EMFILE, errno.ENFILE):
                    self._stop_listening()
                return
            if len(self._clients) < self._max_clients or self._make_room():
                self._welcome(stream)
            else:
                stream.close()

    def _stop_listening(self) -> None:
        """Let newcomers wait for a while: they would wake the loop again and again."""
        self._accept_at = time.monotonic() + ACCEPT_AGAIN_S
        for listener in self._listeners:
            with contextlib.suppress(KeyError):
                self._selector.unregister(listener.socket)

    def _make_room(self) -> bool:
        """End the oldest connection that has never asked for anything; tell if there was one."""
        self._desk.refused += 1
        text = "%d clients are connected: one that asked for nothing, or a newcomer, is cut off"
        self._log.warning("full", text, len(self._clients))
        for client in self._clients.values():
            if not client.has_asked and client is not self._private:
                self._bury(client)
                return True
        return False

    def _welcome(self, stream: socket.socket) -> ClientSession:
        connection = Connection(stream, MAX_CLIENT_PAYLOAD)
        local = stream.family == getattr(socket, "AF_UNIX", None)
        arena = self._arena if local else None
        row = arena.ledger.add_client() if arena else None
        client = ClientSession(connection, row)
        self._clients[connection] = client
        shares = arena is not None and row is not None
        if shares and SUPPORTED:
            with contextlib.suppress(OSError):  # no files left: the front answers
                client.bell = ClientBell()
        welcome = WorkerWelcome(
            worker=self._name,
            pid=os.getpid(),
            arena_bytes=arena.nbytes if arena and shares else 0,
            slots=MAX_SLOTS if shares else 0,
            row=row or 0,
        )
        try:
            if arena is not None and shares:
                bell = [client.bell.to_hear.fileno()] if client.bell is not None else []
                connection.send_with_fds(welcome, [arena.fd, arena.ledger.fd, *bell])
            else:
                connection.send(welcome)
        except (OSError, UnreachableError):
            client.alive = False
        if client.bell is not None:
            client.bell.to_hear.close()  # now the client's alone
        talk = partial(self._on_client, client)
        self._selector.register(connection.socket, selectors.EVENT_READ, talk)
        return client

    def _on_client(self, client: ClientSession, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                client.connection.flush()
            if mask & selectors.EVENT_READ:
                for message, _payload in client.connection.receive():
                    client.inbox.append(message)
                    client.has_asked = True
            while client.inbox and client.reads:
                self._desk.handle(client, client.inbox.popleft(), len(self._clients))
            if client.has_work:
                self._desk.pixels.take_up(client)
        except UnreachableError:
            client.alive = False
        except PlanecastError as garbage:
            self._desk.refused += 1
            self._log.warning("garbage", "a client is cut off: %s", garbage)
            client.alive = False

    def _care_for(self, client: ClientSession) -> None:
        """See to one who is gone, who reads too slowly, or who waits for what was put back."""
        if client.alive and client.has_work:
            self._on_client(client, 0)
        if not client.alive:
            self._bury(client)
            return
        wanted = 0 if client.inbox else selectors.EVENT_READ
        if client.connection.wants_to_send:
            wanted |= selectors.EVENT_WRITE
        wanted = wanted or selectors.EVENT_READ
        if client.interest != wanted:
            key = self._selector.get_key(client.connection.socket)
            self._selector.modify(client.connection.socket, wanted, key.data)
            client.interest = wanted

    def _bury(self, client: ClientSession) -> None:
        del self._clients[client.connection]
        self._unwatch(client.connection)
        client.connection.close()
        if client.bell is not None:
            client.bell.close()
        self._desk.pixels.drop(client)
        client.unanswered.clear()
        if self._arena is not None and client.row is not None:
            self._arena.ledger.drop_client(client.row)
        if client is self._private:
            self._stop = True

    # ------------------------------------------------------------ readers

    def _watch_reader(self, child: ReaderChild) -> None:
        def talk(mask: int) -> None:
            if mask & selectors.EVENT_READ:
                self._pool.on_readable(child)

        self._selector.register(child.connection.socket, selectors.EVENT_READ, talk)
        self._reader_fds.add(child.connection.socket.fileno())

    def _unwatch(self, connection: Connection) -> None:
        self._reader_fds.discard(connection.socket.fileno())
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection.socket)

    def _close(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._pool.close()
        for connection in self._clients:
            connection.close()
        self._inspector.close()
        if self._arena is not None:
            self._arena.close()
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()


def serve(settings: FrontSettings, on_ready: Callable[[], None] | None = None) -> None:
    """Run a worker in this process until SIGTERM or SIGINT.

    Raises `EndpointError` if an address can't be used.
    """
    front = Front(settings)
    with contextlib.ExitStack() as stack:
        try:
            front.open_gateways(stack)
        except PlanecastError:
            front.stop()
            front.run()  # which frees everything
            raise
        _serve(front, on_ready)


def _serve(front: Front, on_ready: Callable[[], None] | None) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: front.stop())
    if on_ready is not None:
        on_ready()
    started = time.monotonic()
    gc.collect()
    gc.freeze()  # what was imported stays, and is not to be gone through again and again
    front.run()
    logger.info("worker ended after %.0f s", time.monotonic() - started)
