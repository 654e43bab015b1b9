"""A plane that is being read, who waits for it, and whom the reader tells by itself."""

from dataclasses import dataclass, field

from planecast_protocol.reader_messages import ReadPixels
from planecast_protocol.task_messages import Bell
from planecast_reader.arena.ledger import Digest
from planecast_reader.front.client_session import ClientSession
from planecast_reader.front.jobs import Job, Tells
from planecast_reader.front.registered import is_registered


@dataclass(eq=False, slots=True)
class PixelJob:
    """A job, and what its plane is wanted for."""

    job: Job
    request: ReadPixels
    """The first one."""
    digest: Digest
    must_settle: bool
    """Nobody said what the finished file looks like, so it must be seen unchanged for a while."""
    waiters: list[tuple[ClientSession, ReadPixels]] = field(default_factory=list)
    later: list[tuple[ClientSession, ReadPixels]] = field(default_factory=list)
    """Who asked when the file had changed, and is to be served when this is done."""
    is_prefetch: bool = False
    """Read although nobody asked for it yet."""
    is_doubted: bool = False
    """The file may have changed since: the plane is asked for by message the next time."""

    @property
    def is_wanted(self) -> bool:
        """Whether anybody is to have the plane, or may be."""
        return bool(self.waiters or self.later or self.is_prefetch)

    def forget(self, client: ClientSession, requests: set[int] | None) -> None:
        """Drop some requests of a client; None: all."""
        for waiting in (self.waiters, self.later):
            waiting[:] = [
                (waiter, request)
                for waiter, request in waiting
                if waiter is not client
                or (requests is not None and request.request not in requests)
            ]


def whom_to_tell(client: ClientSession, request: ReadPixels) -> Tells | None:
    """Return whom the reader tells, if nothing is left for the front to do before the answer."""
    if not request.awake or client.bell is None or client.row is None:
        return None
    if request.running or request.statistics or is_registered(request):
        return None
    return Tells(client.bell, Bell(client.bell.number, request.request, client.row))
