"""What the agent knows of each acquisition without reading its events."""

from dataclasses import dataclass
from typing import Literal

from planecast_protocol.event_messages import EndAcquisition, Event, RegisterImage, StartAcquisition


@dataclass(slots=True)
class AcquisitionBook:
    """What is known of one acquisition. Its fields are the columns of its table, in order."""

    number: int
    id: str
    owner: str
    """The publisher that started it."""
    name: str
    state: Literal["running", "done", "aborted"]
    head: int
    planes: int
    started_at: float
    n_channels: int
    n_fovs: int
    num_z: int
    n_bytes: int = 0
    """Of its events, as the journal keeps them."""
    late: int = 0
    """Images that came after its end."""
    ended_at: float | None = None
    """By the controller's clock."""
    end_reason: str = ""
    stored_at: float = 0.0
    """When its last event was stored, by the agent's wall clock: how old it is."""

    def add(self, event: Event, n_bytes: int) -> None:
        """Note one more event."""
        self.head += 1
        self.n_bytes += n_bytes
        if type(event) is RegisterImage:
            self.planes += 1
            if self.state != "running":
                self.late += 1
        elif isinstance(event, EndAcquisition):
            self.state = event.status
            self.ended_at, self.end_reason = event.ended_at, event.reason

    def row(self) -> tuple[int | str | float | None, ...]:
        """Return it in the order of its table's columns."""
        return (
            *(self.number, self.id, self.owner, self.name, self.state, self.head, self.planes),
            *(self.started_at, self.n_channels, self.n_fovs, self.num_z, self.n_bytes, self.late),
            *(self.ended_at, self.end_reason, self.stored_at),
        )


def new_book(number: int, publisher: str, event: StartAcquisition) -> AcquisitionBook:
    """Return the book of an acquisition that starts, without its first event."""
    return AcquisitionBook(
        number=number,
        id=event.acquisition,
        owner=publisher,
        name=event.name,
        state="running",
        head=0,
        planes=0,
        started_at=event.started_at,
        n_channels=len(event.channels),
        n_fovs=len(event.fov_labels),
        num_z=event.num_z,
    )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was kept aside, and why."""

    publisher: str
    seq: int
    why: str
    body: bytes
    acquisition: str = ""
    """As far as it could be read."""
