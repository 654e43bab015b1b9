"""Where one caller waits for its answer."""

import threading
import time

from planecast_protocol.errors import PlanecastError
from planecast_reader.answers import Answer

LOOK_S = 0.5
"""Between one look at what else may have happened and the next."""


class AnswerBox:
    """Filled once, from any thread."""

    def __init__(self, timeout_s: float | None) -> None:
        """`timeout_s`: None waits for ever."""
        self.timeout_s = timeout_s
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._unanswered = threading.Lock()  # an `Event` takes several times as long
        self._unanswered.acquire()
        self._answers: list[Answer] = []

    def put(self, answer: Answer) -> None:
        """Bring the answer."""
        self._answers.append(answer)
        self._unanswered.release()

    @property
    def is_empty(self) -> bool:
        """Whether there is no answer yet."""
        return not self._answers

    @property
    def is_overdue(self) -> bool:
        """Whether the time is over."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    @property
    def patience_s(self) -> float:
        """How long to wait before a look at what else may have happened."""
        if self._deadline is None:
            return LOOK_S
        return max(0.0, min(LOOK_S, self._deadline - time.monotonic()))

    def wait(self) -> bool:
        """Wait that long; tell whether the answer is there."""
        return self._unanswered.acquire(timeout=self.patience_s)

    def open(self) -> Answer:
        """Return the answer; raise the error that it is."""
        answer = self._answers[0]
        if isinstance(answer, PlanecastError):
            raise answer
        return answer
