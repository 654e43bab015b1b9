"""The window: the picture, its sliders and channels, panels, status."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import (
    QDockWidget,
    QMainWindow,
    QMenu,
    QMessageBox,
    QStackedWidget,
    QToolButton,
    QWidget,
)

from planecast_viewer.canvas import CanvasChoice
from planecast_viewer.channel_choice import ChannelChoice
from planecast_viewer.empty_state import EmptyState
from planecast_viewer.follow import Presenter
from planecast_viewer.frame import Frame
from planecast_viewer.keys import CHANNEL_KEYS, KEYS, list_of_keys
from planecast_viewer.navigation import AxisBar
from planecast_viewer.ndv_view import NdvView
from planecast_viewer.panels import PANELS, panel_class
from planecast_viewer.session import AXES, Session
from planecast_viewer.status_bar import StatusBar
from planecast_viewer.tool_bar import MainToolBar

FIRST_SIZE = QSize(1100, 830)
INFO_WIDTH_PX = 230
LOG_HEIGHT_PX = 140
AREAS = {
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}


class MainWindow(QMainWindow):
    """Shows a session. There is one in the process, because there is one `ArrayViewer`."""

    closed = Signal()

    def __init__(self, session: Session, presenter: Presenter, canvas: CanvasChoice) -> None:
        super().__init__()
        self._session = session
        self.view = NdvView(self)
        self.channels = ChannelChoice(session, self)
        self.axes = AxisBar(session)
        self.view.put_below_canvas(self.axes)
        self.empty = EmptyState(session)
        self._closed_docks = [name for name in PANELS if panel_class(name).open_at_start]
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.view.widget)
        self.setCentralWidget(self._pages)
        self.tools = MainToolBar(session, self)
        self.addToolBar(self.tools)
        self.status = StatusBar(session, canvas.kind, canvas.why, self)
        self.setStatusBar(self.status)
        self.docks = self._add_panels()
        self._add_buttons()
        self._add_keys()
        self.view.visibility_edited.connect(session.set_channel_visible)
        self.view.hovered.connect(self.status.pixel.setText)
        session.channels_changed.connect(self._on_channels_changed)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        presenter.frame_ready.connect(self._on_frame_ready)
        presenter.message_changed.connect(self._on_message_changed)
        presenter.frame_measured.connect(self._on_frame_measured)
        self.resize(FIRST_SIZE)
        self._on_acquisition_changed()

    # ------------------------------------------------------------ building

    def _add_panels(self) -> dict[str, QDockWidget]:
        docks = {}
        for name in PANELS:
            kind = panel_class(name)
            dock = QDockWidget(kind.title, self)
            dock.setObjectName(name)
            dock.setWidget(kind(self._session, dock))
            self.addDockWidget(AREAS[kind.area], dock)
            dock.hide()
            docks[name] = dock
        self.resizeDocks([docks["log"]], [LOG_HEIGHT_PX], Qt.Orientation.Vertical)
        return docks

    def _add_buttons(self) -> None:
        single = self.tools.add_button(
            "One channel", "C", "One channel at a time, or all", self.channels.set_single,
            checkable=True,
        )  # fmt: skip
        self.channels.single_changed.connect(single.setChecked)
        self.tools.add_button("Fit", "0", "Show the whole picture", self.view.fit)
        self.tools.add_button(
            "1:1", "Shift+0", "One pixel of the picture as one of the screen", self.view.one_to_one
        )
        panels = QToolButton(self)
        panels.setText("Panels")
        panels.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        panels.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        menu = QMenu(panels)
        for dock in self.docks.values():
            menu.addAction(dock.toggleViewAction())
        panels.setMenu(menu)
        self.tools.addWidget(panels)
        self.tools.add_button("?", "?", "List of keys", self.show_keys)

    def _add_keys(self) -> None:
        """Add the shortcuts that have no button."""
        steps = {
            f"{word}_{axis}": (axis, by)
            for axis in AXES
            for word, by in (("next", 1), ("previous", -1))
        }
        for key, name, _text in KEYS:
            if name in steps:
                axis, by = steps[name]
                self._add_key(key, partial(self._session.step, axis, by))
        for channel, key in enumerate(CHANNEL_KEYS):
            self._add_key(key, partial(self.channels.press, channel))

    def _add_key(self, key: str, slot: Callable[[], None]) -> None:
        action = QAction(self)
        action.setShortcut(QKeySequence(key))
        action.triggered.connect(lambda _on: slot())
        self.addAction(action)

    # ------------------------------------------------------------ what happens

    def _on_acquisition_changed(self) -> None:
        facts = self._session.facts
        self.view.set_facts(facts)
        self._on_message_changed("")
        self.show_page(None if facts is None else self.view.widget)
        if facts is not None:
            # Panels have nothing to say before; later on it is a person who opens them.
            while self._closed_docks:
                self.docks[self._closed_docks.pop()].show()
            self.resizeDocks([self.docks["info"]], [INFO_WIDTH_PX], Qt.Orientation.Horizontal)
        self.setWindowTitle("planecast" if facts is None else f"{facts.name} – planecast")

    def show_page(self, page: QWidget | None = None) -> None:
        """Show the picture, or what is said while there is none."""
        self._pages.setCurrentWidget(page or self.empty)

    def _on_frame_ready(self, frame: Frame, calm: bool) -> None:
        self.view.draw(frame, calm=calm)

    def _on_message_changed(self, message: str) -> None:
        self.view.canvas.set_message(message or None)

    def _on_frame_measured(self, _frame: Frame, delay_ms: float) -> None:
        self.status.set_delay(delay_ms)

    def _on_channels_changed(self) -> None:
        self.view.set_channel_visible(self._session.channel_visible)

    def show_keys(self) -> None:
        """Show the list of keys, without blocking the picture."""
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle("Keys")
        box.setTextFormat(Qt.TextFormat.RichText)
        box.setText(list_of_keys())
        box.open()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Let go of the canvas; the application ends with its last window."""
        self.view.close()
        self.closed.emit()
        super().closeEvent(event)
