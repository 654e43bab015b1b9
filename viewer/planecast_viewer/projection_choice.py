"""Whether one z plane is shown, or the brightest of all."""

from PySide6.QtCore import QObject, Signal


class ProjectionChoice(QObject):
    """The maximum projection over z, on or off. GUI thread only."""

    changed = Signal(bool)
    """It is on or off now, or became possible or impossible."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.on = False
        self.possible = False
        """There are several z planes."""

    def set(self, on: bool) -> None:
        """Show the brightest of all z planes, if there are several; or one."""
        on = on and self.possible
        if on != self.on:
            self.on = on
            self.changed.emit(on)

    def toggle(self) -> None:
        """Show the other."""
        self.set(not self.on)

    def set_possible(self, possible: bool) -> None:
        """Take whether there is more than one z plane."""
        if possible != self.possible:
            self.possible = possible
            self.on = self.on and possible
            self.changed.emit(self.on)
