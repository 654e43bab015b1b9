"""What every panel is."""

from typing import ClassVar, Literal

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from planecast_viewer import theme
from planecast_viewer.facts import Facts
from planecast_viewer.session import Session


class Panel(QWidget):
    """A widget in a dock that shows one aspect of the session. GUI thread only."""

    title: ClassVar[str]
    area: ClassVar[Literal["right", "bottom"]] = "right"
    open_at_start: ClassVar[bool] = True

    @classmethod
    def opens_with(cls, _facts: Facts) -> bool:
        """Tell whether the panel opens by itself with the first acquisition or file."""
        return cls.open_at_start

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session

    def theme_changed(self) -> None:
        """Take the colours of another theme, where they are not taken at each painting."""

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """See Qt."""
        super().changeEvent(event)
        if theme.is_change(event):
            self.theme_changed()

    def scrolled(self) -> QWidget:
        """Return a widget to lay out in, which scrolls where the panel is too small for it.

        A panel that insists on its height makes the window grow beyond a small screen.
        """
        area = QScrollArea(self)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        inside = QWidget(area)
        area.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)
        return inside
