"""A table that can be sorted and filtered, and whose rows lead somewhere."""

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from planecast_viewer.focus_keys import FocusKeys

MAX_MEASURED = 200
"""Columns are made as wide as their first so many rows need."""
MAX_COLUMN_PX = 320


class FilterTable(QTableView):
    """Shows a model; sorts by its `UserRole`. GUI thread only."""

    row_activated = Signal(int)
    """Row of the model that was double-clicked, or where Enter was pressed."""

    def __init__(self, model: QAbstractTableModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys = FocusKeys(self)
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(model)
        self._proxy.setSortRole(Qt.ItemDataRole.UserRole)
        self._proxy.setFilterKeyColumn(-1)
        self._proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setModel(self._proxy)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSortingEnabled(True)
        # -1: as the model has it, until a person clicks a header.
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSortIndicatorClearable(True)
        header.setStretchLastSection(True)
        header.setResizeContentsPrecision(MAX_MEASURED)
        header.setMaximumSectionSize(MAX_COLUMN_PX)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._fitted = 0
        self.activated.connect(self._on_activated)

    def set_filter(self, text: str) -> None:
        """Show only rows that contain the text in any column."""
        self._proxy.setFilterFixedString(text)

    def fit_columns(self) -> None:
        """Make columns as wide as they need, once for a number of columns and some rows."""
        if self._proxy.rowCount() and self._fitted != self._proxy.columnCount():
            self._fitted = self._proxy.columnCount()
            self.resizeColumnsToContents()

    def select_row(self, row: int) -> None:
        """Select a row of the model and bring it into view."""
        index = self._proxy.mapFromSource(self._proxy.sourceModel().index(row, 0))
        if index.isValid() and index.row() != self.currentIndex().row():
            self.selectRow(index.row())
            self.scrollTo(index)

    def _on_activated(self, index: QModelIndex) -> None:
        self.row_activated.emit(self._proxy.mapToSource(index).row())
