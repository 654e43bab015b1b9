"""What lies under the mouse: pixel, place in µm, place on the stage, values."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from planecast_protocol.errors import PlanecastError
from planecast_viewer.plane_table import PlaneTable
from planecast_viewer.session import Session


@dataclass(frozen=True)
class Hover:
    """A point of the picture."""

    x: float
    y: float
    """In pixels of the picture, from its top left corner."""
    values: tuple[tuple[str, str], ...]
    """(channel, value) of the visible channels that have this pixel."""


class UnderCursor(QObject):
    """Words for what is under the mouse. GUI thread only.

    The stage's coordinates are those of the field's middle, as the file has them, and the way
    from there: the camera is taken to be neither turned nor mirrored.
    """

    text_changed = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._stage_um: npt.NDArray[np.float64] | None = None
        self._asked = False
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.wishes.planetable_ready.connect(self._on_planetable_ready)

    def take(self, hover: Hover | None) -> None:
        """Take another point, or that the mouse has left."""
        if hover is None or not hover.values:
            self.text_changed.emit("")
            return
        self._ask_once()
        values = "   ".join(f"{name} {value}" for name, value in hover.values)
        places = [f"x {int(hover.x)}  y {int(hover.y)}", *self._lengths(hover), values]
        self.text_changed.emit("   ".join(places))

    # ------------------------------------------------------------ inside

    def _lengths(self, hover: Hover) -> list[str]:
        facts = self._session.facts
        if facts is None or facts.pixel_size_um is None:
            return []
        size_um = facts.pixel_size_um
        places = [f"{hover.x * size_um:.1f}, {hover.y * size_um:.1f} µm"]
        fov = self._session.shown.fov
        if self._stage_um is not None and fov < len(self._stage_um):
            x_um, y_um = self._stage_um[fov]
            if np.isfinite(x_um) and np.isfinite(y_um):
                x_um += (hover.x - facts.width / 2) * size_um
                y_um += (hover.y - facts.height / 2) * size_um
                places.append(f"stage {x_um:.1f}, {y_um:.1f} µm")
        return places

    def _ask_once(self) -> None:
        facts = self._session.facts
        if facts is not None and facts.has_planetable and not self._asked:
            self._asked = True
            self._session.wishes.planetable_wanted.emit(facts.identity)

    def _on_planetable_ready(self, path: str, answer: PlaneTable | PlanecastError) -> None:
        facts = self._session.facts
        if facts is not None and path == facts.identity and isinstance(answer, PlaneTable):
            self._stage_um = answer.fov_positions_um(len(facts.fov_labels))

    def _on_acquisition_changed(self) -> None:
        self._stage_um, self._asked = None, False
        self.text_changed.emit("")
