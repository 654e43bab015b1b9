"""The window: the picture, its sliders and channels, panels, status."""

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QWidget,
)

from planecast_viewer import theme
from planecast_viewer.canvas import CanvasChoice
from planecast_viewer.channel_choice import ChannelChoice
from planecast_viewer.elided_label import ElidedLabel
from planecast_viewer.empty_state import EmptyState
from planecast_viewer.follow import Presenter
from planecast_viewer.frame import Frame
from planecast_viewer.keys_dialog import show_keys
from planecast_viewer.measure.layer import MeasureLayer
from planecast_viewer.navigation import AxisBar
from planecast_viewer.ndv_theme import recolor
from planecast_viewer.ndv_view import NdvView
from planecast_viewer.panels import PANELS, TABBED, panel_class
from planecast_viewer.playback import Player
from planecast_viewer.rows_ahead import RowsAhead
from planecast_viewer.session import Session
from planecast_viewer.status_bar import StatusBar
from planecast_viewer.tool_bar import MainToolBar
from planecast_viewer.under_cursor import UnderCursor

FIRST_SIZE = QSize(1100, 830)
FRAME_PX = QSize(8, 44)
"""What the frame and title bar of a window take, about."""
INFO_WIDTH_PX = 300
COLUMN_PX = (320, 310)
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
        self._session, self._presenter = session, presenter
        self.view = NdvView(session.looks, self)
        self.rows_ahead = RowsAhead(self.view)
        self.channels = ChannelChoice(session, self)
        self.player = Player(session, presenter, self)
        self.axes = AxisBar(session, self.player)
        self.view.put_below_canvas(self.axes)
        self.empty = EmptyState(session)
        self._controller_shown = False
        self.docks_were_shown = False
        """Panels have nothing to say before there is an acquisition or file."""
        self._docks_before = QByteArray()
        # The picture with its rows of controls, and then the panels, are first laid out and painted
        # in turns of their own, which a click can precede.
        self._page_timer = QTimer(self, singleShot=True, interval=0)
        self._page_timer.timeout.connect(self._show_picture)
        self._docks_timer = QTimer(self, singleShot=True, interval=1)
        self._docks_timer.timeout.connect(self._open_docks)
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
        self.view.visibility_edited.connect(self.channels.take_edited)
        MeasureLayer(session, self.view.canvas)
        session.measuring.tool_changed.connect(self._on_tool_changed)
        self.under_cursor = UnderCursor(session, self)
        self.view.hovered.connect(self.under_cursor.take)
        self.pixel = ElidedLabel()
        self.view.put_above_canvas(self.pixel)
        self.under_cursor.text_changed.connect(self.pixel.setText)
        self._listen()
        self.resize(FIRST_SIZE.boundedTo(self.screen().availableSize() - FRAME_PX))
        self._on_acquisition_changed()

    def _listen(self) -> None:
        self._session.channels_changed.connect(self._on_channels_changed)
        self._session.control_changed.connect(self._on_control_changed)
        self._session.acquisition_changed.connect(self._on_acquisition_changed)
        self._presenter.frame_ready.connect(self._on_frame_ready)
        self._presenter.seen_wanted = self.view.seen
        self.view.canvas.view_changed.connect(self._presenter.look)
        self._presenter.message_changed.connect(self._on_message_changed)
        self._presenter.frame_measured.connect(self._on_frame_measured)

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
        for first, *others in TABBED:
            for other in others:
                self.tabifyDockWidget(docks[first], docks[other])
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

    # ------------------------------------------------------------ what happens

    def _on_acquisition_changed(self) -> None:
        facts = self._session.facts
        self.view.set_facts(facts, self._session.channel_visible)
        self._on_message_changed("")
        if facts is None:
            self._page_timer.stop()
            self.show_page()
        else:
            self._page_timer.start()
        if facts is not None and not self.docks_were_shown:
            self._docks_timer.start()
        self.setWindowTitle("planecast" if facts is None else f"{facts.name} – planecast")

    def _open_docks(self) -> None:
        """Open panels as they were in the run before; later on a person opens and closes them."""
        self.docks_were_shown = True
        if not self._docks_before.isEmpty() and self.restoreState(self._docks_before):
            return
        facts = self._session.facts
        for name, dock in self.docks.items():
            if facts is not None and panel_class(name).opens_with(facts):
                dock.show()
        self.resizeDocks([self.docks["info"]], [INFO_WIDTH_PX], Qt.Orientation.Horizontal)
        column = [self.docks["info"], self.docks["plate"]]
        self.resizeDocks(column, COLUMN_PX, Qt.Orientation.Vertical)

    def restore_docks(self, state: QByteArray) -> None:
        """Take how `saveState` described the panels; they open with the first acquisition."""
        self._docks_before = state

    def _on_control_changed(self) -> None:
        told = any(one.values or one.commands for one in self._session.control.controllers)
        if told and not self._controller_shown:
            # Once: later on it is a person who opens and closes it.
            self._controller_shown = True
            self.docks["controller"].show()
            self.docks["controller"].raise_()
            self.resizeDocks([self.docks["info"]], [INFO_WIDTH_PX], Qt.Orientation.Horizontal)

    def _on_tool_changed(self, tool: object) -> None:
        if tool is not None:
            self.docks["measure"].show()
            self.docks["measure"].raise_()

    def show_page(self, page: QWidget | None = None) -> None:
        """Show the picture, or what is said while there is none."""
        self._pages.setCurrentWidget(page or self.empty)

    def _show_picture(self) -> None:
        self.show_page(self.view.widget)

    def _on_frame_ready(self, frame: Frame, calm: bool) -> None:
        self.view.draw(frame, calm=calm)

    def _on_message_changed(self, message: str) -> None:
        frame = self._presenter.frame
        has_picture = frame is not None and any(plane is not None for plane in frame.planes)
        self.view.canvas.set_message(message or None, at_top=has_picture)

    def _on_frame_measured(self, frame: Frame, delay_ms: float) -> None:
        self.status.set_delay(delay_ms)
        self._session.lateness.shown(frame, delay_ms, following=self._session.following)

    def _on_channels_changed(self) -> None:
        self.view.set_channel_visible(self._session.channel_visible)

    def show_keys(self) -> None:
        """Show the list of keys, without blocking the picture."""
        show_keys(self)

    def show_failure(self, path: str, why: str) -> None:
        """Say that a file can't be shown, without blocking the picture if there is one."""
        self.empty.set_failure(why)
        if self._session.facts is None:
            return
        box = QMessageBox(QMessageBox.Icon.Warning, "Can't open this", why, parent=self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        named = "" if path in why else f"{path}\n\n"
        box.setInformativeText(f"{named}What was shown before stays.")
        box.open()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Give ndv's buttons the colours of another theme; the others see to themselves."""
        super().changeEvent(event)
        if theme.is_change(event):
            recolor(self.view.widget)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Let go of the canvas; the application ends with its last window."""
        self._page_timer.stop()
        self._docks_timer.stop()
        self.rows_ahead.stop()
        self.view.close()
        self.closed.emit()
        super().closeEvent(event)
