"""The menus: everything that can be done, with its key."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QToolButton

from planecast_viewer.goto_box import GoToBox
from planecast_viewer.keys import CHANNEL_KEYS, CHANNEL_TEXT, CHANNEL_TIP, KEYS
from planecast_viewer.main_window import MainWindow
from planecast_viewer.memory import Memory
from planecast_viewer.navigation import hold_actions
from planecast_viewer.opening import Drops, OpenDialogs
from planecast_viewer.other_agent import OtherAgent
from planecast_viewer.picture_actions import picture_actions
from planecast_viewer.recent_files import RecentFiles
from planecast_viewer.session import AXES, Session
from planecast_viewer.theme_choice import ThemeChoice


class Menus(QObject):
    """Fills the window's menu bar. Construct when the window has all its buttons."""

    def __init__(self, window: MainWindow, session: Session, memory: Memory) -> None:
        super().__init__(window)
        self._window, self._session = window, session
        self.dialogs = OpenDialogs(memory, session.wishes, window)
        self.goto = GoToBox(session, window)
        self.drops = Drops(session, window)
        self.other_agent = OtherAgent(session, window)
        self.theme = ThemeChoice(memory, self)
        self.channels: list[QAction] = []
        self._add_file(memory)
        self._add_go()
        self._add_view()
        self._add_panels()
        self._add_help()
        session.acquisition_changed.connect(self._refresh)
        session.link_state_changed.connect(self._refresh)
        self._refresh()

    # ------------------------------------------------------------ the menus

    def _add_file(self, memory: Memory) -> None:
        menu = self._menu("&File")
        add = partial(self._add, menu)
        add("&Open file…", "Ctrl+O", self.dialogs.ask_file)
        add("Open &folder…", "Ctrl+Shift+O", self.dialogs.ask_folder)
        recent = menu.addMenu("Open &recent")
        self.recent = RecentFiles(recent, memory, self._session.wishes)
        menu.addSeparator()
        self._file, self._end_of_saving = menu, menu.addSeparator()
        add("&Acquisitions…", "Ctrl+L", lambda: self._show_dock("acquisitions"))
        self.listen = add("&Listen to the agent", "", self._session.wishes.agent_wanted.emit)
        add("Find a&n agent…", "Ctrl+Shift+L", self._session.wishes.other_agent_wanted.emit)
        menu.addSeparator()
        add("&Quit", "Ctrl+Q", self._window.close)

    def add_saving(self, actions: list[QAction]) -> None:
        """Put the ways of saving into the menu of files."""
        self._file.insertActions(self._end_of_saving, actions)

    def add_viewing(self, actions: list[QAction]) -> None:
        """Put more into the menu of how it is looked at."""
        self._view.addSeparator()
        self._view.addActions(actions)

    def _add_go(self) -> None:
        menu = self._menu("&Go")
        self._add(menu, "&Go to…", "Ctrl+G", self.goto.ask)
        menu.addAction(self._window.tools.follow)
        menu.addActions(hold_actions(self._window, self._session))
        slots = self._steps()
        for _menu, key, name, text in KEYS:
            if name.startswith("previous_t") or name.endswith(("previous_fov", "next_z")):
                menu.addSeparator()
            self._add(menu, text, key, slots[name])

    def _steps(self) -> dict[str, Callable[[], object]]:
        slots: dict[str, Callable[[], object]] = {}
        for axis in AXES:
            slots[f"next_{axis}"] = partial(self._session.step, axis, 1)
            slots[f"previous_{axis}"] = partial(self._session.step, axis, -1)
            slots[f"first_{axis}"] = partial(self._go_to_end, axis, last=False)
            slots[f"last_{axis}"] = partial(self._go_to_end, axis, last=True)
        return slots

    def _add_view(self) -> None:
        menu = self._view = self._menu("&View")
        for action in self._window.tools.actions():
            is_button = action.text() and not action.isSeparator() and action.text() != "?"
            if is_button and action is not self._window.tools.follow:
                menu.addAction(action)
        menu.addSeparator()
        window, session = self._window, self._session
        menu.addActions(picture_actions(window, session, window.view, window.player))
        menu.addSeparator()
        menu.addMenu("Colours of the &window").addActions(self.theme.actions())
        channels = menu.addMenu("&Channels")
        for number, key in enumerate(CHANNEL_KEYS):
            slot = partial(self._window.channels.press, number)
            action = self._add(channels, CHANNEL_TEXT.format(n=number + 1), key, slot)
            self.channels.append(action)

    def _add_panels(self) -> None:
        menu = self._menu("&Panels")
        for number, dock in enumerate(self._window.docks.values(), start=1):
            action = dock.toggleViewAction()
            if number < 10:
                action.setShortcut(QKeySequence(f"Ctrl+{number}"))
            action.setToolTip(f"Open or close the panel {dock.windowTitle()}")
            # One that is a tab behind another comes to the front.
            action.triggered.connect(lambda opened, d=dock: d.raise_() if opened else None)
            menu.addAction(action)
        button = QToolButton(self._window)
        button.setText("Panels")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setMenu(menu)
        self._window.tools.add_widget(button)

    def _add_help(self) -> None:
        menu = self._menu("&Help")
        self._add(menu, "&Keys", "?", self._window.show_keys)

    # ------------------------------------------------------------ inside

    def _menu(self, title: str) -> QMenu:
        menu = self._window.menuBar().addMenu(title)
        menu.setToolTipsVisible(True)
        return menu

    def _add(self, menu: QMenu, text: str, key: str, slot: Callable[[], object]) -> QAction:
        action = QAction(text, self._window)
        if key:
            action.setShortcut(QKeySequence(key))
        action.triggered.connect(lambda _on: slot())
        menu.addAction(action)
        return action

    def _show_dock(self, name: str) -> None:
        dock = self._window.docks[name]
        dock.show()
        dock.raise_()
        widget = dock.widget()
        if widget is not None:
            widget.setFocus()

    def _go_to_end(self, axis: str, *, last: bool) -> None:
        session = self._session
        value = getattr(session.extents, axis) - 1 if last else 0
        session.show(session.shown._replace(**{axis: value}))

    def _refresh(self) -> None:
        """Name the channels; offer to listen where that is not done."""
        facts = self._session.facts
        names = [] if facts is None else [channel.name for channel in facts.channels]
        for number, action in enumerate(self.channels):
            name = names[number] if number < len(names) else ""
            action.setText(name.replace("&", "&&") or CHANNEL_TEXT.format(n=number + 1))
            action.setToolTip(CHANNEL_TIP)
            action.setVisible(number < max(1, len(names)))
        self.listen.setVisible(self._session.agent_address is None)
