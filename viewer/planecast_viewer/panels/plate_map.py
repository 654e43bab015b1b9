"""Wells and fovs where they lie, coloured by progress; a click goes there."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from planecast_protocol.errors import PlanecastError
from planecast_viewer import theme
from planecast_viewer.facts import Facts
from planecast_viewer.panels.panel import Panel
from planecast_viewer.plane_table import PlaneTable
from planecast_viewer.plate_layout import layout_of
from planecast_viewer.plate_view import PlateView
from planecast_viewer.progress import Progress, progress_of
from planecast_viewer.session import Session

REFRESH_MS = 250
TIP = "Click or Enter: go there.  Wheel, + and −: zoom.  Drag: move.  Home: show all."


class PlateMapPanel(Panel):
    """Follows the session no faster than four times a second, and only while it can be seen."""

    title: ClassVar[str] = "Plate map"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._progress: Progress | None = None
        self._laid_out = False
        self._positions_um: npt.NDArray[np.float64] | None = None
        self._asked = False
        self.view = PlateView(self._describe, self)
        self.view.fov_chosen.connect(self._on_fov_chosen)
        self.text = QLabel(self)
        self.text.setContentsMargins(6, 0, 6, 4)
        self.text.setWordWrap(True)
        self.text.setStyleSheet(f"color: {theme.muted()}")
        self.text.setToolTip(TIP)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.text)
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.planes_registered.connect(self._on_planes_registered)
        session.extents_changed.connect(self._on_planes_registered)
        session.shown_changed.connect(self._on_shown_changed)
        session.wishes.planetable_ready.connect(self._on_planetable_ready)

    @classmethod
    def opens_with(cls, facts: Facts) -> bool:
        """See `Panel`: one fov needs no map."""
        return len(facts.fov_labels) > 1

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Catch up."""
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Rest."""
        super().hideEvent(event)
        self._timer.stop()

    def theme_changed(self) -> None:
        """See `Panel`."""
        self.text.setStyleSheet(f"color: {theme.muted()}")
        self.refresh()

    def refresh(self) -> None:
        """Show how far the fovs are now."""
        if not self.isVisible():
            return
        facts = self.session.facts
        if not self._laid_out:
            self._laid_out = True
            self._lay_out(facts)
        self._progress = progress_of(self.session)
        if self._progress is not None:
            self.view.set_shares(self._progress.shares())
            self.view.set_current(self.session.shown.fov)
        self.text.setText(self._summary())

    def _lay_out(self, facts: Facts | None) -> None:
        if facts is None:
            self.view.set_layout(None)
            return
        layout = layout_of(facts.fov_labels, self._positions_um)
        self.view.set_layout(layout)
        if layout.kind == "grid" and facts.has_planetable and not self._asked:
            # The file may tell where its scenes are on the stage.
            self._asked = True
            self.session.wishes.planetable_wanted.emit(facts.identity)

    def _on_planetable_ready(self, path: str, answer: PlaneTable | PlanecastError) -> None:
        facts = self.session.facts
        if facts is None or path != facts.identity or not isinstance(answer, PlaneTable):
            return
        self._positions_um = answer.fov_positions_um(len(facts.fov_labels))
        self._laid_out = False
        self.refresh()

    def _summary(self) -> str:
        progress = self._progress
        if progress is None:
            return "no acquisition yet"
        n_fovs = len(progress.registered)
        shown = f"<b>{self.session.fov_label(self.session.shown.fov)}</b> is shown"
        if self.session.state == "file":
            return f"{shown} · {n_fovs:,} scene{'' if n_fovs == 1 else 's'}"
        return f"{shown} · {progress.n_complete:,} of {n_fovs:,} complete"

    def _describe(self, fov: int) -> str:
        """Return well, fov and count."""
        label = self.session.fov_label(fov)
        well, _colon, number = label.partition(":")
        name = f"well {well}, fov {number}" if number else label
        if self._progress is None:
            return name
        registered, expected = self._progress.registered[fov], self._progress.expected[fov]
        of = "" if self.session.state == "file" else f" of {expected:,}"
        return f"{name}  (number {fov})\n{registered:,}{of} planes"

    def _on_acquisition_changed(self) -> None:
        self._laid_out, self._asked, self._positions_um = False, False, None
        self._timer.stop()
        self.refresh()

    def _on_planes_registered(self, _indices: npt.NDArray[np.int32] | None = None) -> None:
        if not self._timer.isActive() and self.isVisible():
            self._timer.start()

    def _on_shown_changed(self) -> None:
        if not self.session.following:
            self.view.set_current(self.session.shown.fov)
        if not self._timer.isActive() and self.isVisible():
            self._timer.start()

    def _on_fov_chosen(self, fov: int) -> None:
        self.session.show(self.session.shown._replace(fov=fov))
