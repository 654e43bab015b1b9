"""The menu of files that were shown lately."""

import threading
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from planecast_viewer.mailbox import Mailbox
from planecast_viewer.memory import Memory
from planecast_viewer.wishes import Wishes


class RecentFiles(QObject):
    """Fills a menu with the recent files and says of each whether it is still there.

    That is looked up in a thread: a folder on a network that is away makes one wait. GUI
    thread only.
    """

    def __init__(self, menu: QMenu, memory: Memory, wishes: Wishes) -> None:
        super().__init__(menu)
        self._menu, self._memory, self._wishes = menu, memory, wishes
        self._entries: dict[str, QAction] = {}
        self._looked = Mailbox(parent=self)
        self._looked.delivered.connect(self._on_looked)
        menu.setProperty("changing", True)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List the files, and begin to look for them."""
        self._menu.clear()
        self._entries.clear()
        paths = self._memory.recent_files
        for number, path in enumerate(paths):
            key = f"&{number + 1}  " if number < 9 else ""
            entry = self._menu.addAction(f"{key}{_named(path)}")
            entry.setToolTip(path)
            entry.triggered.connect(lambda _on, p=path: self._wishes.file_wanted.emit(p))
            self._entries[path] = entry
        if not paths:
            self._menu.addAction("none yet").setEnabled(False)
            return
        self._menu.addSeparator()
        clear = self._menu.addAction("Forget these")
        clear.triggered.connect(self._memory.forget_recent_files)
        threading.Thread(target=self._look, args=(paths,), name="recent-files", daemon=True).start()

    def _look(self, paths: list[str]) -> None:
        self._looked.post({path: _exists(path) for path in paths})

    def _on_looked(self, found: list[Mapping[str, bool]]) -> None:
        for path, exists in found[-1].items():
            entry = self._entries.get(path)
            if entry is not None and not exists:
                entry.setEnabled(False)
                entry.setText(f"{entry.text()}   (missing)")


def _named(path: str) -> str:
    """Return a file's name and its folder's, short enough for a menu."""
    parts = Path(path).parts
    return "/".join(parts[-2:] if len(parts) > 2 else parts).replace("&", "&&")


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:
        return False
