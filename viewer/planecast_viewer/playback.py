"""Plays along an axis, one picture after another."""

from typing import Literal

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from planecast_viewer.follow import Presenter
from planecast_viewer.session import Session

RATES_FPS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0)
FIRST_RATE_FPS = 10.0
PREFERRED_AXES = ("t", "z", "fov")
"""What plays where nobody says which: the first of more than one value."""

AtEnd = Literal["again", "back", "stop"]


class Player(QObject):
    """Moves one axis at a given rate. GUI thread only.

    A picture that is late is waited for: all are shown, if need be more slowly.
    """

    changed = Signal()
    """Another axis plays, or none; or the rate, or what happens at the end."""

    def __init__(
        self, session: Session, presenter: Presenter, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._presenter = session, presenter
        self.axis: str | None = None
        """The axis that plays."""
        self.rate_fps = FIRST_RATE_FPS
        self.at_end: AtEnd = "again"
        self._step = 1
        self._timer = QTimer(self, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)
        session.acquisition_changed.connect(self.stop)
        session.follow_changed.connect(self._on_follow_changed)

    def play(self, axis: str) -> None:
        """Play along an axis from where it is."""
        if getattr(self._session.extents, axis) < 2:
            return
        self._session.set_following(False)
        self.axis, self._step = axis, 1
        self._presenter.heading = axis
        self._timer.start(self._interval_ms())
        self.changed.emit()

    def stop(self) -> None:
        """Stay at the picture that is shown."""
        self._timer.stop()
        if self.axis is not None:
            self.axis = self._presenter.heading = None
            self.changed.emit()

    def toggle(self, axis: str | None = None) -> None:
        """Stop, or play along `axis`; without one, along the likeliest."""
        if self.axis is not None and axis in (None, self.axis):
            self.stop()
            return
        extents = self._session.extents
        longer = [one for one in PREFERRED_AXES if getattr(extents, one) > 1]
        if axis is not None or longer:
            self.play(axis or longer[0])

    def set_rate(self, rate_fps: float) -> None:
        """Show so many pictures a second, if they come as fast."""
        self.rate_fps = min(max(rate_fps, RATES_FPS[0]), RATES_FPS[-1])
        if self._timer.isActive():
            self._timer.start(self._interval_ms())
        self.changed.emit()

    def set_at_end(self, at_end: AtEnd) -> None:
        """Begin again at the end, go back the same way, or stop there."""
        self.at_end = at_end
        self.changed.emit()

    # ------------------------------------------------------------ inside

    def _interval_ms(self) -> int:
        return round(1000 / self.rate_fps)

    def _on_follow_changed(self, following: bool) -> None:
        if following:
            self.stop()

    def _on_tick(self) -> None:
        frame, session = self._presenter.frame, self._session
        if self.axis is None or frame is None or frame.position != session.shown:
            return
        length = getattr(session.extents, self.axis)
        value = getattr(session.shown, self.axis) + self._step
        if not 0 <= value < length:
            if self.at_end == "stop" and value >= length:
                self.stop()
                return
            if self.at_end == "back":
                self._step = -self._step
                value = min(max(value + 2 * self._step, 0), length - 1)
            else:
                value %= length
        session.show(session.shown._replace(**{self.axis: value}))
