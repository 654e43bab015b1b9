"""All acquisitions that the agent knows, past ones too."""

import time
from typing import Any, ClassVar, Literal

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_viewer import theme
from planecast_viewer.filter_table import FilterTable
from planecast_viewer.panels.panel import Panel
from planecast_viewer.session import Session

COLUMNS = ("Name", "State", "Planes", "Started", "Controller")
REFRESH_MS = 250
Index = QModelIndex | QPersistentModelIndex


class AcquisitionsModel(QAbstractTableModel):
    """The listing as a table, the newest first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[AcquisitionSummary] = []
        self.shown = ""

    def set_rows(self, rows: list[AcquisitionSummary], shown: str) -> None:
        """Take another listing; the same acquisitions keep their places and selection."""
        same = [one.acquisition for one in rows] == [one.acquisition for one in self.rows]
        if not same:
            self.beginResetModel()
        self.rows, self.shown = rows, shown
        if not same:
            self.endResetModel()
        elif rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(COLUMNS) - 1))

    def rowCount(self, _parent: Index | None = None) -> int:  # noqa: N802
        """See Qt."""
        return len(self.rows)

    def columnCount(self, _parent: Index | None = None) -> int:  # noqa: N802
        """See Qt."""
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """See Qt."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            right = Qt.AlignmentFlag.AlignRight if section == 2 else Qt.AlignmentFlag.AlignLeft
            return right | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = 0) -> Any:
        """See Qt; sorted by `UserRole`."""
        one, column = self.rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _texts(one)[column]
            case Qt.ItemDataRole.UserRole:
                return (one.name, one.state, one.planes, one.started_at, one.controller)[column]
            case Qt.ItemDataRole.ToolTipRole:
                return f"{one.acquisition}\nDouble click or Enter: show it"
        return self._look(one, column, role)

    def _look(self, one: AcquisitionSummary, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole and column == 2:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole and one.acquisition == self.shown:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.ForegroundRole and column == 1:
            colors = {"running": theme.good(), "aborted": theme.warning()}
            return theme.color(colors[one.state]) if one.state in colors else None
        return None


class AcquisitionsPanel(Panel):
    """A table with a filter; double click or Enter shows an acquisition."""

    title: ClassVar[str] = "Acquisitions"
    area: ClassVar[Literal["right", "bottom"]] = "bottom"
    open_at_start: ClassVar[bool] = False

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.model = AcquisitionsModel(self)
        self.table = FilterTable(self.model, self)
        self.table.row_activated.connect(self._on_row_activated)
        self.filter = QLineEdit(self)
        self.filter.setPlaceholderText("Filter by name or state")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self.table.set_filter)
        self.text = QLabel(self)
        self.listen = QPushButton("Listen to the agent", self)
        self.listen.clicked.connect(session.wishes.agent_wanted)
        above = QHBoxLayout()
        above.addWidget(self.filter, 1)
        above.addWidget(self.text)
        above.addWidget(self.listen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 0)
        layout.addLayout(above)
        layout.addWidget(self.table)
        self.setFocusProxy(self.filter)
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        session.acquisitions_changed.connect(self._soon)
        session.acquisition_changed.connect(self._soon)
        session.planes_registered.connect(self._soon)
        session.link_state_changed.connect(self._soon)
        self.refresh()

    def refresh(self) -> None:
        """Show the listing as it is now."""
        session = self.session
        shown = "" if session.facts is None else session.facts.identity
        self.model.set_rows([self._counted(one) for one in reversed(session.acquisitions)], shown)
        self.table.fit_columns()
        listens = session.agent_address is not None
        self.listen.setVisible(not listens)
        n = len(session.acquisitions)
        if not listens:
            text = "a file is shown, no agent is listened to"
        elif session.link_state.state != "live":
            text = "the agent does not answer"
        else:
            text = f"{n:,} acquisition{'' if n == 1 else 's'}"
        self.text.setText(text)

    def _counted(self, one: AcquisitionSummary) -> AcquisitionSummary:
        """Return a summary with the planes that are known here: listings come seldom."""
        facts, planes = self.session.facts, self.session.planes
        if facts is None or planes is None or facts.identity != one.acquisition:
            return one
        return AcquisitionSummary(
            acquisition=one.acquisition,
            name=one.name,
            state=one.state,
            controller=one.controller,
            head=one.head,
            planes=max(one.planes, planes.n_planes),
            started_at=one.started_at,
        )

    def _soon(self, _indices: object = None) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _on_row_activated(self, row: int) -> None:
        self.session.wishes.acquisition_wanted.emit(self.model.rows[row].acquisition)


def _texts(one: AcquisitionSummary) -> tuple[str, ...]:
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.started_at))
    controller = one.controller if one.state == "running" else ""
    return one.name, one.state, f"{one.planes:,}", started, controller
