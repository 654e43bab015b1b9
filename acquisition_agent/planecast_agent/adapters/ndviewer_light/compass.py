"""Tells viewers where to look, also after the acquisition has ended."""

import logging
import os
import threading
from operator import index as as_int

import msgspec

from planecast_agent.controller import Controller
from planecast_protocol.errors import PlanecastError
from planecast_protocol.navigation import NAVIGATE, Move

logger = logging.getLogger(__name__)


class Compass:
    """Publishes positions. Any thread; nothing waits."""

    def __init__(self, agent: str | None) -> None:
        self._agent = agent
        self._controller: Controller | None = None
        self._moves = 0
        self._lock = threading.Lock()

    def point(
        self,
        *,
        acquisition: str | None = None,
        fov: int | None = None,
        label: str | None = None,
        t: int | None = None,
        z: int | None = None,
    ) -> None:
        """Have viewers look there; see `Move`. A place that can't be is logged, never raised."""
        with self._lock:
            self._moves += 1
            move = Move(
                number=self._moves,
                acquisition=acquisition,
                fov=_whole(fov),
                label=label,
                t=_whole(t),
                z=_whole(z),
            )
            try:
                if self._controller is None:
                    name = f"navigation of process {os.getpid()}"
                    self._controller = Controller(name, agent=self._agent)
                self._controller.publish_state(NAVIGATE, msgspec.to_builtins(move))
            except PlanecastError as trouble:
                logger.warning("viewers are not told where to look: %s", trouble)

    def close(self) -> None:
        """Bring the last position to the agent, in a few seconds at most. May be called twice."""
        with self._lock:
            controller, self._controller = self._controller, None
        if controller is not None:
            controller.close()


def _whole(value: int | None) -> int | None:
    """Return a plain number: controllers count with numpy too."""
    return None if value is None else as_int(value)
