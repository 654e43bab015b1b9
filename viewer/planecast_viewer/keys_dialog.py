"""The list of keys and menu entries, made of the window's own actions."""

from collections.abc import Iterator
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QLineEdit,
    QMainWindow,
    QMenu,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from planecast_viewer.keys import MOUSE_AND_PANELS


class KeyRow(NamedTuple):
    """One line of the list."""

    group: str
    key: str
    text: str


def rows_of(window: QMainWindow) -> list[KeyRow]:
    """Return all that keys and the mouse can do, by menu; what has no key stands there alone."""
    rows: dict[KeyRow, None] = {}
    listed: set[QAction] = set()
    for entry in window.menuBar().actions():
        menu = entry.menu()
        if isinstance(menu, QMenu):
            for action, group in _entries(menu, _plain(entry.text())):
                listed.add(action)
                if not action.shortcut().isEmpty():
                    rows[KeyRow(group, keys_of(action), describe(action))] = None
    for action in window.findChildren(QAction):
        if action not in listed and not action.shortcut().isEmpty():
            rows[KeyRow("Other", keys_of(action), describe(action))] = None
    for group, key, text in MOUSE_AND_PANELS:
        rows[KeyRow(group, key, text)] = None
    return list(rows)


def keys_of(action: QAction) -> str:
    """Return the shortcuts of an action, as this system writes them."""
    native = QKeySequence.SequenceFormat.NativeText
    return ", ".join(key.toString(native) for key in action.shortcuts())


def describe(action: QAction) -> str:
    """Return what an action does, in its own words."""
    text = _plain(action.text())
    tip = action.toolTip()
    key = f" ({keys_of(action)})"
    tip = tip.removesuffix(key) if key in tip else tip
    return text if not tip or tip == text or tip == text.rstrip("…. ") else f"{text}: {tip}"


def _entries(menu: QMenu, group: str) -> Iterator[tuple[QAction, str]]:
    for action in menu.actions():
        sub = action.menu()
        if isinstance(sub, QMenu):
            if not sub.property("changing"):
                yield from _entries(sub, f"{group} › {_plain(action.text())}")
            else:
                yield action, group
        elif not action.isSeparator():
            yield action, group


def _plain(text: str) -> str:
    return text.replace("&", "")


class KeysDialog(QDialog):
    """A list with a search field. Does not block the picture."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keys")
        self.resize(620, 600)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.list = QTreeWidget(self)
        self.list.setHeaderLabels(["Key", "What it does"])
        self.list.setRootIsDecorated(False)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.list.setUniformRowHeights(True)
        self.list.setIndentation(12)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.list)
        self._fill(rows_of(window))
        self.search.setFocus()

    def shown_rows(self) -> list[KeyRow]:
        """Return the lines that pass the search."""
        return [
            KeyRow(group.text(0), item.text(0), item.text(1))
            for group in self._children(self.list.invisibleRootItem())
            for item in self._children(group)
            if not item.isHidden()
        ]

    def _fill(self, rows: list[KeyRow]) -> None:
        groups: dict[str, QTreeWidgetItem] = {}
        for row in rows:
            if row.group not in groups:
                group = QTreeWidgetItem(self.list, [row.group])
                font = group.font(0)
                font.setBold(True)
                group.setFont(0, font)
                group.setFirstColumnSpanned(True)
                groups[row.group] = group
            QTreeWidgetItem(groups[row.group], [row.key, row.text])
        self.list.expandAll()
        header = self.list.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        for group in self._children(self.list.invisibleRootItem()):
            for item in self._children(group):
                line = f"{group.text(0)} {item.text(0)} {item.text(1)}".casefold()
                item.setHidden(not all(word in line for word in words))
            group.setHidden(all(item.isHidden() for item in self._children(group)))

    @staticmethod
    def _children(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
        children = (item.child(n) for n in range(item.childCount()))
        return [child for child in children if child is not None]


def show_keys(window: QMainWindow) -> KeysDialog:
    """Open the list, or bring the open one to the front."""
    open_one = window.findChild(KeysDialog)
    dialog = open_one if isinstance(open_one, KeysDialog) else KeysDialog(window)
    dialog.show()
    dialog.raise_()
    return dialog
