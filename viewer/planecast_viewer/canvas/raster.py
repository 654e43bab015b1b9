"""A canvas for ndv that needs no OpenGL: planes are composed by a thread, the GUI only blits."""

from __future__ import annotations

from typing import Any, Literal
from weakref import ref

import numpy.typing as npt
from ndv._types import CursorType, MouseButton, MouseMoveEvent, MousePressEvent, MouseReleaseEvent
from ndv.models._viewer_model import ArrayViewerModel, InteractionMode
from ndv.views._app import filter_mouse_events
from ndv.views.bases import CanvasElement
from PySide6.QtGui import QImage
from shiboken6 import isValid

from planecast_viewer.canvas.compositing import Layer
from planecast_viewer.canvas.extras import CanvasExtras
from planecast_viewer.canvas.raster_handles import RasterImage
from planecast_viewer.canvas.raster_rectangle import RasterRectangle
from planecast_viewer.canvas.raster_widget import RasterWidget
from planecast_viewer.canvas.view import Extent, View, fitted

NO_VOLUMES = "3D needs OpenGL: start the viewer with --canvas vispy where a graphics card draws."


class RasterCanvas(CanvasExtras):
    """Shows images of any real dtype and size, added up. GUI thread only.

    `frame_shown` carries the `QImage` of a new frame once it is on the screen.
    """

    def __init__(self, viewer_model: ArrayViewerModel | None = None) -> None:
        self._viewer_model = viewer_model
        self._images: list[RasterImage] = []
        self._scale_yx = (1.0, 1.0)
        self._selected: RasterRectangle | None = None
        self._last_rectangle: ref[RasterRectangle] | None = None
        self._widget = RasterWidget(self._layers)
        self._disconnect_mouse = filter_mouse_events(self._widget, self)
        self._init_extras(self._widget)
        self._widget.frame_shown.connect(self.frame_shown)
        self._widget.view_changed.connect(self._update_scale_bar)

    @property
    def view(self) -> View:
        """World of the top left corner and world units per logical pixel."""
        return self._widget.view

    @property
    def shown_image(self) -> QImage | None:
        """The newest picture, or `None` before the first."""
        return self._widget.shown_image

    @property
    def shown_view(self) -> View:
        """The view that `shown_image` was composed for."""
        return self._widget.shown_view

    @property
    def is_current(self) -> bool:
        """Whether all that was given to the canvas so far is on the screen."""
        return self._widget.is_current

    def look_at(self, view: View) -> None:
        """Show this view, and keep it when the window is resized."""
        self._widget.look_at(view)

    def frontend_widget(self) -> RasterWidget:
        """Return the widget."""
        return self._widget

    def set_visible(self, visible: bool) -> None:
        """Show or hide the widget."""
        self._widget.setVisible(visible)

    def close(self) -> None:
        """Let go of all planes and end the thread. May be called twice."""
        self._images.clear()
        # A deleted widget has ended the thread, and takes no more calls.
        if isValid(self._widget):
            self._disconnect_mouse()
            self._widget.stop()

    def refresh(self) -> None:
        """Compose a new frame soon."""
        self._widget.refresh()

    def set_ndim(self, ndim: Literal[2, 3]) -> None:
        """Hide ndv's 3D button; if 3D comes all the same, say that it cannot be shown."""
        if self._viewer_model is not None:
            self._viewer_model.show_3d_button = False
        if ndim == 3:
            self.set_message(NO_VOLUMES)
        elif self.message == NO_VOLUMES:
            self.set_message(None)

    def add_image(self, data: npt.NDArray[Any] | None = None) -> RasterImage:
        """Add a channel; it is fitted if it makes the picture larger."""
        image = RasterImage(data, self._on_image_changed, self._on_image_removed)
        self._images.append(image)
        self._on_image_changed()
        return image

    def add_volume(self, data: npt.NDArray[Any] | None = None) -> RasterImage:
        """Raise `NotImplementedError`: volumes need OpenGL."""
        raise NotImplementedError(NO_VOLUMES)

    def add_bounding_box(self) -> RasterRectangle:
        """Add a hidden rectangle; in the mode CREATE_ROI the next click places it."""
        rectangle = RasterRectangle(self._widget)
        self._last_rectangle = ref(rectangle)
        return rectangle

    def set_scales(self, scales: tuple[float, ...]) -> None:
        """Set the world units per pixel of the visible axes, slowest first."""
        scale_yx = (float(scales[-2]), float(scales[-1])) if len(scales) >= 2 else (1.0, 1.0)
        if scale_yx != self._scale_yx:
            self._scale_yx = scale_yx
            self._on_image_changed()
            self._update_scale_bar()

    def set_range(
        self,
        x: tuple[float, float] | None = None,
        y: tuple[float, float] | None = None,
        z: tuple[float, float] | None = None,  # noqa: ARG002
        margin: float = 0.01,
    ) -> None:
        """Show the world rectangle x, y; without both, the whole picture."""
        if x is None or y is None:
            self._widget.fit(margin)
        else:
            size = self._widget.size()
            self._widget.look_at(fitted(x, y, size.width(), size.height(), margin))

    def zoom(self, factor: float | tuple[float, ...], center: tuple[float, float] = (0, 0)) -> None:
        """Show `factor` times as much of the world, the world point `center` kept."""
        shown = factor[0] if isinstance(factor, tuple) else factor
        self._widget.zoom(1 / shown, center)

    def canvas_to_world(self, pos_xy: tuple[float, float]) -> tuple[float, float, float]:
        """Return the world point under a canvas point, both as (x, y), and z = 0."""
        return (*self.view.to_world(*pos_xy), 0.0)

    def world_to_canvas(self, pos_xy: tuple[float, float]) -> tuple[float, float]:
        """Return the canvas point of a world point, both as (x, y)."""
        return self.view.to_canvas(*pos_xy)

    def elements_at(self, pos_xy: tuple[float, float]) -> list[CanvasElement]:
        """Return what lies under a canvas point, the topmost first."""
        marks = [m for m in self._widget.marks if isinstance(m, RasterRectangle)]
        found: list[CanvasElement] = [m for m in reversed(marks) if m.contains(*pos_xy)]
        x, y, _ = self.canvas_to_world(pos_xy)
        for image in self._images:
            height, width = self._world_size(image)
            if 0 <= x < width and 0 <= y < height:
                found.append(image)
        return found

    def on_mouse_press(self, event: MousePressEvent) -> bool:
        """Place a new rectangle, or take hold of the one under the cursor."""
        if self._selected is not None:
            self._selected.set_selected(False)
            self._selected = None
        model = self._viewer_model
        if model is not None and model.interaction_mode == InteractionMode.CREATE_ROI:
            self._place_rectangle(self.view.to_world(event.x, event.y))
            model.interaction_mode = InteractionMode.PAN_ZOOM
            return False
        for element in self.elements_at((event.x, event.y)):
            if isinstance(element, RasterRectangle):
                self._selected = element
                element.on_mouse_press(event)
                break
        return False

    def on_mouse_move(self, event: MouseMoveEvent) -> bool:
        """Drag the selected rectangle; then the picture must not be panned."""
        if event.btn == MouseButton.LEFT and self._selected is not None:
            self._selected.on_mouse_move(event)
            return True
        return False

    def on_mouse_release(self, event: MouseReleaseEvent) -> bool:
        """End dragging."""
        if self._selected is not None:
            self._selected.on_mouse_release(event)
        return False

    def get_cursor(self, event: MouseMoveEvent) -> CursorType | None:
        """Return the cursor that tells what a click would do."""
        model = self._viewer_model
        if model is not None and model.interaction_mode == InteractionMode.CREATE_ROI:
            return CursorType.CROSS
        for element in self.elements_at((event.x, event.y)):
            if cursor := element.get_cursor(event):
                return cursor
        return CursorType.DEFAULT

    def _world_per_image_px(self) -> float | None:
        return self._scale_yx[1]

    def _place_rectangle(self, world: tuple[float, float]) -> None:
        rectangle = None if self._last_rectangle is None else self._last_rectangle()
        self._last_rectangle = None
        if rectangle is not None:
            rectangle.begin_at(world)
            self._selected = rectangle

    def _layers(self) -> tuple[Layer, ...] | None:
        if all(image.shape_yx is None for image in self._images):
            return None
        layers = (image.layer(self._scale_yx) for image in self._images)
        return tuple(layer for layer in layers if layer is not None)

    def _world_size(self, image: RasterImage) -> tuple[float, float]:
        height, width = image.shape_yx or (0, 0)
        return height * self._scale_yx[0], width * self._scale_yx[1]

    def _on_image_changed(self) -> None:
        sizes = [self._world_size(i) for i in self._images if i.shape_yx is not None]
        if sizes:
            height, width = (max(side) for side in zip(*sizes, strict=True))
            self._widget.set_extent(Extent(width, height))
        self._widget.refresh()

    def _on_image_removed(self, image: RasterImage) -> None:
        if image in self._images:
            self._images.remove(image)
            self._on_image_changed()
