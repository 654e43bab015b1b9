"""What both canvases add to ndv's: a message, a scale bar, and the frame that was shown."""

from __future__ import annotations

import math
from abc import abstractmethod
from weakref import WeakSet

import ndv
from ndv.views.bases import ArrayCanvas
from PySide6.QtCore import SignalInstance
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from planecast_protocol.planes import Seen
from planecast_viewer.canvas.overlay import CanvasOverlay, paint_scale_bar
from planecast_viewer.canvas.view import View

_canvases: WeakSet[CanvasExtras] = WeakSet()


class CanvasExtras(ArrayCanvas):
    """The promises of a planecast canvas beyond those of ndv. GUI thread only."""

    frame_shown: SignalInstance
    """Emitted after a frame came to the screen, with its `QImage`, or `None` under vispy."""
    view_changed: SignalInstance
    """Emitted when another part is seen, or at another size."""

    _overlay: CanvasOverlay
    _um_per_image_px: float | None

    def _init_extras(self, widget: QWidget) -> None:
        self._overlay = CanvasOverlay(widget)
        self._um_per_image_px = None
        self.frame_shown = self._overlay.frame_shown
        self.view_changed = self._overlay.view_changed
        _canvases.add(self)

    @property
    @abstractmethod
    def view(self) -> View:
        """World of the top left corner and world units per logical pixel."""

    @property
    @abstractmethod
    def shown_image(self) -> QImage | None:
        """The picture on the screen, or `None` before the first."""

    @property
    def shown_view(self) -> View:
        """The view of `shown_image`: a canvas that composes elsewhere is behind `view` a moment."""
        return self.view

    @property
    @abstractmethod
    def is_current(self) -> bool:
        """Whether all that was given to the canvas so far is on the screen."""

    @abstractmethod
    def world_to_canvas(self, pos_xy: tuple[float, float]) -> tuple[float, float]:
        """Return the canvas point of a world point, both as (x, y)."""

    @abstractmethod
    def _world_per_image_px(self) -> float | None:
        """Return the world width of an image pixel; `None` where a length has no meaning."""

    @property
    def message(self) -> str | None:
        """The text over the picture, if any."""
        return self._overlay.message

    def set_message(self, text: str | None, *, at_top: bool = False) -> None:
        """Write `text` over the picture, for example that a plane is not written yet.

        `at_top`: not in its middle, where there is something to see.
        """
        self._overlay.set_message(text, at_top=at_top)

    def picture(self) -> QImage | None:
        """Return a copy of the picture on the screen with its scale bar; `None`: there is none."""
        shown = self.shown_image
        if shown is None:
            return None
        picture = shown.convertToFormat(QImage.Format.Format_RGB32)
        um_per_px = self._um_per_screen_px(self.shown_view)
        if um_per_px is not None:
            painter = QPainter(picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            size = picture.deviceIndependentSize()
            paint_scale_bar(painter, um_per_px, round(size.width()), round(size.height()))
            painter.end()
        # A copy owns its pixels; what the canvas shows may look at others'.
        return picture.copy()

    def set_pixel_size(self, um_per_px: float | None) -> None:
        """Show a scale bar for image pixels of this width; none if it is not known."""
        self._um_per_image_px = um_per_px
        self._update_scale_bar()

    def one_to_one(self) -> None:
        """Show one image pixel as one pixel of the screen, the middle of the picture kept."""
        self.zoom_by(self.view.world_per_px / (self._world_per_image_px() or 1.0))

    def zoom_by(self, factor: float) -> None:
        """Show the picture `factor` times larger, its middle kept."""
        widget = self.frontend_widget()
        x, y, *_ = self.canvas_to_world((widget.width() / 2, widget.height() / 2))
        self.zoom(1 / factor, (x, y))

    def seen_of(self, height: int, width: int) -> Seen | None:
        """Return what is seen of a plane of this size, once it lies on the canvas."""
        widget, view = self.frontend_widget(), self.view
        if view.world_per_px <= 0 or not math.isfinite(view.world_per_px):
            return None
        left, top = max(0, int(view.x0)), max(0, int(view.y0))
        right, bottom = view.to_world(widget.width(), widget.height())
        right, bottom = min(width, math.ceil(right)), min(height, math.ceil(bottom))
        if right <= left or bottom <= top:
            return None
        zoom = widget.devicePixelRatio() / view.world_per_px
        return Seen(
            x=left,
            y=top,
            width=int(right - left),
            height=int(bottom - top),
            screen_width=max(1, round((right - left) * zoom)),
            screen_height=max(1, round((bottom - top) * zoom)),
        )

    def _update_scale_bar(self) -> None:
        self._overlay.set_um_per_screen_px(self._um_per_screen_px(self.view))
        self.view_changed.emit()

    def _um_per_screen_px(self, view: View) -> float | None:
        """Return the size of a logical screen pixel in a view; `None`: it is not known."""
        world_per_image_px = self._world_per_image_px()
        if self._um_per_image_px is None or not world_per_image_px:
            return None
        um_per_px = self._um_per_image_px / world_per_image_px * view.world_per_px
        return um_per_px if math.isfinite(um_per_px) and um_per_px > 0 else None


def canvas_of(viewer: ndv.ArrayViewer) -> CanvasExtras:
    """Return the canvas of a viewer that was made after `install_canvas`.

    Raises `LookupError` for any other viewer, and after the canvas was deleted.
    """
    widget = viewer.widget()
    for canvas in _canvases:
        canvas_widget = canvas.frontend_widget()
        if isValid(canvas_widget) and widget.isAncestorOf(canvas_widget):
            return canvas
    raise LookupError("this viewer has no planecast canvas: call install_canvas first")
