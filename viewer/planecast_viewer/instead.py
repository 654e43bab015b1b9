"""What can take the place of the picture."""

from abc import abstractmethod

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget


class Instead(QWidget):
    """A widget that keys and menus reach in the canvas's stead. GUI thread only."""

    @abstractmethod
    def fit(self) -> None:
        """Show all of it."""

    @abstractmethod
    def one_to_one(self) -> None:
        """Show one pixel of a plane as one of the screen."""

    @abstractmethod
    def zoom_by(self, factor: float) -> None:
        """Show it `factor` times larger."""

    @abstractmethod
    def picture(self) -> QImage:
        """Return what is on the screen, its scale bar included."""
