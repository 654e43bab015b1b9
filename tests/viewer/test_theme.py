"""Light and dark: all that is on the window takes the new colours while it runs."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication

from planecast_viewer import theme
from planecast_viewer.memory import Memory
from planecast_viewer.theme_choice import ThemeChoice


@pytest.fixture
def choice(viewer):
    yield viewer.menus.theme
    viewer.menus.theme.choose("light")
    viewer.menus.theme.choose("system")


def ink(icon):
    """Return the colour of an icon's drawing."""
    image = icon.pixmap(32, 32).toImage()
    points = ((x, y) for x in range(image.width()) for y in range(image.height()))
    return next(c for c in (image.pixelColor(*p) for p in points) if c.alpha() == 255)


def test_dark_and_light_are_chosen_in_the_menu(choice):
    dark, light = choice.actions()[2], choice.actions()[1]
    dark.trigger()
    assert theme.is_dark()
    light.trigger()
    assert not theme.is_dark()


def test_everything_takes_the_colours_of_another_theme_at_once(choice, viewer, acquired, qtbot):
    window, session = viewer.window, viewer.session
    choice.choose("light")
    session.take_news(acquired.news((0, 0, 0, 0)))
    session.logged.emit("warning", "a warning of before")
    light = (theme.muted(), theme.warning())
    choice.choose("dark")
    dark = (theme.muted(), theme.warning())
    assert dark != light
    info, log = window.docks["info"].widget(), window.docks["log"].widget()
    qtbot.waitUntil(lambda: dark[0] in info.text.toHtml())
    assert light[0] not in info.text.toHtml()
    qtbot.waitUntil(lambda: dark[1] in log.text.document().toHtml())
    assert light[1] not in log.text.document().toHtml()
    qtbot.waitUntil(lambda: ink(window.axes.rows["t"].play.icon()) == QColor(dark[0]))


def test_buttons_of_the_picture_can_be_seen_on_dark(choice, viewer, qtbot):
    choice.choose("light")
    choice.choose("dark")
    button = viewer.window.view.widget.shared_histogram_btn
    qtbot.waitUntil(lambda: ink(button.icon()).lightness() > 150)


def test_icons_that_are_made_on_dark_are_light(choice):
    from superqt.iconify import QIconifyIcon

    choice.choose("dark")
    assert ink(QIconifyIcon("mdi:math-log")).lightness() > 150


def test_a_change_of_the_system_is_followed_and_a_choice_is_not_overruled(choice, monkeypatch):
    said = {"scheme": Qt.ColorScheme.Dark}

    class Hints:
        def setColorScheme(self, _scheme):  # noqa: N802
            pass

        def colorScheme(self):  # noqa: N802
            return said["scheme"]

    monkeypatch.setattr(QGuiApplication, "styleHints", staticmethod(Hints))
    choice.choose("system")
    assert theme.is_dark()
    said["scheme"] = Qt.ColorScheme.Light
    choice._on_system_changed()
    assert not theme.is_dark()
    choice.choose("light")
    said["scheme"] = Qt.ColorScheme.Dark
    choice._on_system_changed()
    assert not theme.is_dark()


def test_the_choice_is_remembered(qapp, tmp_path):
    path = tmp_path / "viewer.ini"
    memory = Memory(path)
    ThemeChoice(memory).choose("dark")
    memory.save()
    assert theme.is_dark()
    again = ThemeChoice(Memory(path))
    assert again.choice == "dark"
    assert again.actions()[2].isChecked()
    again.choose("light")
    again.choose("system")
