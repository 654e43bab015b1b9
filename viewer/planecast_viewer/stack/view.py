"""What the ways to look at a stack have in common."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QCloseEvent, QImage, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from planecast_viewer.canvas.compositing import Lut
from planecast_viewer.canvas.overlay import CanvasOverlay
from planecast_viewer.frame import Frame
from planecast_viewer.session import Session
from planecast_viewer.stack.feed import StackFeed
from planecast_viewer.stack.planes import Stack

MIN_SIZE_PX = 120
CALM_MS = 150
"""While planes come in, a picture of them in so many ms is enough."""


@dataclass(frozen=True)
class StackSource:
    """Where a view has it from what it draws."""

    session: Session
    feed: StackFeed
    luts: Callable[[list[int]], dict[int, Lut]]
    """How the values of channels become colours, as in the picture."""
    frame: Callable[[], Frame | None]
    """What the picture shows."""


class StackView(QWidget):
    """Draws a stack by a thread of its own, and the newest result of it. GUI thread only."""

    noted = Signal()
    """`note` or `failure` is another one."""
    failure = ""
    """Why nothing can be drawn at all."""

    def __init__(self, source: StackSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = source
        self.setMinimumSize(MIN_SIZE_PX, MIN_SIZE_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.overlay = CanvasOverlay(self)
        self._closed = False
        self._soon = QTimer(self, singleShot=True)
        self._soon.timeout.connect(self.submit)

    def refresh(self) -> None:
        """Draw what there is now, soon; nothing any more once it was closed."""
        if not self._closed:
            self._soon.start(0)

    def refresh_calmly(self) -> None:
        """Draw what there is now, but not for each plane that comes."""
        if not self._closed and not self._soon.isActive():
            self._soon.start(CALM_MS)

    @abstractmethod
    def submit(self) -> None:
        """Have the thread draw what there is now."""

    @abstractmethod
    def fit(self) -> None:
        """Show the whole stack."""

    @abstractmethod
    def one_to_one(self) -> None:
        """Show one pixel of a plane as one of the screen."""

    @abstractmethod
    def zoom_by(self, factor: float) -> None:
        """Show it `factor` times larger."""

    @abstractmethod
    def nudge(self, right: int, down: int) -> None:
        """Take one step of what the arrow keys move."""

    @abstractmethod
    def note(self) -> str:
        """Return what people must know of how it is drawn; empty: nothing."""

    @abstractmethod
    def stop(self) -> None:
        """End the thread and let go of all planes. May be called twice."""

    def picture(self) -> QImage:
        """Return what is on the screen, its scale bar included."""
        return self.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)

    def size_yx(self, stack: Stack | None) -> tuple[int, int]:
        """Return height and width of the planes, in pixels of the file."""
        sizes = (
            []
            if stack is None
            else [plane.size_yx for c in stack.planes if (plane := stack.first(c)) is not None]
        )
        facts = self.source.session.facts
        if not sizes:
            return (1, 1) if facts is None else (max(facts.height, 1), max(facts.width, 1))
        return max(height for height, _w in sizes), max(width for _h, width in sizes)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Draw at another size."""
        super().resizeEvent(event)
        self.refresh()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """End the thread."""
        self._closed = True
        self._soon.stop()
        self.stop()
        super().closeEvent(event)
