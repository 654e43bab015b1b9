"""The planetable for Qt: rows are looked up, never copied."""

from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from planecast_viewer.plane_table import PlaneTable, title_of

Index = QModelIndex | QPersistentModelIndex
ALIGNED = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class PlaneTableModel(QAbstractTableModel):
    """Sorted by numpy: Qt would ask for each comparison, and a file has 100,000 rows."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._table: PlaneTable | None = None
        self._names: tuple[str, ...] = ()
        self._order = np.empty(0, dtype=np.intp)
        """The table's row at each line."""

    def set_table(self, table: PlaneTable | None) -> None:
        """Show another table, in the file's order."""
        self.beginResetModel()
        self._table = table
        self._names = () if table is None else tuple(table.columns)
        self._order = np.arange(0 if table is None else table.n_rows)
        self.endResetModel()

    def row_at(self, line: int) -> int:
        """Return the table's row at a line."""
        return int(self._order[line])

    def line_of(self, row: int) -> int:
        """Return the line where a row of the table is."""
        return int(np.flatnonzero(self._order == row)[0])

    def rowCount(self, _parent: Index | None = None) -> int:  # noqa: N802
        """See Qt."""
        return len(self._order)

    def columnCount(self, _parent: Index | None = None) -> int:  # noqa: N802
        """See Qt."""
        return len(self._names)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """See Qt."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return title_of(self._names[section])
        return None

    def data(self, index: Index, role: int = 0) -> Any:
        """See Qt."""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return ALIGNED
        if role != Qt.ItemDataRole.DisplayRole or self._table is None:
            return None
        value = self._table.columns[self._names[index.column()]][self._order[index.row()]]
        if not np.isfinite(value):
            return ""
        return str(int(value)) if value == int(value) else f"{value:.3f}"

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; rows without a value come last. -1: as the file has them."""
        if self._table is None:
            return
        self.layoutAboutToBeChanged.emit()
        rows = np.arange(self._table.n_rows)
        if 0 <= column < len(self._names):
            values = self._table.columns[self._names[column]]
            descending = order == Qt.SortOrder.DescendingOrder
            rows = np.argsort(-values if descending else values, kind="stable")
        self._order = rows
        self.layoutChanged.emit()
