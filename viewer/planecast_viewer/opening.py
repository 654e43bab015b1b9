"""The ways to open a file by hand: dialogs, and dropping it onto the window."""

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from planecast_viewer.memory import Memory
from planecast_viewer.session import Session
from planecast_viewer.wishes import Wishes


class OpenDialogs(QObject):
    """Asks for a file or a folder, without blocking the picture. GUI thread only."""

    def __init__(self, memory: Memory, wishes: Wishes, window: QWidget) -> None:
        super().__init__(window)
        self._memory, self._wishes, self._window = memory, wishes, window

    def ask_file(self) -> None:
        """Ask for a file."""
        self._ask("Open file", QFileDialog.FileMode.ExistingFile)

    def ask_folder(self) -> None:
        """Ask for a folder that is an image: an acquisition, an OME-Zarr, a plate."""
        self._ask("Open folder", QFileDialog.FileMode.Directory)

    def _ask(self, title: str, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self._window, title, self._memory.folder)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(mode)
        dialog.fileSelected.connect(self._on_chosen)
        dialog.open()

    def _on_chosen(self, path: str) -> None:
        self._memory.folder = str(Path(path).parent)
        self._wishes.file_wanted.emit(path)


class Drops(QObject):
    """Takes a file or folder that is dropped onto a window."""

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Accept what has a file in it."""
        if event.type() == QEvent.Type.DragEnter and isinstance(event, QDragEnterEvent):
            if _dropped(event):
                event.acceptProposedAction()
                return True
        elif event.type() == QEvent.Type.Drop and isinstance(event, QDropEvent):
            paths = _dropped(event)
            if paths:
                event.acceptProposedAction()
                if len(paths) > 1:
                    text = f"{len(paths)} files were dropped; this window shows the first"
                    self._session.logged.emit("warning", text)
                self._session.wishes.file_wanted.emit(paths[0])
                return True
        return super().eventFilter(watched, event)


def _dropped(event: QDropEvent) -> list[str]:
    urls = event.mimeData().urls()
    return [url.toLocalFile() for url in urls if url.isLocalFile() and url.toLocalFile()]
