"""Asks the reader worker in use how it is: one that hangs keeps its connection, and says nothing.

The agent watches its own worker, and nobody else a private one.
"""

import time
from typing import Any

from PySide6.QtCore import QObject, QTimer

from planecast_protocol.limits import SILENT_AFTER_S
from planecast_protocol.reader_messages import AskWorkerStatus, WorkerStatus
from planecast_viewer.mailbox import Mailbox
from planecast_viewer.session import Session

ASK_EVERY_MS = 1000


class WorkerPulse(QObject):
    """One question is out at a time; how long it waits is how long the worker is silent.

    GUI thread only. A feed of `WorkerConnection`, which gives it the client in use.
    """

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._client: Any = None
        self._asked_at: float | None = None
        """When the question that is out was asked; `None`: none is."""
        self._number = 0
        """Of the question that is out, among all of them."""
        self._request = 0
        self._answers = Mailbox(parent=self)
        self._answers.delivered.connect(self._on_answers)
        self._timer = QTimer(self, interval=ASK_EVERY_MS)
        self._timer.timeout.connect(self.ask)
        self._timer.start()
        session.worker_state_changed.connect(self._on_worker_state_changed)

    def set_client(self, client: Any) -> None:
        """Ask this one from now on."""
        self._withdraw()
        self._client = client
        self._session.set_worker_status(None, 0.0)
        self.ask()

    def close(self) -> None:
        """Ask nothing any more. May be called twice."""
        self._timer.stop()
        self._withdraw()
        self._client = None

    def ask(self) -> None:
        """Ask, or notice that there is no answer yet."""
        if self._client is None or not self._session.worker_connected:
            return
        if self._asked_at is not None:
            silent_s = time.monotonic() - self._asked_at
            if silent_s >= SILENT_AFTER_S:
                self._session.set_worker_status(self._session.worker_status, silent_s)
            return
        self._number += 1
        number = self._number
        self._asked_at = time.monotonic()
        self._request = self._client.submit(
            AskWorkerStatus(request=0), lambda answer: self._answers.post((number, answer))
        )

    def _withdraw(self) -> None:
        """Forget the question that is out: its answer would be of another worker, or of before."""
        if self._client is not None and self._asked_at is not None:
            self._client.cancel(self._request)
        self._asked_at = None
        self._number += 1

    def _on_answers(self, answers: list[tuple[int, object]]) -> None:
        for number, answer in answers:
            if number == self._number:
                self._asked_at = None
                if isinstance(answer, WorkerStatus):
                    self._session.set_worker_status(answer, 0.0)

    def _on_worker_state_changed(self) -> None:
        if not self._session.worker_connected:
            self._withdraw()
            self._session.set_worker_status(None, 0.0)
        elif self._asked_at is None:
            self.ask()
