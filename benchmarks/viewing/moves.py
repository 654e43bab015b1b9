"""What a person does in the window, done again and again and timed. GUI thread.

Sliders are moved as the mouse moves them; the clock stops when the marks are on the screen.
"""

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer

from benchmarks.viewing.instrument import Instrument
from planecast_agent.subscriber.known_planes import Position
from planecast_viewer.app import Viewer

Answer = Callable[[Any], None]

DRAG_MS = 10
GIVE_UP_MS = 5000
LOOK_EVERY_MS = 5


class Wait(QObject):
    """Answers once something is so."""

    def __init__(self, is_so: Callable[[], bool], answer: Answer) -> None:
        super().__init__()
        self._is_so, self._answer = is_so, answer
        self._timer = QTimer(self, interval=LOOK_EVERY_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        if self._is_so():
            self._timer.stop()
            self._answer(None)


class _Sought(QObject):
    """Waits for a position to be on the screen, with a limit."""

    def __init__(self, viewer: Viewer, instrument: Instrument) -> None:
        super().__init__()
        self._viewer = viewer
        self._target: Position | None = None
        self._since = 0.0
        self._limit = QTimer(self, singleShot=True, interval=GIVE_UP_MS)
        self._limit.timeout.connect(lambda: self._end(None))
        instrument.seen.connect(self._on_seen)

    def seek(self, target: Position) -> None:
        """Begin to wait; the clock runs from now on."""
        self._target = target
        self._since = time.perf_counter()
        self._limit.start()

    def found(self, took_ms: float | None) -> None:
        """Take how long it took; `None`: too long."""
        raise NotImplementedError

    def move(self, axis: str, value: int) -> None:
        """Move a slider."""
        self._viewer.window.axes.rows[axis].slider.setValue(value)

    def _on_seen(self, position: Position) -> None:
        if position == self._target:
            self._end(1000 * (time.perf_counter() - self._since))

    def _end(self, took_ms: float | None) -> None:
        self._limit.stop()
        if self._target is not None:
            self._target = None
            self.found(took_ms)


class Jumps(_Sought):
    """Moves one slider to each of some values, with a pause before each."""

    def __init__(
        self,
        viewer: Viewer,
        instrument: Instrument,
        axis: str,
        values: list[int],
        pause_ms: int,
        answer: Answer,
    ) -> None:
        super().__init__(viewer, instrument)
        self._axis, self._values, self._pause_ms, self._answer = axis, values, pause_ms, answer
        self._took_ms: list[float | None] = []
        QTimer.singleShot(pause_ms, self, self._jump)

    def _jump(self) -> None:
        value = self._values[len(self._took_ms)]
        self.seek(self._viewer.session.shown._replace(**{self._axis: value}))
        self.move(self._axis, value)

    def found(self, took_ms: float | None) -> None:
        """See `_Sought`."""
        self._took_ms.append(took_ms)
        if len(self._took_ms) == len(self._values):
            self._answer(self._took_ms)
        else:
            QTimer.singleShot(self._pause_ms, self, self._jump)


class Drag(_Sought):
    """Drags one slider over values, a hundred a second."""

    def __init__(
        self, viewer: Viewer, instrument: Instrument, axis: str, values: list[int], answer: Answer
    ) -> None:
        super().__init__(viewer, instrument)
        self._axis, self._values, self._answer = axis, iter(values), answer
        self._last = values[-1]
        self._timer = QTimer(self, interval=DRAG_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._step)
        self._timer.start()

    def _step(self) -> None:
        value = next(self._values)
        if value == self._last:
            self._timer.stop()
            self.seek(self._viewer.session.shown._replace(**{self._axis: value}))
        self.move(self._axis, value)

    def found(self, took_ms: float | None) -> None:
        """See `_Sought`."""
        self._answer(took_ms)


class Browse(_Sought):
    """Shows one position after the other, as fast as they come onto the screen."""

    def __init__(
        self, viewer: Viewer, instrument: Instrument, positions: list[Position], answer: Answer
    ) -> None:
        super().__init__(viewer, instrument)
        self._positions, self._answer = iter(positions), answer
        self._failed = 0
        self._next()

    def _next(self) -> None:
        position = next(self._positions, None)
        if position is None:
            self._answer(self._failed)
            return
        self.seek(position)
        self._viewer.session.show(position)

    def found(self, took_ms: float | None) -> None:
        """See `_Sought`."""
        self._failed += took_ms is None
        QTimer.singleShot(0, self, self._next)


class Opening(_Sought):
    """Opens a file or folder, and waits for its first picture."""

    def __init__(
        self, viewer: Viewer, instrument: Instrument, path: str, answer: Callable[[Any], None]
    ) -> None:
        super().__init__(viewer, instrument)
        self._answer = answer
        # Only pictures that come from now on count: of the file before, none does any more.
        self._viewer.session.acquisition_changed.connect(self._on_opened)
        self._since = time.perf_counter()
        self._limit.start()
        viewer.targets.open_file(path)

    def _on_opened(self) -> None:
        self._viewer.session.acquisition_changed.disconnect(self._on_opened)
        self._target = Position(0, 0, 0)

    def found(self, took_ms: float | None) -> None:
        """See `_Sought`."""
        self._answer(None if took_ms is None else took_ms / 1000)


class Saving(QObject):
    """Waits until something is saved."""

    def __init__(self, viewer: Viewer, save: Callable[[], None], answer: Answer) -> None:
        super().__init__()
        self._answer = answer
        viewer.session.logged.connect(self._on_logged)
        save()

    def _on_logged(self, level: str, text: str) -> None:
        if "sav" in text.lower() or level == "error":
            # What is tidied up afterwards counts as well.
            QTimer.singleShot(300, self, lambda: self._answer(text))
