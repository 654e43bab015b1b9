"""Where to find an agent of another machine: those that announce themselves, or an address."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from planecast_agent.subscriber.agents_nearby import AgentsNearby, Found
from planecast_protocol.discovery import AnnouncedAgent, trusted_address
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.errors import KeyFileError, PlanecastError
from planecast_protocol.keys.folder import KeyFolder
from planecast_viewer import theme
from planecast_viewer.mailbox import Mailbox

SIZE = (520, 380)
ROW_PX, GAP_PX = 24, 16
COLUMNS = ("Machine", "Address", "Its key")
LISTENING = "Listening to the local network …"
NOBODY = (
    "No agent has announced itself on this network yet. Agents do so only if they were started "
    "with --announce:\nplanecast agent --address tcp://*:5810 --announce"
)
UNKNOWN_KEY = (
    "The key of {name} is not known here yet. Ask its operator for it (planecast keys list shows "
    "it there), and then run:\nplanecast keys add {host} KEY --server"
)
OWN_WINDOW = "It opens in a window of its own."
_AGENT = Qt.ItemDataRole.UserRole


class AgentsDialog(QDialog):
    """Lists who announces itself, as long as it is open. Does not block the picture."""

    chosen = Signal(str)
    """Address of an agent."""

    def __init__(
        self, parent: QWidget | None = None, interfaces: Sequence[str] | None = None
    ) -> None:
        """`interfaces` are addresses of this machine to listen at; by default, all."""
        super().__init__(parent)
        self._interfaces = interfaces
        self._nearby: AgentsNearby | None = None
        self._ended: list[AgentsNearby] = []
        """Those whose threads come to their end."""
        self.found = Mailbox(parent=self)
        """What was heard, posted by the thread that listens."""
        self.found.delivered.connect(self._on_found)
        self.setWindowTitle("Find an agent")
        self.resize(*SIZE)
        self.agents = QTreeWidget(self)
        self.agents.setHeaderLabels(COLUMNS)
        self.agents.setRootIsDecorated(False)
        self.agents.setAllColumnsShowFocus(True)
        self.agents.setUniformRowHeights(True)
        self.agents.setAccessibleName("Agents on this network")
        self.agents.currentItemChanged.connect(self._on_current)
        self.agents.itemActivated.connect(lambda _item, _column: self.connect_now())
        self.message = self._label()
        self.edit = QLineEdit(self)
        self.edit.setPlaceholderText("tcp://scope-pc:5810")
        self.edit.setClearButtonEnabled(True)
        self.edit.textChanged.connect(self._refresh)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.button = QPushButton("&Connect", self)
        buttons.addButton(self.button, QDialogButtonBox.ButtonRole.AcceptRole)
        self.button.setDefault(True)
        self.button.clicked.connect(self.connect_now)
        buttons.rejected.connect(self.reject)
        above, below = QLabel("Agents on this &network", self), QLabel("or its &address", self)
        above.setBuddy(self.agents)
        below.setBuddy(self.edit)
        layout = QVBoxLayout(self)
        layout.addWidget(above)
        layout.addWidget(self.agents, 1)
        layout.addWidget(self.message)
        layout.addWidget(below)
        layout.addWidget(self.edit)
        layout.addWidget(buttons)

    def ask(self) -> None:
        """Open, and begin to listen."""
        if self._nearby is None:
            self.agents.clear()
            self._say(LISTENING)
            self._nearby = AgentsNearby(self.found.post, self._interfaces)
        self.show()
        self.raise_()
        self.activateWindow()
        self.agents.setFocus()
        self._refresh()

    def connect_now(self) -> None:
        """Take the address that stands there, and close; or say what is missing."""
        address = self.edit.text().strip()
        try:
            AgentAddress.parse(address)
        except PlanecastError as trouble:
            self._say(trouble.message, wrong=True)
            return
        self.accept()
        self.chosen.emit(address)

    def done(self, result: int) -> None:
        """Listen no more; that thread ends by itself, and is not waited for."""
        self._stop()
        super().done(result)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Listen no more."""
        self._stop()
        super().closeEvent(event)

    def close_threads(self) -> None:
        """Wait until nobody listens, which takes up to some seconds: the viewer ends."""
        self._stop()
        while self._ended:
            self._ended.pop().close()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Take the colours of another theme."""
        super().changeEvent(event)
        if theme.is_change(event):
            self._say(self.message.text(), wrong=bool(self.message.property("wrong")))

    # ------------------------------------------------------------ inside

    def _label(self) -> QLabel:
        label = QLabel(self)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return label

    def _stop(self) -> None:
        if self._nearby is not None:
            self._nearby.stop()
            self._ended = [*(one for one in self._ended if one.alive), self._nearby]
            self._nearby = None

    def _on_found(self, found: list[Found]) -> None:
        newest = found[-1]
        if self._nearby is None:
            return
        if isinstance(newest, PlanecastError):
            self._say(newest.message, wrong=True)
            return
        before = self._current()
        servers = _servers()
        self.agents.clear()
        for agent in newest:
            known = trusted_address(agent, servers)
            texts = [
                agent.name,
                known or agent.address,
                "is known" if known else "is not known here",
            ]
            item = QTreeWidgetItem(self.agents, texts)
            item.setData(0, _AGENT, (agent, known))
            if before is not None and (agent.name, agent.port) == (before.name, before.port):
                self.agents.setCurrentItem(item)
        if newest and self.agents.currentItem() is None and not self.edit.text():
            self.agents.setCurrentIndex(self.agents.model().index(0, 0))
        for column in range(len(COLUMNS) - 1):
            self.agents.resizeColumnToContents(column)
            self.agents.setColumnWidth(column, self.agents.columnWidth(column) + GAP_PX)
        if not newest:
            self._say(NOBODY)

    def _current(self) -> AnnouncedAgent | None:
        for item in self.agents.selectedItems():
            agent: AnnouncedAgent = item.data(0, _AGENT)[0]
            return agent
        return None

    def _on_current(self, item: QTreeWidgetItem | None) -> None:
        if item is None:
            return
        agent, known = item.data(0, _AGENT)
        self.edit.setText(known or agent.address)
        host = agent.hosts[0] if agent.hosts else agent.name
        self._say(OWN_WINDOW if known else UNKNOWN_KEY.format(name=agent.name, host=host))

    def _refresh(self) -> None:
        self.button.setEnabled(bool(self.edit.text().strip()))

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.message.setText(text)
        self.message.setProperty("wrong", wrong)
        self.message.setStyleSheet(f"color: {theme.bad() if wrong else theme.muted()}")
        self.message.setVisible(bool(text))


def _servers() -> dict[str, bytes]:
    try:
        return dict(KeyFolder().servers())
    except KeyFileError:  # said when one connects
        return {}
