"""How far each fov is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planecast_viewer.session import Session


@dataclass(frozen=True)
class Progress:
    """Planes by fov."""

    registered: npt.NDArray[np.int64]
    expected: npt.NDArray[np.int64]
    """As announced; of an acquisition without an announced end, up to its newest time point."""

    @property
    def n_complete(self) -> int:
        """Return the number of fovs that have all their planes."""
        return int((self.registered >= self.expected).sum())

    def shares(self) -> npt.NDArray[np.float64]:
        """Return how much of each fov is there, 0 to 1."""
        shares: npt.NDArray[np.float64] = np.clip(self.registered / self.expected, 0.0, 1.0)
        return shares


def progress_of(session: Session) -> Progress | None:
    """Return the progress of what is shown; `None`: nothing is."""
    facts, planes = session.facts, session.planes
    if facts is None or planes is None:
        return None
    registered = planes.planes_per_fov()
    if facts.kind == "image":
        return Progress(registered, np.maximum(registered, 1))
    num_t = facts.num_t or session.extents.t
    expected = num_t * facts.num_z * len(facts.channels)
    return Progress(registered, np.full(len(registered), expected, dtype=np.int64))
