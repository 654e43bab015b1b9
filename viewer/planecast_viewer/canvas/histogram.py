"""Histograms for ndv that need no OpenGL."""

from __future__ import annotations

from typing import Any

import cmap
import numpy.typing as npt
from ndv.models._lut_model import ClimPolicy, ClimsManual
from ndv.views.bases import CanvasElement, HistogramCanvas, SharedHistogramCanvas
from ndv.views.bases._graphics._canvas import GraphicsCanvas
from PySide6.QtGui import QColor

from planecast_viewer.canvas.histogram_plot import HistogramPlot, Trace

Bounds = tuple[float | None, float | None]
DEFAULT_COLOR = "#c0c0c0"
MIN_LUMINANCE = 0.35


class _PlotCanvas(GraphicsCanvas):
    """What ndv asks of any canvas, answered by a `HistogramPlot`. GUI thread only."""

    _plot: HistogramPlot

    def frontend_widget(self) -> HistogramPlot:
        """Return the plot."""
        return self._plot

    def set_visible(self, visible: bool) -> None:
        """Do nothing: ndv shows and hides the panel around the plot."""

    def close(self) -> None:
        """Forget all histograms."""
        self._plot.traces.clear()

    def refresh(self) -> None:
        """Paint again."""
        self._plot.update()

    def set_range(
        self,
        x: tuple[float, float] | None = None,
        y: tuple[float, float] | None = None,  # noqa: ARG002
        z: tuple[float, float] | None = None,  # noqa: ARG002
        margin: float = 0,  # noqa: ARG002
    ) -> None:
        """Show the values from x[0] to x[1]; without them all that occur."""
        self._plot.set_range(x)

    def canvas_to_world(self, pos_xy: tuple[float, float]) -> tuple[float, float, float]:
        """Return the value under a point of the plot as the first number."""
        return self._plot.to_value(pos_xy[0]), 0.0, 0.0

    def elements_at(self, pos_xy: tuple[float, float]) -> list[CanvasElement]:  # noqa: ARG002
        """Return nothing: the plot handles its own mouse."""
        return []


class RasterHistogram(_PlotCanvas, HistogramCanvas):
    """The histogram of one channel."""

    def __init__(self) -> None:
        self._plot = HistogramPlot()
        self._trace = self._plot.traces[None] = Trace(QColor(DEFAULT_COLOR))
        self._bounds: Bounds = (None, None)
        self._plot.clims_dragged.connect(self._on_clims_dragged)
        self._plot.gamma_dragged.connect(self._on_gamma_dragged)

    def set_data(self, values: npt.NDArray[Any], bin_edges: npt.NDArray[Any]) -> None:
        """Show the result of `numpy.histogram`."""
        self._trace.set_counts(values, bin_edges)
        self.refresh()

    def set_log_base(self, base: float | None) -> None:
        """Show counts by their logarithm, or as they are."""
        self._plot.set_log(base is not None)

    def highlight(self, value: float | None) -> None:
        """Point at a value."""
        self._trace.highlight = value
        self.refresh()

    def set_channel_name(self, name: str) -> None:
        """Do nothing: the name stands beside the plot."""

    def set_clim_policy(self, policy: ClimPolicy) -> None:
        """Take limits that are set by hand; others come by `set_clims`."""
        if isinstance(policy, ClimsManual):
            self.set_clims((policy.min, policy.max))

    def set_colormap(self, colormap: cmap.Colormap) -> None:
        """Draw in the brightest colour of the channel."""
        self._trace.color = brightest(colormap.color_stops[-1].color.rgba)
        self.refresh()

    def set_clims(self, clims: tuple[float, float]) -> None:
        """Show the contrast limits."""
        self._trace.clims = (min(clims), max(clims))
        self.refresh()

    def set_clim_bounds(self, bounds: Bounds = (None, None)) -> None:
        """Hold dragged limits to these bounds."""
        self._bounds = bounds

    def set_channel_visible(self, visible: bool) -> None:
        """Show or hide the histogram with its channel."""
        self._trace.is_visible = visible
        self.refresh()

    def set_gamma(self, gamma: float) -> None:
        """Show gamma."""
        self._trace.gamma = gamma
        self.refresh()

    def _on_clims_dragged(self, key: object, low: float, high: float) -> None:  # noqa: ARG002
        if self.model is not None:
            low, high = bounded((low, high), self._bounds)
            self.model.clims = ClimsManual(min=low, max=high)

    def _on_gamma_dragged(self, key: object, gamma: float) -> None:  # noqa: ARG002
        if self.model is not None:
            self.model.gamma = gamma


