"""Agents that announce themselves appear in the dialog while it is open, and go again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from key_rig import Keys, free_port
from PySide6.QtCore import Qt

from planecast_agent.announcement import Announcement
from planecast_protocol.keys.guest_list import id_prefix
from planecast_viewer.agents_dialog import NOBODY, OWN_WINDOW, AgentsDialog

zeroconf = pytest.importorskip("zeroconf")
TIMEOUT_MS = 15_000
LOOPBACK = ["127.0.0.1"]


def _multicast_works() -> bool:
    try:
        with zeroconf.Zeroconf(interfaces=LOOPBACK):
            return True
    except OSError:
        return False


pytestmark = pytest.mark.skipif(
    not _multicast_works(), reason="this machine has no multicast on its loopback interface"
)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Keys of an agent; here, those of a guest who trusts it at 127.0.0.1."""
    keys = Keys(tmp_path)
    monkeypatch.setenv("PLANECAST_KEYS", str(keys.guest("alice", "view").folder))
    return keys


@pytest.fixture
def dialog(keys: Keys, qtbot) -> Iterator[AgentsDialog]:
    dialog = AgentsDialog(interfaces=LOOPBACK)
    qtbot.addWidget(dialog)
    dialog.ask()
    yield dialog
    dialog.close()
    dialog.close_threads()


def _texts(dialog: AgentsDialog, port: int) -> list[str]:
    items = map(dialog.agents.topLevelItem, range(dialog.agents.topLevelItemCount()))
    return [item.text(1) for item in items if item.text(1).endswith(f":{port}")]


def test_an_agent_appears_is_chosen_by_the_keyboard_and_goes(dialog: AgentsDialog, keys, qtbot):
    port = free_port()
    announcement = Announcement(f"tcp://127.0.0.1:{port}", keys.server)
    try:
        qtbot.waitUntil(lambda: bool(_texts(dialog, port)), timeout=TIMEOUT_MS)
        qtbot.waitUntil(lambda: dialog.edit.text().endswith(f":{port}"), timeout=TIMEOUT_MS)
        assert dialog.message.text() == OWN_WINDOW
        with qtbot.waitSignal(dialog.chosen) as chosen:
            qtbot.keyClick(dialog.agents, Qt.Key.Key_Return)
        assert chosen.args == [f"tcp://127.0.0.1:{port}"]
        assert not dialog.isVisible()
        dialog.ask()
        qtbot.waitUntil(lambda: bool(_texts(dialog, port)), timeout=TIMEOUT_MS)
    finally:
        announcement.close()
    qtbot.waitUntil(lambda: not _texts(dialog, port), timeout=TIMEOUT_MS)


def test_nobody_there_is_told_with_what_to_do(dialog: AgentsDialog, qtbot):
    qtbot.waitUntil(
        lambda: dialog.message.text() == NOBODY or dialog.agents.topLevelItemCount() > 0,
        timeout=TIMEOUT_MS,
    )
    assert "--announce" in NOBODY


def test_a_key_that_is_not_known_is_told_with_what_to_do(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
):
    stranger = Keys(tmp_path / "other")
    port = free_port()
    dialog = AgentsDialog(interfaces=LOOPBACK)
    qtbot.addWidget(dialog)
    dialog.ask()
    announcement = Announcement(f"tcp://127.0.0.1:{port}", stranger.server)
    try:
        qtbot.waitUntil(lambda: bool(_texts(dialog, port)), timeout=TIMEOUT_MS)
        assert "planecast keys add 127.0.0.1 KEY --server" in dialog.message.text()
        assert id_prefix(stranger.server_public) != id_prefix(keys.server_public)
    finally:
        announcement.close()
        dialog.close()
        dialog.close_threads()


def test_an_address_can_be_typed_and_a_wrong_one_is_told(dialog: AgentsDialog, qtbot):
    dialog.edit.setText("scope-pc")
    qtbot.keyClick(dialog.edit, Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert "tcp://HOST:PORT" in dialog.message.text()

    dialog.edit.setText("tcp://192.0.2.1:5810")
    qtbot.mouseClick(dialog.button, Qt.MouseButton.LeftButton)
    assert "planecast keys add 192.0.2.1 KEY --server" in dialog.message.text()

    dialog.edit.setText("tcp://127.0.0.1:5810")
    with qtbot.waitSignal(dialog.chosen):
        qtbot.mouseClick(dialog.button, Qt.MouseButton.LeftButton)


def test_the_window_offers_it(viewer, qtbot):
    shown = []
    viewer.session.wishes.other_agent_wanted.connect(lambda: shown.append(True))
    viewer.session.wishes.other_agent_wanted.disconnect(viewer.menus.other_agent.ask)

    qtbot.mouseClick(viewer.welcome.agent, Qt.MouseButton.LeftButton)

    assert shown
