"""From any thread into the GUI thread: the only way that the others reach it."""

import threading
import time
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal


class Mailbox(QObject):
    """Delivers posted items in the GUI thread, in order, as many at a time as there are.

    However many items are posted, one queued event waits in the event loop. What posts must
    be bounded by itself: `len(mailbox)` says how much is waiting.
    """

    delivered = Signal(list)
    """Emitted in the thread of the mailbox: the GUI thread."""
    _rung = Signal()

    def __init__(self, min_interval_s: float = 0.0, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._min_interval_s = min_interval_s
        self._lock = threading.Lock()
        self._items: list[Any] = []
        self._delivered_at = float("-inf")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._deliver)
        self._rung.connect(self._on_rung, Qt.ConnectionType.QueuedConnection)

    def __len__(self) -> int:
        with self._lock:
            return len(self._items)

    def post(self, item: object) -> None:
        """Deliver `item` soon. Any thread; never waits for the GUI thread."""
        with self._lock:
            first = not self._items
            self._items.append(item)
        if first:
            self._rung.emit()

    def _on_rung(self) -> None:
        early_s = self._min_interval_s - (time.monotonic() - self._delivered_at)
        if early_s > 0:
            self._timer.start(int(early_s * 1000) + 1)
        else:
            self._deliver()

    def _deliver(self) -> None:
        with self._lock:
            items, self._items = self._items, []
        self._delivered_at = time.monotonic()
        if items:
            self.delivered.emit(items)
