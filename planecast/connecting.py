"""A microscope of which a script knows one address: what `planecast.connect` returns."""

from typing import Self

from planecast_agent.subscriber.join import LATEST, JoinedAcquisition, join
from planecast_agent.subscriber.journal_client import JournalClient
from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.endpoints import default_agent_address
from planecast_protocol.errors import WorkerUnreachableError
from planecast_protocol.images import ImageInfo
from planecast_protocol.paths import check_wire_path
from planecast_protocol.reader_messages import OpenImage
from planecast_reader.client import ReaderClient
from planecast_reader.headless.image import Image


def connect(agent: str | None = None) -> "Microscope":
    """Return the microscope whose agent is at `agent`: `tcp://scope-pc:5810`, for example.

    Without an address, this user's agent. The agent tells where its reader worker is. Another
    machine needs keys: `planecast keys`. Raises `EndpointError` for an address that is none or
    whose key is not known, and `AgentUnreachableError` if no agent answers.
    """
    address = agent or default_agent_address()
    with JournalClient(address) as journal:
        worker = journal.worker()
    return Microscope(address, worker)


class Microscope:
    """What its agent knows of, and the files beneath its worker's roots. Close it, or use `with`.

    The methods may be called from any thread. A connection that breaks comes back by itself.
    """

    def __init__(self, agent: str, worker: str) -> None:
        """Use `connect`."""
        self.agent = agent
        """Its address."""
        self.worker = worker
        """Where its reader worker is; empty: it has none."""
        self._client: ReaderClient | None = ReaderClient(worker) if worker else None

    def open_image(self, path: str) -> Image:
        """Open a file or folder there, named `alias:relative/path` beneath the worker's roots.

        The same image as `planecast.open_image` returns. Raises `BadPathError` for a path that is
        named otherwise, `ReadError` if there is nothing to read, and `WorkerUnreachableError`.
        """
        if self._client is None:
            raise WorkerUnreachableError(
                f"the agent at {self.agent} has no reader worker for other machines; start it with "
                "planecast agent --worker ADDRESS"
            )
        check_wire_path(path)
        answer = self._client.request(OpenImage(request=0, path=path))
        assert isinstance(answer, ImageInfo)
        return Image(self._client, answer, None)

    def acquisitions(self) -> list[AcquisitionSummary]:
        """Return all acquisitions that the agent knows, oldest first."""
        with JournalClient(self.agent) as journal:
            return journal.list()

    def join(self, acquisition: str = LATEST, *, timeout_s: float = 30.0) -> JoinedAcquisition:
        """Join an acquisition, by its id or name. See `planecast.join`."""
        return join(acquisition, agent=self.agent, timeout_s=timeout_s)

    def close(self) -> None:
        """End the connection to the worker. May be called twice."""
        if self._client is not None:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
