"""The widget of the raster canvas: shows the newest frame, pans and zooms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QCoreApplication, QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QHideEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from planecast_viewer.canvas.compositing import Layer
from planecast_viewer.canvas.render_thread import Frame, RenderThread, Wish
from planecast_viewer.canvas.view import Extent, View, fitted

ZOOM_PER_NOTCH = 0.8
WHEEL_NOTCH = 120


class Mark(Protocol):
    """Something painted over the picture."""

    def paint(self, painter: QPainter) -> None:
        """Paint in logical pixels of the widget."""


class RasterWidget(QWidget):
    """Paints frames that a `RenderThread` composed; composes nothing while it is hidden.

    Until a new frame is there the last one is drawn moved and scaled to the new view, so that
    panning and zooming answer at once.
    """

    frame_shown = Signal(object)
    """A new frame was painted; carries its `QImage`."""
    view_changed = Signal()

    def __init__(self, layers: Callable[[], tuple[Layer, ...] | None]) -> None:
        super().__init__()
        self.marks: list[Mark] = []
        self._layers = layers
        self._extent = Extent(0, 0)
        self._view = View(0, 0, 1)
        self._is_fitted = True
        self._frame: Frame | None = None
        self._is_frame_new = False
        self._n_changes = 0
        self._emptied_change = 0
        self._shown_change = 0
        self._is_exposed = False
        self._drag_from: QPointF | None = None
        self._thread = RenderThread()
        self._thread.frame_ready.connect(self._on_frame_ready)
        self.destroyed.connect(self._thread.close)
        if (app := QCoreApplication.instance()) is not None:
            app.aboutToQuit.connect(self._thread.close)
        # Many changes in one turn of the event loop make one wish.
        self._submit_timer = self._zero_timer(self._submit)
        # After the paint event Qt still copies to the screen: announce the frame after that.
        self._shown_timer = self._zero_timer(self._announce)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)

    def _zero_timer(self, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    @property
    def view(self) -> View:
        """What the widget looks at, in logical pixels."""
        return self._view

    @property
    def shown_image(self) -> QImage | None:
        """The newest frame that came, or `None` before the first."""
        return None if self._frame is None else self._frame.image

    @property
    def shown_view(self) -> View:
        """The view of the newest frame that came."""
        return self._view if self._frame is None else self._frame.view

    @property
    def is_current(self) -> bool:
        """Whether every change made so far is on the screen."""
        return self._shown_change == self._n_changes

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return ndv's own size of a canvas."""
        return QSize(600, 600)

    def refresh(self) -> None:
        """Compose anew what `layers` gives, soon; while hidden, when shown again."""
        self._n_changes += 1
        if self._is_exposed:
            self._submit_timer.start()

    def set_extent(self, extent: Extent) -> None:
        """Tell how large the picture is in world units; another size is fitted."""
        if extent != self._extent:
            self._extent = extent
            self.fit()

    def fit(self, margin: float = 0.01) -> None:
        """Show the whole picture, also after the next resize."""
        self._is_fitted = True
        if self._extent.width > 0 and self._extent.height > 0:
            x, y = (0.0, self._extent.width), (0.0, self._extent.height)
            self._set_view(fitted(x, y, self.width(), self.height(), margin))

    def look_at(self, view: View) -> None:
        """Show this view, and keep it when the widget is resized."""
        self._is_fitted = False
        self._set_view(view)

    def zoom(self, factor: float, center: tuple[float, float]) -> None:
        """Make the world `factor` times larger on screen, the world point `center` kept."""
        self.look_at(self._view.zoomed(1 / factor, center, self._extent))

    def stop(self) -> None:
        """End the thread. The last frame stays. May be called twice."""
        self._submit_timer.stop()
        self._thread.close()

    def _set_view(self, view: View) -> None:
        if view != self._view:
            self._view = view
            self.view_changed.emit()
        self.refresh()
        self.update()

    def _submit(self) -> None:
        layers = self._layers()
        if layers is None:
            self._frame = None
            self._shown_change = self._emptied_change = self._n_changes
            self.update()
            return
        ratio = self.devicePixelRatioF()
        width, height = round(self.width() * ratio), round(self.height() * ratio)
        if width > 0 and height > 0:
            self._thread.submit(Wish(layers, width, height, self._view, ratio, self._n_changes))

    def _on_frame_ready(self) -> None:
        frame = self._thread.take()
        # What was being composed when the canvas was emptied must not come back.
        if frame is not None and frame.change >= self._emptied_change:
            self._frame = frame
            self._is_frame_new = True
            self.update()

    def _announce(self) -> None:
        if self._frame is not None:
            if not self._frame.draft:
                self._shown_change = self._frame.change
            self.frame_shown.emit(self._frame.image)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Paint the newest frame where the view wants it, and the marks."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        if self._frame is not None:
            self._paint_frame(painter, self._frame)
        for mark in self.marks:
            mark.paint(painter)
        painter.end()
        if self._is_frame_new:
            self._is_frame_new = False
            self._shown_timer.start()

    def _paint_frame(self, painter: QPainter, frame: Frame) -> None:
        if frame.view == self._view:
            painter.drawImage(0, 0, frame.image)
            return
        size = frame.image.deviceIndependentSize()
        zoom = frame.view.world_per_px / self._view.world_per_px
        corner = QPointF(*self._view.to_canvas(frame.view.x0, frame.view.y0))
        painter.drawImage(QRectF(corner, size * zoom), frame.image)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fit again, until the user has panned or zoomed."""
        super().resizeEvent(event)
        if self._is_fitted:
            self.fit()
        else:
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Compose what has changed while the widget was hidden."""
        super().showEvent(event)
        self._is_exposed = True
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Stop composing; a minimised window is hidden too."""
        super().hideEvent(event)
        self._is_exposed = False
        self._submit_timer.stop()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Compose anew for a screen of another pixel density."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.refresh()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom about the cursor."""
        notches = event.angleDelta().y() / WHEEL_NOTCH
        position = event.position()
        center = self._view.to_world(position.x(), position.y())
        self.zoom(ZOOM_PER_NOTCH**-notches, center)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin to pan."""
        self._drag_from = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Pan while the left button is down."""
        if self._drag_from is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        moved = event.position() - self._drag_from
        self._drag_from = event.position()
        self.look_at(self._view.panned(moved.x(), moved.y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002, N802
        """End panning."""
        self._drag_from = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Show the whole picture."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.fit()
