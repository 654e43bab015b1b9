"""Give ndv our canvases in place of its own."""

from __future__ import annotations

import logging
from typing import Literal

from ndv.views import _app
from ndv.views.bases import ArrayCanvas, HistogramCanvas, SharedHistogramCanvas

from planecast_viewer.canvas.choice import CanvasChoice, CanvasKind, choose_canvas

logger = logging.getLogger(__name__)

_installed: list[CanvasChoice] = []


def install_canvas(choice: Literal["auto", "vispy", "raster"] = "auto") -> CanvasKind:
    """Choose a canvas and let every `ndv.ArrayViewer` made from now on have it.

    Call it after the `QApplication` and before the first `ArrayViewer` is made.
    `installed_choice` tells the reason.
    """
    chosen = choose_canvas(choice)
    provider = RasterProvider if chosen.kind == "raster" else VispyProvider
    for backend in _app.CANVAS_PROVIDERS:
        _app.CANVAS_PROVIDERS[backend] = provider
    _installed[:] = [chosen]
    logger.info("%s canvas: %s", chosen.kind, chosen.why)
    return chosen.kind


def installed_choice() -> CanvasChoice | None:
    """Return what `install_canvas` chose, and why; `None` before it was called."""
    return _installed[0] if _installed else None


class RasterProvider(_app.CanvasProvider):
    """Canvases that need no OpenGL; vispy is not even imported."""

    @staticmethod
    def is_imported() -> bool:
        """Return True, so that ndv takes these."""
        return True

    @staticmethod
    def is_available() -> bool:
        """Return True: nothing but Qt is needed."""
        return True

    @staticmethod
    def array_canvas_class() -> type[ArrayCanvas]:
        """Return the canvas for images."""
        from planecast_viewer.canvas.raster import RasterCanvas

        return RasterCanvas

    @staticmethod
    def histogram_canvas_class() -> type[HistogramCanvas]:
        """Return the histogram of one channel."""
        from planecast_viewer.canvas.histogram import RasterHistogram

        return RasterHistogram

    @staticmethod
    def shared_histogram_canvas_class() -> type[SharedHistogramCanvas]:
        """Return the histogram of all channels."""
        from planecast_viewer.canvas.histogram import RasterSharedHistogram

        return RasterSharedHistogram


class VispyProvider(_app.VispyProvider):
    """ndv's canvases for OpenGL, the one for images with our additions."""

    @staticmethod
    def array_canvas_class() -> type[ArrayCanvas]:
        """Return the canvas for images."""
        _app.VispyProvider.array_canvas_class()
        from planecast_viewer.canvas.vispy_canvas import VispyCanvas

        return VispyCanvas
