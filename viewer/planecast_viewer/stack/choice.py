"""How the z stack is looked at: one plane, from three sides, or as a volume."""

from typing import Literal

from PySide6.QtCore import QObject, Signal

StackMode = Literal["picture", "orthogonal", "volume"]


class StackChoice(QObject):
    """What takes the place of the picture, and where the stack is cut. GUI thread only."""

    mode_changed = Signal(str)
    possible_changed = Signal()
    cross_moved = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.mode: StackMode = "picture"
        self.possible = False
        """There are several z planes."""
        self.cross: tuple[float, float] = (0.0, 0.0)
        """Where orthogonal views cut, (x, y) in pixels; in z it is the plane that is shown."""

    def set(self, mode: StackMode) -> None:
        """Look at the stack this way, if there is one."""
        if not self.possible:
            mode = "picture"
        if mode != self.mode:
            self.mode = mode
            self.mode_changed.emit(mode)

    def toggle(self, mode: StackMode) -> None:
        """Look this way, or at the picture again."""
        self.set("picture" if self.mode == mode else mode)

    def restart(self, num_z: int, size_yx: tuple[int, int]) -> None:
        """Take the size of another acquisition's stacks; they are cut in their middle."""
        height, width = size_yx
        self.possible = num_z > 1
        self.possible_changed.emit()
        self.set(self.mode)
        self.move_cross(width / 2, height / 2)

    def move_cross(self, x: float, y: float) -> None:
        """Cut at this pixel."""
        if (x, y) != self.cross:
            self.cross = (x, y)
            self.cross_moved.emit()
