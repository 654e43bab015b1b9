"""What is being measured, and what came of it: what the picture and the panel both look at."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, Signal

from planecast_viewer.measure.numbers import RegionNumbers, Values
from planecast_viewer.measure.shapes import Line, Shape

Tool = Literal["line", "rectangle"]
SeriesAxis = Literal["t", "z"]


@dataclass(frozen=True, eq=False)
class Curve:
    """The values of one channel along something."""

    name: str
    color: str
    """`#rrggbb`."""
    x: Values
    y: Values
    """NaN: there is no value."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What was found in the shown planes."""

    shape: Shape
    profiles: tuple[Curve, ...] = ()
    """Of a line: over the distance in µm, or in pixels if `pixel_size_um` is not known."""
    regions: tuple[tuple[str, RegionNumbers], ...] = ()
    """Of a rectangle: (channel, its numbers)."""
    pixel_size_um: float | None = None


@dataclass(frozen=True, eq=False)
class Series:
    """How a rectangle's numbers change along an axis."""

    axis: SeriesAxis
    shape: Shape
    curves: tuple[Curve, ...]
    """The means. `curves_of` has those of the other numbers."""
    numbers: tuple[tuple[RegionNumbers | None, ...], ...]
    """For each curve, for each of its x; `None`: that plane is not there, or can't be read."""
    failures: tuple[str, ...] = ()


Statistic = Literal["mean", "sd", "minimum", "maximum"]


def curves_of(series: Series, statistic: Statistic) -> tuple[Curve, ...]:
    """Return how one of the numbers changes, a curve for each channel."""
    return tuple(
        Curve(
            curve.name,
            curve.color,
            curve.x,
            np.array([np.nan if one is None else getattr(one, statistic) for one in numbers]),
        )
        for curve, numbers in zip(series.curves, series.numbers, strict=True)
    )


class MeasureChoice(QObject):
    """A tool, a shape, its numbers. GUI thread only."""

    tool_changed = Signal(object)
    """A `Tool` whose shape the next drag in the picture makes, or `None`."""
    shape_changed = Signal(object)
    """A `Shape`, or `None`."""
    measured = Signal(object)
    """`Measured`, each time that other planes are shown or the shape is another one."""
    series_wanted = Signal(str)
    """The rectangle is to be followed along this axis."""
    series_progressed = Signal(int, int)
    series_ended = Signal(object)
    """A `Series`, or why there is none; empty: it was cancelled."""
    series_cancelled = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tool: Tool | None = None
        self.shape: Shape | None = None

    def set_tool(self, tool: Tool | None) -> None:
        """Take a tool, or put it away."""
        if tool != self.tool:
            self.tool = tool
            self.tool_changed.emit(tool)

    def set_shape(self, shape: Shape | None) -> None:
        """Measure this."""
        if shape != self.shape:
            self.shape = shape
            self.shape_changed.emit(shape)

    def clear(self) -> None:
        """Measure nothing."""
        self.set_tool(None)
        self.set_shape(None)


def describe(shape: Shape, pixel_size_um: float | None) -> str:
    """Return a shape's size as people say it."""
    if isinstance(shape, Line):
        text = f"{shape.length_px:.1f} px"
        if pixel_size_um is None:
            return text
        return f"{shape.length_px * pixel_size_um:.2f} µm  ({text})"
    width, height = shape.size_px
    text = f"{width} × {height} px"
    if pixel_size_um is None:
        return text
    return f"{width * pixel_size_um:.1f} × {height * pixel_size_um:.1f} µm  ({text})"
