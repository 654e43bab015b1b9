"""What a follower tells of its acquisition. Immutable, so that it may cross threads."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.columns import INTEGER_COLUMNS, Columns
from planecast_protocol.event_messages import EndAcquisition, ResumeAcquisition, StartAcquisition
from planecast_protocol.planes import AxisIndex


@dataclass(frozen=True, kw_only=True)
class PlaneRows:
    """Registered planes as columns; row i of each belongs to the i-th plane."""

    integers: npt.NDArray[np.int32]
    """Shape (9, n): `columns.INTEGER_COLUMNS`."""
    registered_at: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.int64]
    mtimes: npt.NDArray[np.int64]
    joined_paths: str
    """Wire paths, joined by NUL."""
    odd_indices: dict[int, AxisIndex] = field(default_factory=dict)
    packed_paths: bytes | None = None
    """`joined_paths` compressed by zlib, where they came so."""

    def __len__(self) -> int:
        return len(self.registered_at)

    @property
    def paths(self) -> tuple[str, ...]:
        """The wire paths. Makes an object for each."""
        return tuple(self.joined_paths.split("\0")) if len(self) else ()

    @classmethod
    def of(cls, columns: Columns) -> "PlaneRows":
        """View the bytes of a chunk as arrays, without a copy."""
        n = columns.planes
        return cls(
            integers=_view(columns.integers, "<i4").reshape(len(INTEGER_COLUMNS), n),
            registered_at=_view(columns.registered_at, "<f8"),
            sizes=_view(columns.sizes, "<i8"),
            mtimes=_view(columns.mtimes, "<i8"),
            joined_paths=columns.paths,
            packed_paths=columns.packed_paths,
            odd_indices=columns.odd_indices,
        )


def _view(column: bytes, dtype: str) -> npt.NDArray[Any]:
    return np.frombuffer(column, dtype=dtype)


@dataclass(frozen=True)
class AcquisitionsListed:
    """The acquisitions that the agent knows, oldest first."""

    acquisitions: tuple[AcquisitionSummary, ...]
    worker: str
    """Address of the reader worker beside the agent; empty: not known."""


@dataclass(frozen=True)
class AcquisitionChosen:
    """From here on the events are of this acquisition, from its first on."""

    acquisition: str | None
    """`None`: there is none (the agent's log was replaced by an empty one)."""


@dataclass(frozen=True)
class AcquisitionMissing:
    """The agent does not have the acquisition that is followed, or has it no more."""

    acquisition: str


@dataclass(frozen=True)
class Progress:
    """How far the acquisition that is followed was handed over, after each chunk."""

    n_events: int
    head: int
    """Events that the agent has, by its last word."""


@dataclass(frozen=True)
class LinkState:
    """How the connection to the agent is."""

    state: Literal["connecting", "live", "silent"]
    silent_s: float = 0.0
    """Whole seconds since the agent was last heard."""


@dataclass(frozen=True)
class AgentNotice:
    """What an operator must know; empty: nothing."""

    alarm: str
    dead_letters: int


News = (
    AcquisitionsListed
    | AcquisitionChosen
    | AcquisitionMissing
    | StartAcquisition
    | PlaneRows
    | ResumeAcquisition
    | EndAcquisition
    | Progress
    | LinkState
    | AgentNotice
)
