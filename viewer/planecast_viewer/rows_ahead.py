"""Has ndv make its rows of controls before there are channels: a first picture would wait for them.

A row takes 30 ms. They are made once the window is shown, one after the other with turns of the
event loop in between, so that neither the window nor a click waits for more than one.
"""

import numpy as np
from PySide6.QtCore import QObject, QTimer

from planecast_agent.subscriber.known_planes import Position
from planecast_viewer.facts import ChannelFacts, Facts
from planecast_viewer.frame import Frame, FramePlane
from planecast_viewer.ndv_view import NdvView

N_ROWS = 4
PAUSE_MS = 5
"""Between two steps: what has come meanwhile goes first."""


class RowsAhead(QObject):
    """Makes rows while nothing is shown. GUI thread only."""

    def __init__(self, view: NdvView) -> None:
        super().__init__(view)
        self._view = view
        self.n_rows = 0
        """Made so far."""
        self._ours: Facts | None = None
        """What the view was told to show for a row; `None`: nothing, as at the start."""
        self._timer = QTimer(self, interval=PAUSE_MS)
        self._timer.timeout.connect(self._make_some)

    @property
    def is_busy(self) -> bool:
        """Tell whether more are to come."""
        return self._timer.isActive()

    def start(self) -> None:
        """Begin, with the next turn of the event loop."""
        self._timer.start()

    def stop(self) -> None:
        """Make no more."""
        self._timer.stop()

    def _make_some(self) -> None:
        """Take one step: announce channels, one more than before, or draw them, or end."""
        if self._view.facts is not self._ours:
            # An acquisition or a file: ndv makes what is missing by itself.
            self._timer.stop()
        elif self._ours is not None and len(self._ours.channels) > self.n_rows:
            self.n_rows += 1
            blank = FramePlane(np.zeros((1, 1), dtype=np.uint16), None, None)
            numbers = tuple(range(self.n_rows))
            frame = Frame(0, Position(0, 0, 0), (blank,) * self.n_rows, numbers)
            self._view.draw(frame, calm=False)
        elif self.n_rows < N_ROWS:
            self._ours = _facts(self.n_rows + 1)
            self._view.set_facts(self._ours)
        else:
            self._timer.stop()
            self._view.set_facts(None)


def _facts(n_channels: int) -> Facts:
    return Facts(
        identity="",
        name="",
        kind="live",
        channels=tuple(ChannelFacts(name=str(number)) for number in range(n_channels)),
        fov_labels=("",),
        num_t=1,
        num_z=1,
        height=1,
        width=1,
    )
