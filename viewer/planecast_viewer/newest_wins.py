"""A thread in which the newest work takes the place of what still waits."""

import logging
import threading
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)


class NewestWins:
    """Does one thing after another in a thread; of those that wait only the newest.

    The thread lives from the first `submit` to `stop`.
    """

    def __init__(self, name: str, on_result: Callable[[Any], None]) -> None:
        self._name = name
        self._on_result = on_result
        self._condition = threading.Condition()
        self._work: Callable[[], Any] | None = None
        self._stopped = False
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[[], Any]) -> None:
        """Do this instead of what still waits; `on_result` is called from the thread."""
        with self._condition:
            self._work = work
            self._condition.notify()
        if self._thread is None:
            self._stopped = False
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Drop what waits and end the thread."""
        with self._condition:
            self._stopped, self._work = True, None
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (work := self._next()) is not None:
            try:
                self._on_result(work())
            except Exception:
                # The top of this thread: one odd plane must not end it.
                logger.exception("%s", self._name)
            finally:
                del work  # it holds planes, which are leased from the worker

    def _next(self) -> Callable[[], Any] | None:
        with self._condition:
            self._condition.wait_for(lambda: self._stopped or self._work is not None)
            work, self._work = self._work, None
            return work
