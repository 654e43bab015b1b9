"""Everything that can be done has a menu entry or a key, and is in the list of keys."""

import os
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu

from planecast_agent.subscriber.known_planes import Position
from planecast_viewer.keys import KEYS
from planecast_viewer.keys_dialog import KeysDialog, rows_of


def menus_of(window):
    return [entry.menu() for entry in window.menuBar().actions()]


def entries(menu):
    for action in menu.actions():
        if isinstance(action.menu(), QMenu):
            yield from entries(action.menu())
        elif not action.isSeparator():
            yield action


def own_actions(window):
    """Return the actions of the window itself: text fields and the like have their own."""
    found = {action for action in window.findChildren(QAction) if not action.isSeparator()}
    in_menus = {action for menu in menus_of(window) for action in entries(menu)}
    with_key = {action for action in found if not action.shortcut().isEmpty()}
    return in_menus | with_key


@pytest.fixture
def keys(viewer, qtbot):
    dialog = viewer.window.show_keys() or viewer.window.findChild(KeysDialog)
    yield dialog
    dialog.close()
    dialog.deleteLater()


def test_no_two_actions_share_a_key(viewer):
    taken = {}
    for action in own_actions(viewer.window):
        for key in action.shortcuts():
            name = key.toString(QKeySequence.SequenceFormat.PortableText)
            assert taken.setdefault(name, action) is action, (name, action.text())


def test_every_button_has_a_menu_entry_or_a_key(viewer):
    in_menus = {action for menu in menus_of(viewer.window) for action in entries(menu)}
    for action in viewer.window.tools.actions():
        if action.text() and not action.isSeparator():
            assert action in in_menus or not action.shortcut().isEmpty(), action.text()


def test_every_action_is_in_the_list(viewer, keys):
    listed = {row.key for row in keys.shown_rows()}
    texts = " ".join(row.text for row in keys.shown_rows())
    for action in own_actions(viewer.window):
        if not action.shortcut().isEmpty():
            assert action.shortcut().toString(QKeySequence.SequenceFormat.NativeText) in {
                key for row in listed for key in row.split(", ")
            }, action.text()
    for _menu, _key, _name, text in KEYS:
        assert text in texts
    assert all(listed)


def test_list_can_be_searched(keys, qtbot):
    n_rows = len(keys.shown_rows())
    qtbot.keyClicks(keys.search, "next z")
    assert [row.key for row in keys.shown_rows()] == ["Up"]
    keys.search.clear()
    assert len(keys.shown_rows()) == n_rows
    qtbot.keyClicks(keys.search, "ctrl+g")
    assert [row.text for row in keys.shown_rows()] == ["Go to…"]


def test_question_mark_opens_the_list_once(viewer, qtbot):
    qtbot.keyClick(viewer.window, Qt.Key.Key_Question)
    first = viewer.window.findChild(KeysDialog)
    assert first.isVisible()
    viewer.window.show_keys()
    assert viewer.window.findChildren(KeysDialog) == [first]
    first.close()
    first.deleteLater()


def test_list_names_mouse_and_panels_too(viewer):
    groups = {row.group for row in rows_of(viewer.window)}
    assert {"File", "Go", "View", "View › Channels", "Panels", "Help", "Mouse"} <= groups


def test_keys_go_to_the_ends_of_each_axis(viewer, acquired, qtbot):
    session, control = viewer.session, Qt.KeyboardModifier.ControlModifier
    session.take_news(acquired.news((0, 0, 0, 0), (6, 0, 0, 0)))
    for key, position in (
        (Qt.Key.Key_Right, Position(6, 0, 0)),
        (Qt.Key.Key_Up, Position(6, 0, 2)),
        (Qt.Key.Key_PageDown, Position(6, 1, 2)),
        (Qt.Key.Key_Left, Position(0, 1, 2)),
        (Qt.Key.Key_Down, Position(0, 1, 0)),
        (Qt.Key.Key_PageUp, Position(0, 0, 0)),
    ):
        qtbot.keyClick(viewer.window, key, control)
        assert session.shown == position


def test_panel_is_opened_and_closed_by_its_key(viewer, qtbot):
    names = list(viewer.window.docks)
    dock = viewer.window.docks["thumbnails"]
    key = Qt.Key(Qt.Key.Key_1 + names.index("thumbnails"))
    dock.hide()
    qtbot.keyClick(viewer.window, key, Qt.KeyboardModifier.ControlModifier)
    assert dock.isVisible()
    qtbot.keyClick(viewer.window, key, Qt.KeyboardModifier.ControlModifier)
    assert not dock.isVisible()


def test_channels_in_the_menu_carry_their_names(viewer, acquired):
    viewer.session.take_news(acquired.news())
    shown = [action.text() for action in viewer.menus.channels if action.isVisible()]
    assert shown == ["BF", "DAPI"]


# ---------------------------------------------------------------- going somewhere


