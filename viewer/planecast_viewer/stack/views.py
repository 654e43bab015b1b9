"""Puts the ways to look at a stack in the place of the picture."""

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence

from planecast_viewer.follow import Presenter
from planecast_viewer.main_window import MainWindow
from planecast_viewer.planes import PixelSource
from planecast_viewer.session import Session
from planecast_viewer.stack.choice import StackMode
from planecast_viewer.stack.contrast import StackContrast
from planecast_viewer.stack.feed import StackFeed
from planecast_viewer.stack.page import StackPage
from planecast_viewer.stack.view import StackSource, StackView

BUTTONS: tuple[tuple[StackMode, str, str, str, str], ...] = (
    (
        "orthogonal",
        "Orthogonal views",
        "Ortho",
        "O",
        "The z stack from three sides, or the picture",
    ),
    ("volume", "3D volume", "3D", "V", "The z stack as a volume, or the picture"),
)
NUDGES: tuple[tuple[str, str, int, int], ...] = (
    ("left", "Shift+Left", -1, 0),
    ("right", "Shift+Right", 1, 0),
    ("up", "Shift+Up", 0, -1),
    ("down", "Shift+Down", 0, 1),
)


class StackViews(QObject):
    """Makes a view when it is wanted, and ends it when not. GUI thread only.

    It is the feed of the reader's clients for all of them.
    """

    def __init__(self, session: Session, presenter: Presenter, window: MainWindow) -> None:
        super().__init__(window)
        picture = window.view
        self._session, self._picture, self._window = session, picture, window
        self.feed = StackFeed(session, self)
        self._source = StackSource(session, self.feed, picture.luts, lambda: presenter.frame)
        self._contrast = StackContrast(session, self.feed, picture)
        self.page: StackPage | None = None
        self._closed = False
        self._modes = {mode: self._button(mode, *rest) for mode, *rest in BUTTONS}
        self._nudges = [self._nudge(*entry) for entry in NUDGES]
        session.stack.mode_changed.connect(self._on_mode_changed)
        session.stack.possible_changed.connect(self._refresh_actions)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.measuring.tool_changed.connect(self._on_tool_changed)
        presenter.frame_ready.connect(self._on_frame_ready)
        picture.luts_changed.connect(self._on_luts_changed)
        window.tools.add_actions(self.buttons())
        self._refresh_actions()

    def buttons(self) -> list[QAction]:
        """Return what shows the views and the picture again."""
        return list(self._modes.values())

    def actions(self) -> list[QAction]:
        """Return what can be done in the views by keys."""
        return list(self._nudges)

    def set_client(self, client: PixelSource) -> None:
        """Take the client that planes are asked from."""
        self.feed.set_client(client)

    def close(self) -> None:
        """End the view and let go of its planes. May be called twice."""
        self._closed = True
        self._end()
        self._contrast.stop()
        self.feed.close()

    # ------------------------------------------------------------ what happens

    def _on_mode_changed(self, mode: StackMode) -> None:
        self._end()
        if mode != "picture" and not self._closed:
            self.feed.set_active(True)
            self.page = StackPage(self._make(mode))
            self._contrast.start(brightest=mode == "volume")
            self._picture.show_instead(self.page)
        else:
            self.feed.set_active(False)
            self._contrast.stop()
        self._refresh_actions()

    def _make(self, mode: StackMode) -> StackView:
        # Only now: a viewer that shows planes needs none of it.
        if mode == "orthogonal":
            from planecast_viewer.stack.orthogonal.view import OrthogonalView

            view = OrthogonalView(self._source)
            view.hovered.connect(self._picture.hover_at)
            return view
        from planecast_viewer.stack.volume.view import VolumeView

        return VolumeView(self._source)

    def _end(self) -> None:
        page, self.page = self.page, None
        if page is not None:
            self._picture.show_instead(None)
            page.view.close()
            page.setParent(None)
            page.deleteLater()

    def _on_acquisition_changed(self) -> None:
        if self._session.facts is None:
            self._session.stack.restart(1, (1, 1))

    def _on_tool_changed(self, tool: object) -> None:
        # Lines and rectangles are drawn in the picture.
        if tool is not None:
            self._session.stack.set("picture")

    def _on_frame_ready(self) -> None:
        if self.page is not None:
            self.page.view.refresh()

    def _on_luts_changed(self) -> None:
        if self.page is not None:
            self.page.view.refresh()

    # ------------------------------------------------------------ actions

    def _button(self, mode: StackMode, text: str, short: str, key: str, tip: str) -> QAction:
        action = self._action(text, key, f"{tip} ({key})")
        action.setIconText(short)
        action.setCheckable(True)
        action.triggered.connect(lambda _on: self._session.stack.toggle(mode))
        return action

    def _nudge(self, name: str, key: str, right: int, down: int) -> QAction:
        action = self._action(f"Move the cross or the camera {name}", key, "")
        action.triggered.connect(lambda _on: self._on_nudge(right, down))
        return action

    def _action(self, text: str, key: str, tip: str) -> QAction:
        action = QAction(text, self._window)
        action.setShortcut(QKeySequence(key))
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        if tip:
            action.setToolTip(tip)
        return action

    def _on_nudge(self, right: int, down: int) -> None:
        if self.page is not None:
            self.page.view.nudge(right, down)

    def _refresh_actions(self) -> None:
        choice = self._session.stack
        for mode, action in self._modes.items():
            action.setEnabled(choice.possible)
            action.setChecked(choice.mode == mode)
        for action in self._nudges:
            action.setEnabled(choice.mode != "picture")
