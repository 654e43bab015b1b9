"""Lines and rectangles: lengths, profiles, and numbers over z or time."""

from html import escape
from typing import ClassVar

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from planecast_viewer import plot_view, theme
from planecast_viewer.focus_keys import FocusKeys
from planecast_viewer.measure.choice import (
    Curve,
    Measured,
    Series,
    Statistic,
    curves_of,
    describe,
)
from planecast_viewer.measure.numbers import RegionNumbers
from planecast_viewer.measure.shapes import Line, Rectangle, Shape
from planecast_viewer.measure.text import table_of_profiles, table_of_regions, table_of_series
from planecast_viewer.panels.panel import Panel
from planecast_viewer.session import Session

HINT = "Choose a tool and drag in the picture. Shift holds it straight or square."
MAX_POINTS = 600
"""Of a curve in the plot: there are not more pixels."""
STATISTICS: tuple[Statistic, ...] = ("mean", "sd", "minimum", "maximum")
AXIS_NAMES = {"t": "time point", "z": "z"}


class MeasurePanel(Panel):
    """The numbers of what is shown, as it changes; series only when they are asked for."""

    title: ClassVar[str] = "Measure"
    open_at_start: ClassVar[bool] = False

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._choice = session.measuring
        self._measured: Measured | None = None
        self._series: Series | None = None
        self.tools = {
            "line": self._tool_button("Line", "Distance, and values along it (L)"),
            "rectangle": self._tool_button("Rectangle", "Mean and extremes in it (R)"),
        }
        for tool, button in self.tools.items():
            button.clicked.connect(lambda on, t=tool: self._choice.set_tool(t if on else None))
        self.clear = QPushButton("Clear", self)
        self.clear.clicked.connect(self._choice.clear)
        self.length = QLabel(self)
        self.length.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.numbers = QLabel(self)
        self.numbers.setWordWrap(True)
        self.numbers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.over = {"z": QPushButton("Over z", self), "t": QPushButton("Over time", self)}
        for axis, push in self.over.items():
            push.clicked.connect(lambda _on, a=axis: self._start_series(a))
        self.statistic = QComboBox(self)
        self.statistic.setToolTip("Which number of the rectangle the plot shows")
        for statistic in STATISTICS:
            self.statistic.addItem(statistic)
        self.statistic.activated.connect(self._refresh)
        self.progress = QProgressBar(self)
        self.cancel = QPushButton("Cancel", self)
        self.cancel.clicked.connect(self._choice.series_cancelled)
        self.plot = plot_view.PlotView(self)
        self.plot.row_chosen.connect(self._show_place)
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self.copy = QPushButton("Copy values", self)
        self.copy.setToolTip("As a table, for a spreadsheet")
        self.copy.clicked.connect(self._on_copy)
        self._lay_out()
        for widget in (
            *self.tools.values(), self.clear, *self.over.values(), self.statistic, self.cancel,
            self.copy,
        ):  # fmt: skip
            FocusKeys(widget, [Qt.Key.Key_Space])
        self._listen()
        self._show_progress(False)
        self._refresh()

    def _listen(self) -> None:
        self._choice.tool_changed.connect(self._on_tool_changed)
        self._choice.shape_changed.connect(self._on_shape_changed)
        self._choice.measured.connect(self._on_measured)
        self._choice.series_progressed.connect(self._on_series_progressed)
        self._choice.series_ended.connect(self._on_series_ended)
        self.session.acquisition_changed.connect(self._refresh)
        self.session.extents_changed.connect(self._refresh)

    def _tool_button(self, text: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(tip)
        button.setCheckable(True)
        button.setStyleSheet(theme.chosen("QToolButton"))
        return button

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self.scrolled())
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addLayout(_row(*self.tools.values(), None, self.clear))
        for label in (self.length, self.numbers):
            layout.addWidget(label)
        layout.addLayout(_row(*self.over.values(), None, self.statistic))
        layout.addLayout(_row(self.progress, self.cancel))
        layout.addWidget(self.plot, 1)
        layout.addWidget(self.note)
        layout.addLayout(_row(None, self.copy))
        # Without a plot the numbers stay together, at the top.
        layout.addStretch(0)

    # ------------------------------------------------------------ what happens

    def _on_tool_changed(self, tool: str | None) -> None:
        for name, button in self.tools.items():
            button.setChecked(name == tool)

    def _on_shape_changed(self, shape: Shape | None) -> None:
        if self._series is not None or shape is None:
            self._choice.series_cancelled.emit()
        self._series = None
        if shape is None:
            self._measured = None
        self._refresh()

    def _on_measured(self, measured: Measured) -> None:
        self._measured = measured
        self._refresh()

    def _start_series(self, axis: str) -> None:
        self._show_progress(True)
        self.progress.setRange(0, 0)
        self.note.setText("")
        self._choice.series_wanted.emit(axis)

    def _on_series_progressed(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    def _on_series_ended(self, result: Series | str) -> None:
        self._show_progress(False)
        if isinstance(result, str):
            self.note.setText(result)
            self.note.setStyleSheet(f"color: {theme.bad()}")
        elif result.shape == self._choice.shape:
            self._series = result
            self._tell_failures(result)
        self._refresh()

    def _tell_failures(self, series: Series) -> None:
        n = len(series.failures)
        self.note.setText(f"{n} planes can't be read: {series.failures[0]}" if n else "")
        self.note.setStyleSheet(f"color: {theme.warning()}")

    def _show_progress(self, running: bool) -> None:
        self.progress.setVisible(running)
        self.cancel.setVisible(running)
        for push in self.over.values():
            push.setEnabled(not running)

    def _show_place(self, place: int) -> None:
        if self._series is not None:
            shown = self.session.shown._replace(**{self._series.axis: place})
            self.session.show(shown)

    def _on_copy(self) -> None:
        if self._series is not None:
            text = table_of_series(self._series)
        elif self._measured is not None and isinstance(self._measured.shape, Line):
            text = table_of_profiles(self._measured)
        elif self._measured is not None:
            text = table_of_regions(self._measured)
        else:
            return
        QGuiApplication.clipboard().setText(text)

    # ------------------------------------------------------------ showing

    def theme_changed(self) -> None:
        """See `Panel`."""
        self._refresh()

    def _refresh(self) -> None:
        shape, facts = self._choice.shape, self.session.facts
        pixel_um = None if facts is None else facts.pixel_size_um
        self.length.setText(HINT if shape is None else describe(shape, pixel_um))
        self.length.setWordWrap(shape is None)
        self.length.setStyleSheet(
            f"color: {theme.muted()}" if shape is None else "font-weight: 600"
        )
        self.clear.setEnabled(shape is not None)
        self.copy.setEnabled(self._measured is not None)
        measured = self._measured
        self.numbers.setText("" if measured is None else _html(measured.regions))
        self.numbers.setVisible(bool(self.numbers.text()))
        for axis, push in self.over.items():
            several = getattr(self.session.extents, axis) > 1
            push.setVisible(several and isinstance(shape, Rectangle))
        self.statistic.setVisible(self._series is not None)
        self.note.setVisible(bool(self.note.text()))
        self._refresh_plot()

    def _refresh_plot(self) -> None:
        if self._series is not None:
            statistic = STATISTICS[self.statistic.currentIndex()]
            curves = [_dots(curve) for curve in curves_of(self._series, statistic)]
            self.plot.set_series(curves, AXIS_NAMES[self._series.axis], statistic)
            self.plot.mark(getattr(self.session.shown, self._series.axis))
        elif self._measured is not None and self._measured.profiles:
            unit = "px" if self._measured.pixel_size_um is None else "µm"
            curves = [_dots(curve) for curve in self._measured.profiles]
            self.plot.set_series(curves, f"distance ({unit})", "value", dots=False)
        else:
            self.plot.set_series([], "", "")
        empty = self._series is None and not (self._measured and self._measured.profiles)
        self.plot.setVisible(not empty)


def _dots(curve: Curve) -> plot_view.Series:
    step = max(-(-len(curve.x) // MAX_POINTS), 1)
    rows = np.arange(0, len(curve.x), step, dtype=np.intp)
    return plot_view.Series(curve.name, curve.color, curve.x[rows], curve.y[rows], rows)


def _html(regions: tuple[tuple[str, RegionNumbers], ...]) -> str:
    if not regions:
        return ""
    head = "".join(f"<td align='right'>{word}</td>" for word in ("mean", "sd", "min", "max"))
    rows = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td align='right'>{_short(value)}</td>" for value in numbers[1:])
        + "</tr>"
        for name, numbers in regions
    )
    return (
        f"<table width='100%' cellpadding='2'><tr style='color: {theme.muted()}'><td></td>{head}"
        f"</tr>{rows}</table>"
    )


def _short(value: float) -> str:
    return "–" if value != value else f"{value:.5g}"  # noqa: PLR0124  NaN is not itself


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    """Return widgets side by side; `None` takes the room that is left."""
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        if widget is None:
            row.addStretch(1)
        else:
            row.addWidget(widget)
    return row