@pytest.fixture
def goto(viewer, make_acquired, qtbot):
    labels = [f"{row}{column}:{fov}" for row in "AB" for column in (1, 2) for fov in (0, 1)]
    acquired = make_acquired(fov_labels=labels)
    viewer.session.take_news(acquired.news((0, 0, 0, 0), (5, 0, 0, 0)))
    qtbot.keyClick(viewer.window, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    box = viewer.menus.goto
    assert box.isVisible()
    yield box
    box.close()


def test_well_and_fov_are_gone_to_by_name(goto, viewer, qtbot):
    qtbot.keyClicks(goto.edit, "B1 1 t=5")
    qtbot.keyClick(goto.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not goto.isVisible())
    assert viewer.session.shown == Position(5, 5, 0)
    assert not viewer.session.following


def test_error_is_said_and_the_box_stays(goto, viewer, qtbot):
    qtbot.keyClicks(goto.edit, "C9")
    qtbot.keyClick(goto.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "there is no 'C9' here" in goto.message.text())
    assert goto.isVisible()
    assert viewer.session.shown == Position(0, 0, 0)
    qtbot.keyClick(goto.edit, Qt.Key.Key_Backspace)
    assert "there is no" not in goto.message.text()


def test_names_are_completed(goto):
    completer = goto.edit.completer()
    completer.setCompletionPrefix("b2")
    found = [
        completer.completionModel().index(row, 0).data()
        for row in range(completer.completionModel().rowCount())
    ]
    assert found == ["B2", "B2:0", "B2:1"]


def test_nothing_shown_is_said(viewer, qtbot):
    box = viewer.menus.goto
    box.ask()
    box.edit.setText("A1")
    box.go()
    assert box.message.text() == "nothing is shown yet"
    box.close()


# ---------------------------------------------------------------- opening


@pytest.fixture
def wanted(viewer):
    """Paths that somebody wants to open; nobody opens them."""
    paths = []
    wishes = viewer.session.wishes
    wishes.file_wanted.disconnect(viewer.targets.open_file)
    wishes.file_wanted.connect(paths.append)
    yield paths
    wishes.file_wanted.disconnect(paths.append)
    wishes.file_wanted.connect(viewer.targets.open_file)
    viewer.memory.forget_recent_files()


def drop(window, *urls):
    data = QMimeData()
    data.setUrls([QUrl(url) for url in urls])
    arguments = (
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    enter = QDragEnterEvent(window.rect().center(), *arguments)
    QApplication.sendEvent(window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(window, QDropEvent(QPointF(window.rect().center()), *arguments))
    return enter.isAccepted()


def test_dropped_file_or_folder_is_opened(viewer, wanted, tmp_path):
    assert drop(viewer.window, tmp_path.as_uri())
    assert [Path(path) for path in wanted] == [tmp_path]


def test_of_several_that_are_dropped_the_first_is_shown_and_that_is_said(viewer, wanted, tmp_path):
    told = []
    viewer.session.logged.connect(lambda _level, text: told.append(text))
    first, second = tmp_path / "a.tif", tmp_path / "b.tif"
    assert drop(viewer.window, first.as_uri(), second.as_uri())
    assert [Path(path) for path in wanted] == [first]
    assert told == ["2 files were dropped; this window shows the first"]


def test_drop_without_a_file_is_refused(viewer, wanted):
    assert not drop(viewer.window, "https://example.org/x.tif")
    assert not wanted


@pytest.mark.parametrize(
    ("key", "mode"),
    [
        (Qt.KeyboardModifier.ControlModifier, QFileDialog.FileMode.ExistingFile),
        (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
            QFileDialog.FileMode.Directory,
        ),
    ],
)
def test_dialog_asks_without_blocking(viewer, wanted, qtbot, tmp_path, key, mode):
    path = tmp_path / "x.tif"
    path.touch()
    qtbot.keyClick(viewer.window, Qt.Key.Key_O, key)
    dialog = viewer.window.findChild(QFileDialog)
    assert dialog.fileMode() == mode
    dialog.fileSelected.emit(str(path))
    assert wanted == [str(path)]
    assert viewer.memory.folder == str(tmp_path)
    dialog.close()
    dialog.deleteLater()


def test_recent_files_are_listed_and_missing_ones_named(viewer, wanted, qtbot, tmp_path):
    there, gone = tmp_path / "there.czi", tmp_path / "gone.czi"
    there.touch()
    viewer.memory.add_recent_file(str(there))
    viewer.memory.add_recent_file(str(gone))
    recent = viewer.menus.recent
    recent.fill()
    qtbot.waitUntil(lambda: not recent._entries[str(gone)].isEnabled())
    assert recent._entries[str(gone)].text().endswith("gone.czi   (missing)")
    entry = recent._entries[str(there)]
    assert entry.isEnabled()
    assert entry.text().endswith(f"{tmp_path.name}{os.sep}there.czi")
    entry.trigger()
    assert wanted == [str(there)]


def test_recent_files_are_offered_while_nothing_is_shown(viewer, wanted, qtbot, tmp_path):
    viewer.memory.add_recent_file(str(tmp_path / "a.czi"))
    welcome = viewer.window.empty.findChildren(type(viewer.welcome))[0]
    welcome.hide()
    welcome.show()
    shown = [button for button in welcome.recent if button.isVisible()]
    assert [button.text() for button in shown] == ["a.czi"]
    qtbot.mouseClick(shown[0], Qt.MouseButton.LeftButton)
    assert wanted == [str(tmp_path / "a.czi")]
