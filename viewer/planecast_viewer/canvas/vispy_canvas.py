"""ndv's own canvas with our additions, for screens with a graphics card."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from ndv.models._viewer_model import ArrayViewerModel
from ndv.views._vispy._array_canvas import VispyArrayCanvas, VispyImageHandle
from PySide6.QtGui import QImage
from PySide6.QtOpenGLWidgets import QOpenGLWidget

from planecast_viewer.canvas.extras import CanvasExtras
from planecast_viewer.canvas.view import View


class VispyCanvas(CanvasExtras, VispyArrayCanvas):
    """Shows images and volumes with OpenGL. GUI thread only.

    `frame_shown` is emitted after each swap and carries `None`: reading a picture back from the
    graphics card takes milliseconds, so it is done when `shown_image` is asked for.
    """

    def __init__(self, viewer_model: ArrayViewerModel) -> None:
        VispyArrayCanvas.__init__(self, viewer_model)
        self._world_per_px_x: float | None = 1.0
        self._is_drawn = False
        self._is_stale = False
        self._init_extras(self.frontend_widget())
        self.frontend_widget().frameSwapped.connect(self._on_frame_swapped)

    def frontend_widget(self) -> QOpenGLWidget:
        """Return the widget."""
        widget: QOpenGLWidget = VispyArrayCanvas.frontend_widget(self)
        return widget

    @property
    def view(self) -> View:
        """World of the top left corner and world units per logical pixel; 2D only."""
        x0, y0, _ = self.canvas_to_world((0, 0))
        x1, _, _ = self.canvas_to_world((1, 0))
        return View(float(x0), float(y0), float(x1 - x0))

    @property
    def shown_image(self) -> QImage | None:
        """Draw the picture once more and read it back; `None` before the first."""
        return self.frontend_widget().grabFramebuffer() if self._is_drawn else None

    @property
    def is_current(self) -> bool:
        """Whether the planes of the last `refresh` are on the screen."""
        return self._is_drawn and not self._is_stale

    def refresh(self) -> None:
        """Draw again soon."""
        self._is_stale = True
        super().refresh()

    def world_to_canvas(self, pos_xy: tuple[float, float]) -> tuple[float, float]:
        """Return the canvas point of a world point, both as (x, y); 2D only."""
        return self.view.to_canvas(*pos_xy)

    def set_ndim(self, ndim: Literal[2, 3]) -> None:
        """Show planes or volumes. A volume is turned freely and has no scale bar."""
        super().set_ndim(ndim)
        self._update_scale_bar()

    def set_scales(self, scales: tuple[float, ...]) -> None:
        """Set the world units per pixel of the visible axes, slowest first."""
        super().set_scales(scales)
        self._world_per_px_x = float(scales[-1]) if scales else 1.0
        self._update_scale_bar()

    def add_image(self, data: npt.NDArray[Any] | None = None) -> VispyImageHandle:
        """Add a channel of any real dtype."""
        made = super().add_image(None if data is None else uploadable(data))
        handle = _AnyDtypeHandle(made._visual)  # noqa: SLF001
        handle._downsample_factors = made._downsample_factors  # noqa: SLF001
        self._elements[made._visual] = handle  # noqa: SLF001
        return handle

    def _world_per_image_px(self) -> float | None:
        return None if self._ndim == 3 else self._world_per_px_x

    def _on_frame_swapped(self) -> None:
        self._is_drawn = True
        self._is_stale = False
        self._update_scale_bar()
        self.frame_shown.emit(None)


class _AnyDtypeHandle(VispyImageHandle):
    """Takes planes that OpenGL has no texture for."""

    def set_data(self, data: npt.NDArray[Any]) -> None:
        """Show another plane."""
        super().set_data(uploadable(data))


def uploadable(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return `data` in a dtype that keeps its values as a texture.

    ndv keeps the low 16 bits of wider integers, and OpenGL has no signed 16 bit textures.
    """
    if data.dtype in (np.uint8, np.uint16, np.float32):
        return data
    return data.astype(np.float32)
