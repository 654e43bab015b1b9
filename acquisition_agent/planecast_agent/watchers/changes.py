"""Paths that changed beneath a folder, as the kernel tells of them."""

import logging
import queue
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from planecast_protocol.errors import PlanecastError

if TYPE_CHECKING:
    from watchfiles.main import FileChange

STEP_MS = 10
DEBOUNCE_MS = 50
MAX_BATCHES = 1000

logger = logging.getLogger(__name__)


class Changes:
    """A thread that listens (`watchfiles`: inotify and its kin). `next` belongs to one thread.

    The kernel may forget changes when there are very many, and tells nothing of files that were
    in a new folder before we listened there: whoever uses this sweeps the folder now and then.
    """

    def __init__(self, folder: Path) -> None:
        """Begin to listen. Raises `PlanecastError` if `watchfiles` is not installed."""
        try:
            import watchfiles
        except ModuleNotFoundError as missing:
            raise PlanecastError(
                "watching a folder needs watchfiles, which is not installed: "
                "pip install 'planecast[watch]', or use --poll"
            ) from missing
        self._watch = watchfiles.watch
        self._folder = folder
        self._batches: queue.Queue[set[Path]] = queue.Queue(MAX_BATCHES)
        self._stopping = threading.Event()
        self.missed = threading.Event()
        """Set when changes were lost here."""
        self.trouble = ""
        """Why we no longer listen; empty: we do."""
        self.has_worked = False
        """Whether it listened for a while."""
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="folder changes", daemon=True)
        self._thread.start()
        self._listening.wait(10.0)

    def next(self, timeout_s: float) -> set[Path]:
        """Return paths that changed, an empty set if none did in time."""
        changed: set[Path] = set()
        try:
            changed |= self._batches.get(timeout_s > 0, timeout_s or None)
            while True:
                changed |= self._batches.get_nowait()
        except queue.Empty:
            return changed

    def close(self) -> None:
        """Stop listening. May be called twice."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            listen = self._watch(
                self._folder,
                watch_filter=None,
                debounce=DEBOUNCE_MS,
                step=STEP_MS,
                rust_timeout=100,
                yield_on_timeout=True,
                stop_event=self._stopping,
                raise_interrupt=False,
            )
            for changes in listen:
                self.has_worked = True
                self._listening.set()
                if changes:
                    self._hand_over(changes)
        except (OSError, RuntimeError) as error:
            self.trouble = str(error)
            self._listening.set()

    def _hand_over(self, changes: "Iterable[FileChange]") -> None:
        try:
            self._batches.put_nowait({Path(path) for _, path in changes})
        except queue.Full:
            self.missed.set()
