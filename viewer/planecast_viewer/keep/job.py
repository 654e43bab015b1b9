"""Work that takes its time, with progress and a way to cancel it."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QObject, Signal

from planecast_protocol.errors import CancelledError, PlanecastError

logger = logging.getLogger(__name__)

Outcome = Literal["done", "failed", "cancelled"]
REPORT_EVERY_S = 0.1


class Job(QObject):
    """One piece of work. Lives in the GUI thread, where its signals arrive."""

    progressed = Signal(int, int)
    """(done, of how many)."""
    ended = Signal(str, str)
    """(`Outcome`, text for people): once, whatever happened."""

    def __init__(self, title: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.title = title
        """What is being done, such as `Saving x.png`."""

    def start(self) -> None:
        """Begin. Once."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Ask it to end soon; `ended` tells when it has."""
        raise NotImplementedError

    def close(self) -> None:
        """Cancel it and wait for its end. May be called twice."""
        raise NotImplementedError


class Control:
    """What the work of a `ThreadJob` reports to. Any thread."""

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self._report = report
        self._reported_at = 0.0
        self.cancelled = threading.Event()

    def progress(self, done: int, total: int) -> None:
        """Tell how far it is; raises `CancelledError` if it is to end."""
        self.check()
        now = time.monotonic()
        if now - self._reported_at > REPORT_EVERY_S or done == total:
            self._reported_at = now
            self._report(done, total)

    def check(self) -> None:
        """Raise `CancelledError` if the work is to end."""
        if self.cancelled.is_set():
            raise CancelledError("cancelled")


class ThreadJob(Job):
    """Work in a thread of its own.

    `work` returns what to tell people; a `PlanecastError` or `OSError` of it is told as well.
    """

    _finished = Signal(str, str)

    def __init__(
        self, title: str, work: Callable[[Control], str], parent: QObject | None = None
    ) -> None:
        super().__init__(title, parent)
        self._work = work
        self._control = Control(self.progressed.emit)
        self._thread = threading.Thread(target=self._run, name=title, daemon=True)
        self._finished.connect(self._on_finished)

    def start(self) -> None:
        """See `Job`."""
        self._thread.start()

    def cancel(self) -> None:
        """See `Job`."""
        self._control.cancelled.set()

    def close(self) -> None:
        """See `Job`."""
        self.cancel()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        outcome: Outcome = "failed"
        try:
            text = self._work(self._control)
            outcome = "done"
        except CancelledError:
            outcome, text = "cancelled", f"{self.title}: cancelled"
        except PlanecastError as error:
            text = error.message
        except OSError as error:
            text = str(error)
        except Exception as error:
            # The top of this thread: whoever waits must be told.
            logger.exception("%s", self.title)
            text = f"{type(error).__name__}: {error}"
        self._finished.emit(outcome, text)

    def _on_finished(self, outcome: str, text: str) -> None:
        self._thread.join()
        self.ended.emit(outcome, text)
