"""What every panel is."""

from typing import ClassVar, Literal

from PySide6.QtWidgets import QWidget

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