class RasterSharedHistogram(_PlotCanvas, SharedHistogramCanvas):
    """The histograms of all channels in one plot."""

    def __init__(self) -> None:
        self._plot = HistogramPlot()
        self._bounds: Bounds = (None, None)
        self._plot.clims_dragged.connect(self._on_clims_dragged)
        self._plot.gamma_dragged.connect(self.gammaChanged.emit)

    def set_channel_data(
        self, key: Any, counts: npt.NDArray[Any], bin_edges: npt.NDArray[Any]
    ) -> None:
        """Show the result of `numpy.histogram`."""
        self._trace(key).set_counts(counts, bin_edges)
        self.refresh()

    def set_channel_color(self, key: Any, color: tuple[float, ...]) -> None:
        """Draw a channel in this colour: red, green, blue from 0 to 1."""
        self._trace(key).color = brightest(color)
        self.refresh()

    def set_channel_visible(self, key: Any, visible: bool) -> None:
        """Show or hide a channel."""
        self._trace(key).is_visible = visible
        self.refresh()

    def set_channel_clims(self, key: Any, clims: tuple[float, float]) -> None:
        """Show the contrast limits of a channel."""
        self._trace(key).clims = (min(clims), max(clims))
        self.refresh()

    def set_channel_gamma(self, key: Any, gamma: float) -> None:
        """Show the gamma of a channel."""
        self._trace(key).gamma = gamma
        self.refresh()

    def remove_channel(self, key: Any) -> None:
        """Forget a channel."""
        self._plot.traces.pop(key, None)
        self.refresh()

    def set_channel_name(self, key: Any, name: str) -> None:
        """Name a channel in the plot."""
        self._trace(key).name = name
        self.refresh()

    def set_clim_bounds(self, bounds: Bounds) -> None:
        """Hold dragged limits to these bounds."""
        self._bounds = bounds

    def set_log_base(self, base: float | None) -> None:
        """Show counts by their logarithm, or as they are."""
        self._plot.set_log(base is not None)

    def highlight(self, channel_values: dict[object, float]) -> None:
        """Point at a value of each channel."""
        for key, trace in self._plot.traces.items():
            trace.highlight = channel_values.get(key)
        self.refresh()

    def _trace(self, key: Any) -> Trace:
        return self._plot.traces.setdefault(key, Trace(QColor(DEFAULT_COLOR)))

    def _on_clims_dragged(self, key: object, low: float, high: float) -> None:
        self.climsChanged.emit(key, bounded((low, high), self._bounds))


def bounded(clims: tuple[float, float], bounds: Bounds) -> tuple[float, float]:
    """Return limits that stay within bounds."""
    lowest, highest = bounds
    low = clims[0] if lowest is None else max(clims[0], lowest)
    high = clims[1] if highest is None else min(clims[1], highest)
    return low, max(low, high)


def brightest(rgba: tuple[float, ...]) -> QColor:
    """Return a colour as light as is needed on the dark plot."""
    red, green, blue = rgba[:3]
    luminance = 0.3 * red + 0.59 * green + 0.11 * blue
    if luminance >= MIN_LUMINANCE:
        return QColor.fromRgbF(red, green, blue)
    white = (MIN_LUMINANCE - luminance) / (1 - luminance)
    return QColor.fromRgbF(*(part + (1 - part) * white for part in (red, green, blue)))
