"""The sliders under the mouse, and the buttons that hold an axis."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from planecast_agent.subscriber.known_planes import Position
from planecast_viewer import follow


@pytest.fixture
def live(viewer, make_acquired, client):
    """The window, following an acquisition of which nothing was read yet."""
    acquired = make_acquired(num_z=5, pixel_size_um=0.5)
    planes = [(t, 0, z, c) for t in range(2) for z in range(5) for c in range(2)]
    viewer.session.take_news(acquired.news(*planes))
    viewer.window.show_page(viewer.window.view.widget)
    QTest.qWait(0)
    return viewer


def at(slider, fraction):
    return QPoint(round(slider.width() * fraction), slider.height() // 2)


def test_slider_goes_where_it_is_clicked_and_is_dragged_on_from_there(live):
    slider = live.window.axes.rows["z"].slider
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=at(slider, 0.5))
    assert live.session.shown == Position(0, 0, 2)
    QTest.mouseMove(slider, at(slider, 0.99))
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=at(slider, 0.99))
    assert live.session.shown == Position(0, 0, 4)
    assert not live.session.following


def test_touching_a_slider_holds_although_it_is_not_moved(live):
    slider = live.window.axes.rows["z"].slider
    slider.setValue(2)
    live.session.set_following(True)
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=at(slider, 0.5))
    assert not live.session.following
    assert live.session.shown.z == 2
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=at(slider, 0.5))


def test_slider_of_a_held_axis_chooses_what_is_held_and_the_rest_is_followed(
    live, client, answer_with, monkeypatch, qtbot
):
    monkeypatch.setattr(follow, "MIN_FRAME_S", 0.0)
    row = live.window.axes.rows["z"]
    QTest.mouseClick(row.pin, Qt.MouseButton.LeftButton)
    assert live.session.locks == {"z"}
    QTest.mouseClick(row.slider, Qt.MouseButton.LeftButton, pos=at(row.slider, 0.75))
    assert live.session.following
    assert [entry.message.path for entry in client.open] == [
        "data:1/0_3_0.tiff",
        "data:1/0_3_1.tiff",
    ]
    QTest.mouseClick(live.window.axes.rows["t"].slider, Qt.MouseButton.LeftButton)
    assert not live.session.following


def test_axis_that_will_grow_has_its_row_from_the_start(viewer, make_acquired, qtbot):
    rows = viewer.window.axes.rows
    viewer.session.take_news(make_acquired("until it is ended").news((0, 0, 0, 0)))
    qtbot.waitUntil(rows["t"].slider.isVisible)
    viewer.session.take_news(make_acquired("one time point", num_t=1).news((0, 0, 0, 0)))
    assert not rows["t"].slider.isVisible()


def test_place_without_planes_on_a_held_axis_is_said(live, qtbot):
    live.session.set_lock("fov", True)
    live.session.show(Position(0, 1, 0))
    message = "A1:1 is held: nothing was acquired there lately"
    qtbot.waitUntil(lambda: live.window.view.canvas.message == message)
    assert live.session.following


def test_axes_are_held_by_keys_too(live, qtbot):
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(live.window, Qt.Key.Key_Z, modifiers)
    assert live.session.locks == {"z"}
    assert live.window.axes.rows["z"].pin.isChecked()
    qtbot.keyClick(live.window, Qt.Key.Key_Z, modifiers)
    assert live.session.locks == frozenset()
