"""The thread that looks after acquisitions, so that the controller's threads never wait."""

import logging
import threading
from typing import Protocol

from planecast_protocol.limits import CLOSE_TIMEOUT_S

logger = logging.getLogger(__name__)

AGAIN_AFTER_S = 1.0


class Attended(Protocol):
    """An acquisition that has something to do beside its controller. Only one thread calls it."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be published."""

    def attend(self) -> float | None:
        """Do what is due; return when to do so again, in seconds; `None`: not by itself."""

    def finish(self) -> None:
        """End it now, and deliver what can be delivered. May be called twice."""


class Caretaker:
    """Attends to acquisitions until each is over. Any thread may call; the thread is its own."""

    def __init__(self) -> None:
        self._runs: list[Attended] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, run: Attended) -> None:
        """Look after an acquisition from now on."""
        with self._lock:
            self._runs.append(run)
            if self._thread is None:
                self._closing.clear()
                self._thread = threading.Thread(
                    target=self._attend, name="planecast-caretaker", daemon=True
                )
                self._thread.start()
        self._wake.set()

    def wake(self) -> None:
        """Say that one of them has something to do."""
        self._wake.set()

    def close(self, timeout_s: float = 2 * CLOSE_TIMEOUT_S) -> None:
        """End all of them now; wait for that, but no longer. May be called twice."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._closing.set()
            self._wake.set()
            thread.join(timeout_s)

    def _attend(self) -> None:
        while not self._closing.is_set():
            self._wake.clear()
            with self._lock:
                runs = list(self._runs)
            # No lock while it looks at a disk that may hang.
            times = [due_s for run in runs if (due_s := _attend(run)) is not None]
            with self._lock:
                self._runs = [run for run in self._runs if not run.is_over]
            self._wake.wait(min(times, default=None))
        with self._lock:
            runs, self._runs = self._runs, []
        for run in runs:
            run.finish()


def _attend(run: Attended) -> float | None:
    try:
        return run.attend()
    except Exception:
        # The others must not suffer, and the controller has nobody else to end this one.
        logger.exception("an acquisition could not be attended to")
        return AGAIN_AFTER_S
