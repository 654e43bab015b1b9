"""What an acquisition is waiting for, in words: the next time point, a plane, or its end."""

import time

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject

from planecast_protocol.axes import PlaneIndex
from planecast_viewer.session import Session

QUIET_S = 2.0
"""A time point of which planes are missing counts as done when none came for so long."""
WAITING_S = 5.0
"""Without a plane for so long an acquisition is said to wait."""
LATE_S = 2.0


class Pace(QObject):
    """Knows when the newest time point began and when the last plane came. GUI thread only.

    Times are the controller's, as far as they are not in the future.
    """

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._newest_t = -1
        self._began_at = 0.0
        self._last_at = 0.0
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.planes_registered.connect(self._on_planes_registered)
        self._on_acquisition_changed()

    def text(self, now: float) -> str:
        """Return what is waited for at `now`, in s since 1970; nothing while planes come."""
        session, facts, planes = self._session, self._session.facts, self._session.planes
        if facts is None or planes is None or not session.running:
            return ""
        quiet_s = max(now - self._last_at, 0.0)
        if not planes.n_planes:
            return f"waiting for the first plane{_for(quiet_s)}"
        if facts.num_planes is not None and planes.n_planes >= facts.num_planes:
            return "all planes are there" if quiet_s >= QUIET_S else ""
        due_at = self._next_at(now, quiet_s)
        if due_at is None:
            return f"waiting{_for(quiet_s)}" if quiet_s >= WAITING_S else ""
        if due_at - now >= 0:
            return f"next in {duration(due_at - now)}"
        late_s = now - due_at
        return f"next is late by {duration(late_s)}" if late_s > LATE_S else "next is due"

    def _next_at(self, now: float, quiet_s: float) -> float | None:
        """Return when the next time point begins; `None` while this one is acquired."""
        facts, planes = self._session.facts, self._session.planes
        if facts is None or planes is None or facts.time_interval_s is None:
            return None
        if facts.num_t is not None and self._newest_t + 1 >= facts.num_t:
            return None
        per_t = len(facts.fov_labels) * facts.num_z * len(facts.channels)
        complete = planes.n_planes >= (self._newest_t + 1) * per_t
        due_at = self._began_at + facts.time_interval_s
        # A time point that takes longer than the interval is not late while planes come.
        late = now > due_at and quiet_s < QUIET_S
        return due_at if (complete or quiet_s >= QUIET_S) and not late else None

    def _on_acquisition_changed(self) -> None:
        facts = self._session.facts
        self._newest_t = -1
        started_at = None if facts is None else facts.started_at
        self._began_at = self._last_at = self._past(started_at)

    def _on_planes_registered(self, indices: npt.NDArray[np.int32]) -> None:
        times = indices[0]
        newest = int(times.max())
        if newest > self._newest_t:
            self._newest_t = newest
            first = int(np.flatnonzero(times == newest)[0])
            self._began_at = self._registered_at(indices[:, first])
        self._last_at = self._registered_at(indices[:, -1])

    def _registered_at(self, index: npt.NDArray[np.int32]) -> float:
        planes = self._session.planes
        at = None if planes is None else planes.registered_at(PlaneIndex(*map(int, index)))
        return self._past(at)

    def _past(self, at: float | None) -> float:
        """Return a time of the controller's clock; now, if that goes fast or none is known."""
        now = time.time()
        return now if at is None else min(at, now)


def duration(seconds: float) -> str:
    """Return a duration as people say it."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _for(seconds: float) -> str:
    return f" for {duration(seconds)}" if seconds >= WAITING_S else ""
