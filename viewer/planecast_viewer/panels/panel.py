"""What every panel is."""

from typing import ClassVar, Literal

from PySide6.QtWidgets import QWidget

from planecast_viewer.session import Session


class Panel(QWidget):
    """A widget in a dock that shows one aspect of the session. GUI thread only."""

    title: ClassVar[str]
    area: ClassVar[Literal["right", "bottom"]] = "right"
    open_at_start: ClassVar[bool] = True

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
