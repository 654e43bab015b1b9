"""Reads what somebody who looks at a file will probably want next, while readers are idle.

In the direction of travel at once; the neighbours on all other axes when the screen has been
at rest for a moment. Files of running acquisitions are left alone: what is missing there would
be looked for again and again, and the viewer knows which of its planes are there.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from planecast_protocol.errors import PlanecastError
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.front.client_session import ClientSession
from planecast_reader.front.fact_cache import FactCache
from planecast_reader.front.file_facts import FileFacts
from planecast_reader.front.jobs import JobKey, job_key

REST_S = 0.15
"""A screen that has asked for nothing so long is looked at."""
FAILED_S = 10.0
"""What could not be read ahead, such as a plane beyond the last, is not tried again before."""
_REMEMBERED = 1024

IsKnown = Callable[[JobKey, ReadPixels], bool]
"""Tell whether a plane is cached, or being read."""
Begin = Callable[[JobKey, ReadPixels, FileFacts], None]
Withdraw = Callable[[JobKey], None]
"""Take a plane back that nobody waits for and no reader has begun."""


class ReadAhead:
    """Belongs to the front's thread."""

    def __init__(
        self, facts: FactCache, *, is_known: IsKnown, begin: Begin, withdraw: Withdraw
    ) -> None:
        self._facts = facts
        self._is_known = is_known
        self._begin = begin
        self._withdraw = withdraw
        self._wanted: dict[JobKey, ReadPixels] = {}
        self._resting: dict[ClientSession, float] = {}
        """Clients whose screen shows something, and when it will be at rest (monotonic)."""
        self._failed: OrderedDict[JobKey, float] = OrderedDict()

    def follow(self, client: ClientSession, request: ReadPixels) -> None:
        """Note what a client looks at, and begin to read what lies in its way."""
        if request.running or request.priority == "prefetch" or not request.keep:
            return
        self._want(client, client.travel.next(request))
        if request.priority == "screen":
            self._resting[client] = time.monotonic() + REST_S

    def tick(self) -> None:
        """Begin to read around what has been on a screen for a moment."""
        now = time.monotonic()
        for client in [client for client, due in self._resting.items() if due <= now]:
            del self._resting[client]
            self._want_more(client, client.travel.around())

    def next_s(self) -> float | None:
        """Return the time until a screen is at rest."""
        if not self._resting:
            return None
        return max(0.0, min(self._resting.values()) - time.monotonic())

    def done(self, key: JobKey, *, failed: bool) -> None:
        """Note that a plane was read, or can't be."""
        if self._wanted.pop(key, None) is not None and failed:
            self._failed[key] = time.monotonic()
            while len(self._failed) > _REMEMBERED:
                self._failed.popitem(last=False)

    def stop(self, wire_path: str) -> None:
        """Read nothing of a file ahead any more."""
        self._drop([key for key, one in self._wanted.items() if one.path == wire_path])

    def drop(self, client: ClientSession) -> None:
        """Forget a client that is gone."""
        self._resting.pop(client, None)
        self._drop(client.ahead)
        client.ahead = set()

    def _want(self, client: ClientSession, wanted: list[ReadPixels]) -> None:
        """Read these ahead for a client, and nothing else any more."""
        by_key = {job_key(one): one for one in wanted}
        self._drop(client.ahead - by_key.keys())
        client.ahead = set()
        self._want_more(client, wanted)

    def _want_more(self, client: ClientSession, wanted: list[ReadPixels]) -> None:
        for one in wanted:
            key = job_key(one)
            client.ahead.add(key)
            if key not in self._wanted and not self._is_known(key, one) and self._may_work(key):
                self._wanted[key] = one
                self._ask(key, one)

    def _may_work(self, key: JobKey) -> bool:
        return time.monotonic() - self._failed.get(key, -FAILED_S) >= FAILED_S

    def _ask(self, key: JobKey, wanted: ReadPixels) -> None:
        def on_facts(facts: FileFacts | PlanecastError) -> None:
            if self._wanted.get(key) is not wanted:
                return
            if isinstance(facts, FileFacts) and not self._is_known(key, wanted):
                self._begin(key, wanted, facts)
            else:
                del self._wanted[key]

        self._facts.ask(wanted.path, on_facts)

    def _drop(self, keys: Iterable[JobKey]) -> None:
        for key in list(keys):
            if self._wanted.pop(key, None) is not None:
                self._withdraw(key)
