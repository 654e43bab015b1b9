"""One acquisition of a controller that calls as ndviewer_light allows: in any order, too late."""

import logging
import threading
import time

from planecast_agent.acquisition import Acquisition
from planecast_agent.adapters.ndviewer_light.layouts import Announced
from planecast_agent.adapters.ndviewer_light.places import Places
from planecast_agent.adapters.place import Place
from planecast_protocol.errors import PlanecastError

logger = logging.getLogger(__name__)

FIRST_LOOK_S = 0.015
SLOWEST_LOOK_S = 0.25
_SLOWER_BY = 1.4
GIVE_UP_AFTER_S = 30.0
"""After the end: how long a plane whose place is in doubt may still appear on disk."""
MAX_WARNINGS = 10


class Run:
    """Publishes one acquisition. `register` belongs to the controller, the rest to a caretaker.

    The acquisition ends later than the controller says: a plane may still be looked for, and
    the notice of a plane in a zarr store comes seconds after it was acquired.
    """

    def __init__(self, acquisition: Acquisition, places: Places | None, late_s: float) -> None:
        """`places`: where planes are in doubt. `late_s`: how long after the end some may come."""
        self.acquisition = acquisition
        self.refused = 0
        """Calls that did not fit the acquisition."""
        self.last_refusal = ""
        self._places = places
        self._late_s = late_s
        self._looked = 0.0
        self._delay_s = FIRST_LOOK_S
        self._heard = self._found = time.monotonic()
        self._ending: tuple[str, str] | None = None
        self._over = threading.Event()

    @property
    def alarm(self) -> str:
        """What an operator must know; empty: nothing."""
        if self.refused:
            return f"{self.refused} planes were not published, the last: {self.last_refusal}"
        if self._places is not None and self._places.forgotten:
            return f"{self._places.forgotten} planes were not found on disk in time"
        return self.acquisition.alarm

    @property
    def is_ending(self) -> bool:
        """Whether the controller said that no more will come."""
        return self._ending is not None

    def announce(self, plane: Announced) -> None:
        """Register a plane in the file that the controller names, or that it will be in."""
        if self._places is None:
            self.register(plane, Place(plane.path))
        else:
            self.register(plane, self._places.place(plane))

    def register(self, plane: Announced, place: Place) -> None:
        """Register a plane. One that does not fit is counted and logged, never raised."""
        self._heard = time.monotonic()
        try:
            self.acquisition.register_image(
                plane.t,
                plane.fov,
                plane.z,
                plane.channel,
                place.path,
                scene=place.scene,
                index=place.index,
                page=place.page,
            )
        except PlanecastError as trouble:
            self.refuse(trouble.message)

    def refuse(self, why: str) -> None:
        """Count a call that can't be published."""
        self.refused += 1
        self.last_refusal = why
        if self.refused <= MAX_WARNINGS:
            logger.warning("not published: %s", why)

    def end(self, status: str = "done", reason: str = "") -> None:
        """Let it end when nothing is left to come. A second call does nothing."""
        if self._ending is None:
            self._heard = self._found = time.monotonic()
            self._ending = (status, reason)

    # ------------------------------------------------------------ the caretaker's

    def attend(self) -> float | None:
        """Look for planes, and end it if it is time; return when to do so again, in seconds.

        `None`: nothing to do until something is called.
        """
        now = time.monotonic()
        if self._places is not None and self._places.n_doubtful:
            if now - self._looked >= self._delay_s:
                self._look()
        else:
            self._delay_s = FIRST_LOOK_S
        if self._ending is None:
            return self._delay_s if self._places and self._places.n_doubtful else None
        if self._may_end():
            self.finish()
            return None
        return min(self._delay_s, SLOWEST_LOOK_S)

    def finish(self) -> None:
        """End it now, and deliver what can be delivered. May be called twice."""
        if not self._over.is_set():
            if self._places is not None:
                self._look()
            status, reason = self._ending or ("aborted", "the controller closed its viewer")
            self.acquisition.end("done" if status == "done" else "aborted", reason)
            self.acquisition.close()
            self._over.set()

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more will be published."""
        return self._over.is_set()

    def _look(self) -> None:
        assert self._places is not None
        self._looked = time.monotonic()
        moved = self._places.look()
        for plane, place in moved:
            self.register(plane, place)
        if moved:
            self._found = time.monotonic()
            self._delay_s = FIRST_LOOK_S
        else:
            self._delay_s = min(self._delay_s * _SLOWER_BY, SLOWEST_LOOK_S)

    def _may_end(self) -> bool:
        now = time.monotonic()
        if now - self._heard < self._late_s:
            return False
        doubtful = self._places is not None and self._places.n_doubtful > 0
        return not doubtful or now - self._found > GIVE_UP_AFTER_S
