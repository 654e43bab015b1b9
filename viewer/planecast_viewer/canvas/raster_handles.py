"""What lies on the raster canvas: images and the rectangle of a region of interest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cmap
import numpy as np
import numpy.typing as npt
from ndv.models import LUTModel
from ndv.models._lut_model import ClimsManual
from ndv.views.bases import ImageHandle

from planecast_viewer.canvas.compositing import Layer, Lut


class RasterImage(ImageHandle):
    """One channel of the picture. GUI thread only; planes are never written to."""

    def __init__(
        self,
        data: npt.NDArray[Any] | None,
        on_change: Callable[[], None],
        on_remove: Callable[[RasterImage], None],
    ) -> None:
        self._data = data
        self._on_change = on_change
        self._on_remove = on_remove
        self._lut = Lut(*_whole_range(data))
        self._colormap = cmap.Colormap("gray")
        self._is_visible = True

    @property
    def shape_yx(self) -> tuple[int, int] | None:
        """Height and width of the plane, or `None` before there is one."""
        return None if self._data is None else (self._data.shape[0], self._data.shape[1])

    def layer(self, scale_yx: tuple[float, float]) -> Layer | None:
        """Return what to compose, or `None` if nothing is to be seen."""
        if self._data is None or not self._is_visible:
            return None
        return Layer(self._data, self._lut, scale_yx)

    def data(self) -> npt.NDArray[Any]:
        """Return the plane, shape (y, x) or (y, x, rgb); empty before there is one."""
        return np.zeros((0, 0)) if self._data is None else self._data

    def set_data(self, data: npt.NDArray[Any]) -> None:
        """Show another plane, of any shape and real dtype."""
        self._data = data
        self._on_change()

    def visible(self) -> bool:
        """Return whether the channel takes part in the picture."""
        return self._is_visible

    def set_visible(self, visible: bool) -> None:
        """Show or hide the channel."""
        self._is_visible = visible
        self._on_change()

    def can_select(self) -> bool:
        """Images cannot be selected."""
        return False

    def selected(self) -> bool:
        """Images cannot be selected."""
        return False

    def set_selected(self, selected: bool) -> None:
        """Images cannot be selected."""

    def clims(self) -> tuple[float, float]:
        """Return the values that are black and white."""
        return self._lut.low, self._lut.high

    def set_clims(self, clims: tuple[float, float]) -> None:
        """Set the values that are black and white."""
        self._set_lut(replace(self._lut, low=float(clims[0]), high=float(clims[1])))

    def gamma(self) -> float:
        """Return the exponent."""
        return self._lut.gamma

    def set_gamma(self, gamma: float) -> None:
        """Set the exponent applied between black and white."""
        self._set_lut(replace(self._lut, gamma=float(gamma)))

    def colormap(self) -> cmap.Colormap:
        """Return the colours from black to white."""
        return self._colormap

    def set_colormap(self, colormap: cmap.Colormap) -> None:
        """Set the colours from black to white."""
        self._colormap = colormap
        self._set_lut(replace(self._lut, colors=color_bytes(colormap)))

    def remove(self) -> None:
        """Take the image off the canvas and let go of its plane."""
        self._data = None
        self._on_remove(self)

    def _set_lut(self, lut: Lut) -> None:
        if lut != self._lut:
            self._lut = lut
            self._on_change()


def _whole_range(data: npt.NDArray[Any] | None) -> tuple[float, float]:
    if data is None or data.dtype.kind not in "iu":
        return 0.0, 1.0
    return float(np.iinfo(data.dtype).min), float(np.iinfo(data.dtype).max)


def color_bytes(colormap: cmap.Colormap) -> bytes:
    """Return 256 colours of 3 bytes. Adding a colour by its alpha is adding colour * alpha."""
    rgba = np.asarray(colormap(np.arange(256) / 255.0), dtype=np.float64)
    return (rgba[:, :3] * rgba[:, 3:] * 255 + 0.5).astype(np.uint8).tobytes()


def lut_of(model: LUTModel) -> Lut:
    """Return how ndv's settings of a channel make colours of values."""
    clims = model.clims
    assert isinstance(clims, ClimsManual)  # `contrast.py` replaces all others
    return Lut(clims.min, clims.max, model.gamma, color_bytes(model.cmap))
