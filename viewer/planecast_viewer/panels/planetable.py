"""The planetable of a file that has one: rows lead to their planes, columns can be plotted."""

from typing import ClassVar, Literal

import numpy as np
from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from planecast_protocol.errors import PlanecastError
from planecast_viewer.colors import channel_color
from planecast_viewer.facts import Facts
from planecast_viewer.focus_keys import FocusKeys
from planecast_viewer.panels.panel import Panel
from planecast_viewer.plane_table import PlaneTable, title_of
from planecast_viewer.plane_table_model import PlaneTableModel
from planecast_viewer.plot_view import PlotView, Series
from planecast_viewer.session import Session

NO_FILE = "open a file to see its planetable"
NO_TABLE = "this file has no planetable: its format keeps no times and positions of planes"
OVER = {"time": "Time[s]", "T": "T", "z": "Z", "row": ""}
"""What columns are plotted over; those that the file does not have are not offered."""
LIKELY = ("Z[micron]", "X[micron]", "Time[s]")
"""Columns worth a look, the best first."""


class PlanetablePanel(Panel):
    """Read when the panel is first seen. Double click, Enter or a dot shows the row's plane."""

    title: ClassVar[str] = "Planetable"
    area: ClassVar[Literal["right", "bottom"]] = "bottom"
    open_at_start: ClassVar[bool] = False

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._asked = ""
        self._table: PlaneTable | None = None
        self.model = PlaneTableModel(self)
        self.view = _make_view(self.model, self)
        self.view.activated.connect(self._on_activated)
        self.plot = PlotView(self)
        self.plot.row_chosen.connect(self._show_row)
        self.column, self.over = QComboBox(self), QComboBox(self)
        self.column.currentIndexChanged.connect(self._refresh_plot)
        self.over.currentIndexChanged.connect(self._refresh_plot)
        self.text = QLabel(NO_FILE, self)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text.setWordWrap(True)
        self.parts = QSplitter(Qt.Orientation.Horizontal, self)
        self.parts.addWidget(self.view)
        self.parts.addWidget(self._plot_side())
        self.parts.setSizes([500, 400])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 0, 2, 0)
        layout.addWidget(self.text)
        layout.addWidget(self.parts, 1)
        self.setFocusProxy(self.view)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.shown_changed.connect(self._mark_shown)
        session.wishes.planetable_ready.connect(self._on_planetable_ready)
        self._set_table(None, NO_FILE)

    def _plot_side(self) -> QWidget:
        side = QWidget(self)
        above = QHBoxLayout()
        above.addWidget(QLabel("Plot", side))
        above.addWidget(self.column, 1)
        above.addWidget(QLabel("over", side))
        above.addWidget(self.over, 1)
        layout = QVBoxLayout(side)
        layout.setContentsMargins(4, 0, 0, 0)
        layout.addLayout(above)
        layout.addWidget(self.plot, 1)
        return side

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Ask for the table, if that was not done yet."""
        super().showEvent(event)
        self._ask()

    # ------------------------------------------------------------ the table

    def _on_acquisition_changed(self) -> None:
        self._asked = ""
        facts = self.session.facts
        told = facts is not None and facts.has_planetable
        is_file = facts is not None and facts.kind == "image"
        self._set_table(None, "reading …" if told else NO_TABLE if is_file else NO_FILE)
        self._ask()

    def _ask(self) -> None:
        facts = self.session.facts
        if facts is None or not facts.has_planetable or not self.isVisible() or self._asked:
            return
        self._asked = facts.identity
        self.session.wishes.planetable_wanted.emit(facts.identity)

    def _on_planetable_ready(self, path: str, answer: PlaneTable | PlanecastError) -> None:
        if self.session.facts is None or path != self.session.facts.identity:
            return
        self._asked = path
        if isinstance(answer, PlanecastError):
            self._set_table(None, answer.message)
        elif not answer.n_rows:
            self._set_table(None, "the planetable of this file is empty")
        else:
            self._set_table(answer, "")

    def _set_table(self, table: PlaneTable | None, text: str) -> None:
        self._table = table
        self.model.set_table(table)
        self.text.setText(text)
        self.text.setVisible(table is None)
        self.parts.setVisible(table is not None)
        if table is None:
            return
        self.view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.view.resizeColumnsToContents()
        self._offer_columns(table)
        self._refresh_plot()
        self._mark_shown()

    def _offer_columns(self, table: PlaneTable) -> None:
        with QSignalBlocker(self.column), QSignalBlocker(self.over):
            self.column.clear()
            for name in table.columns:
                self.column.addItem(title_of(name), name)
            best = next((name for name in LIKELY if _varies(table, name)), "")
            self.column.setCurrentIndex(max(0, self.column.findData(best)))
            self.over.clear()
            for title, name in OVER.items():
                if not name or _varies(table, name):
                    self.over.addItem(title, name)
            # A column over itself is but a diagonal.
            self.over.setCurrentIndex(int(self.over.itemData(0) == best and self.over.count() > 1))

    # ------------------------------------------------------------ the plot

    def _refresh_plot(self) -> None:
        table, facts = self._table, self.session.facts
        name = self.column.currentData()
        if table is None or facts is None or name not in table.columns:
            return
        over = self.over.currentData()
        rows = np.arange(table.n_rows)
        x, y = table.columns[over] if over else rows.astype(np.float64), table.columns[name]
        series = []
        for number in np.unique(table.planes[3]).tolist():
            own = rows[table.planes[3] == number]
            # A line goes from left to right, in whatever order the file has its rows.
            own = own[np.argsort(x[own], kind="stable")]
            title, color = _look_of(facts, number)
            series.append(Series(title, color, x[own], y[own], own))
        self.plot.set_series(series, title_of(over or "row"), title_of(name))

    # ------------------------------------------------------------ going there

    def _on_activated(self, index: QModelIndex) -> None:
        self._show_row(self.model.row_at(index.row()))

    def _show_row(self, row: int) -> None:
        if self._table is None:
            return
        position, channel = self._table.position(row)
        visible = self.session.channel_visible
        if channel < len(visible) and not visible[channel]:
            shown = (on or number == channel for number, on in enumerate(visible))
            self.session.set_channel_visible(tuple(shown))
        self.session.show(position)
        self.plot.mark(row)

    def _mark_shown(self) -> None:
        """Mark the row of the plane that is shown, in the table and in the plot."""
        if self._table is None or not self.isVisible():
            return
        rows = self._table.rows_at(self.session.shown)
        if not len(rows):
            return
        current = self.view.currentIndex()
        # Of several channels and tiles the one that a person chose stays.
        if current.isValid() and self.model.row_at(current.row()) in rows:
            self.plot.mark(self.model.row_at(current.row()))
            return
        self.view.setCurrentIndex(self.model.index(self.model.line_of(int(rows[0])), 0))
        self.plot.mark(int(rows[0]))


def _make_view(model: PlaneTableModel, parent: QWidget) -> QTableView:
    view = QTableView(parent)
    view.setModel(model)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setAlternatingRowColors(True)
    view.setShowGrid(False)
    view.setTabKeyNavigation(False)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(view.fontMetrics().height() + 6)
    view.horizontalHeader().setHighlightSections(False)
    view.horizontalHeader().setSortIndicatorClearable(True)
    view.horizontalHeader().setResizeContentsPrecision(100)
    view.setSortingEnabled(True)
    FocusKeys(view)
    return view


def _varies(table: PlaneTable, name: str) -> bool:
    """Tell whether a column has more than one value."""
    values = table.columns.get(name)
    return values is not None and bool(np.nanmin(values) < np.nanmax(values))


def _look_of(facts: Facts, channel: int) -> tuple[str, str]:
    """Return a channel's name, and its colour where that can be seen on light and dark."""
    if channel >= len(facts.channels):
        return f"channel {channel}", "#808890"
    one = facts.channels[channel]
    rgb = channel_color(one, channel, len(facts.channels)).rgb
    return one.name, "#808890" if rgb.lower() == "#ffffff" else rgb
