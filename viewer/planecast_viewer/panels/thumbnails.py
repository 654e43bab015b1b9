"""Small pictures of all fovs, made as they come into view; a click goes there."""

import time
from typing import ClassVar

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QImage, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from planecast_agent.subscriber.known_planes import Position
from planecast_viewer.colors import channel_color
from planecast_viewer.panels.panel import Panel
from planecast_viewer.planes import PlaneKey, WantedPlane
from planecast_viewer.session import Session
from planecast_viewer.thumbnail import Thumbnail
from planecast_viewer.thumbnail_store import ThumbnailStore
from planecast_viewer.thumbnail_view import ThumbnailView

REFRESH_MS = 300
"""No sooner than this the pictures follow a slider, the scroll bar, or new planes."""
MAX_CHANNELS = 3
"""Of a picture: each is one more plane to read."""
MAX_FAILURES = 1000
RETRY_AFTER_S = 3.0
"""A plane that could not be read, because it was not written yet, is tried again after this."""


class ThumbnailsPanel(Panel):
    """The newest plane of each visible fov, in the visible channels, at the z that is shown."""

    title: ClassVar[str] = "Thumbnails"
    open_at_start: ClassVar[bool] = False

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.store = ThumbnailStore()
        self._failures: dict[PlaneKey, tuple[float, str]] = {}
        self._shown: dict[int, tuple[PlaneKey, ...]] = {}
        """Of each fov, the planes of the picture that was complete last."""
        self._colors: dict[int, str] = {}
        self.view = ThumbnailView(self._picture, session.fov_label, self)
        self.view.fov_chosen.connect(self._on_fov_chosen)
        self.view.visible_changed.connect(self._soon)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.planes_registered.connect(self._soon)
        session.channels_changed.connect(self._soon)
        session.shown_changed.connect(self._on_shown_changed)
        session.wishes.thumbnails_ready.connect(self._on_thumbnails_ready)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Ask for what is visible."""
        super().showEvent(event)
        self._soon()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Ask for nothing any more."""
        super().hideEvent(event)
        self._timer.stop()
        self.session.wishes.thumbnails_wanted.emit([])

    def refresh(self) -> None:
        """Ask for the thumbnails that are visible and not there."""
        if not self.isVisible() or self.session.facts is None:
            return
        now = time.monotonic()
        wanted = []
        for fov in self.view.visible_fovs():
            keys = self._keys(fov)
            for key in keys:
                failed_at, _why = self._failures.get(key, (-RETRY_AFTER_S, ""))
                if not self.store.has(key) and now - failed_at >= RETRY_AFTER_S:
                    wanted.append(self._wanted(key))
        self.session.wishes.thumbnails_wanted.emit(wanted)
        self.view.set_current(self.session.shown.fov)
        self.view.viewport().update()
        self._retry_later()

    def _retry_later(self) -> None:
        """Look again after a while: what is not written yet may be by then."""
        waits = self._failures and self.session.running and self.isVisible()
        if waits and not self._timer.isActive():
            self._timer.start(int(RETRY_AFTER_S * 1000))

    # ------------------------------------------------------------ which planes

    def _keys(self, fov: int) -> tuple[PlaneKey, ...]:
        """Return the planes of a fov's picture, of its newest time point up to the shown one."""
        session = self.session
        assert session.planes is not None
        assert session.facts is not None
        shown = session.shown
        for t in (shown.t, shown.t - 1):
            position = Position(t, fov, shown.z)
            indices = [position.plane(c) for c in session.visible_channels()[:MAX_CHANNELS]]
            here = [index for index in indices if t >= 0 and session.planes.has(index)]
            if here:
                identity, revision = session.facts.identity, session.planes.revision
                return tuple(PlaneKey(identity, index, revision(index)) for index in here)
        return ()

    def _wanted(self, key: PlaneKey) -> WantedPlane:
        assert self.session.planes is not None
        return WantedPlane(key, self.session.planes.source(key.index), self.session.running)

    def _picture(self, fov: int) -> QImage | str:
        """Return what is drawn for a fov: the picture of before, until the new one is whole."""
        if self.session.facts is None:
            return ""
        keys = self._keys(fov)
        if not keys:
            return "nothing yet" if self.session.running else "nothing"
        if all(self.store.has(key) for key in keys):
            self._shown[fov] = keys
        picture = self.store.picture(self._shown.get(fov, keys), self._colors)
        if picture is not None:
            return picture
        failure = next((self._failures[key][1] for key in keys if key in self._failures), None)
        return "…" if failure is None else failure

    # ------------------------------------------------------------ what happens

    def _soon(self, _indices: object = None) -> None:
        waits = self._timer.isActive() and self._timer.remainingTime() <= REFRESH_MS
        if not waits and self.isVisible():
            self._timer.start(REFRESH_MS)

    def _on_acquisition_changed(self) -> None:
        facts = self.session.facts
        self.store.clear()
        self._failures.clear()
        self._shown.clear()
        channels = () if facts is None else facts.channels
        self._colors = {n: channel_color(c, n, len(channels)).rgb for n, c in enumerate(channels)}
        self.view.set_count(0 if facts is None else len(facts.fov_labels))
        self._soon()

    def _on_shown_changed(self) -> None:
        if not self.session.following:
            self.view.set_current(self.session.shown.fov)
        self._soon()

    def _on_thumbnails_ready(self, ready: list[tuple[PlaneKey, Thumbnail | str]]) -> None:
        for key, outcome in ready:
            if isinstance(outcome, Thumbnail):
                self.store.add(key, outcome)
                self._failures.pop(key, None)
            else:
                if len(self._failures) >= MAX_FAILURES:
                    self._failures.clear()
                self._failures[key] = (time.monotonic(), outcome)
        self._retry_later()
        self.view.viewport().update()

    def _on_fov_chosen(self, fov: int) -> None:
        self.session.show(self.session.shown._replace(fov=fov))
