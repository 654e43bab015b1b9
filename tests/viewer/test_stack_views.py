"""The ways to look at a stack, in the window: by keys, mouse and sliders."""

import threading

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QOpenGLContext, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from planecast_agent.subscriber.known_planes import Position
from planecast_viewer.stack.orthogonal.panes import Point
from planecast_viewer.stack.page import StackPage
from planecast_viewer.stack.volume import render_thread

NUM_Z, HEIGHT, WIDTH = 6, 64, 96
SPOT = (70, 20, 4)
"""The one bright voxel, (x, y, z), of the channel DAPI; BF is dark."""


def plane_of(message):
    _fov, z, channel = map(int, message.path.split("/")[-1].removesuffix(".tiff").split("_"))
    plane = np.zeros((HEIGHT, WIDTH), np.uint16)
    if channel == 1 and z == SPOT[2]:
        plane[SPOT[1], SPOT[0]] = 1000
    return plane


def answer_all(client, answer_with):
    for entry in list(client.asked):
        if entry.request not in client.cancelled and entry.message.priority != "prefetch":
            client.answer(entry, answer_with(plane_of(entry.message)))


@pytest.fixture
def shown(viewer, make_acquired, client, answer_with, qtbot):
    """A held stack of two channels; its voxels are four times as deep as wide."""
    acquired = make_acquired(num_z=NUM_Z, pixel_size_um=0.5, z_step_um=2.0)
    viewer.stacks.set_client(client)
    viewer.session.take_news(acquired.news(*((0, 0, z, c) for z in range(NUM_Z) for c in range(2))))
    viewer.session.show(Position(0, 0, 1))
    answer_all(client, answer_with)
    yield viewer
    viewer.session.stack.set("picture")


@pytest.fixture
def view(shown, client, answer_with, qtbot):
    """The orthogonal views with all planes, cut at the bright voxel."""
    qtbot.keyClick(shown.window, Qt.Key.Key_O)
    shown.session.stack.move_cross(*SPOT[:2])
    shown.session.show(Position(0, 0, SPOT[2]))

    def complete():
        answer_all(client, answer_with)
        return shown.stacks.feed.state().n_here == 2 * NUM_Z

    qtbot.waitUntil(complete)
    return shown.stacks.page.view


def color_at(view, pane, point):
    x, y = view.panes.to_widget(pane, point)
    return view.picture().pixelColor(int(x), int(y))


def spot_um(dx=0.0, dy=0.0, dz=0.0):
    """A point beside the middle of the bright voxel, off the lines of the cross, in µm."""
    x, y, z = SPOT
    return Point((x + 0.5) * 0.5 + dx, (y + 0.5) * 0.5 + dy, (z + 0.5) * 2 + dz)


def is_blue(color):
    return color.blue() > 200 and color.red() < 120


def widget_point(view, pane, point):
    x, y = view.panes.to_widget(pane, point)
    return QPoint(round(x), round(y))


def test_bright_voxel_is_in_all_three_views_in_its_channels_colour(view, qtbot):
    view.zoom_by(3)
    qtbot.waitUntil(lambda: is_blue(color_at(view, "xy", spot_um(0.12, 0.12))))
    qtbot.waitUntil(lambda: is_blue(color_at(view, "xz", spot_um(0.12, 0, 0.6))))
    qtbot.waitUntil(lambda: is_blue(color_at(view, "yz", spot_um(0, 0.12, 0.6))))
    for pane in ("xy", "xz", "yz"):
        beside = color_at(view, pane, spot_um(1.3, 1.3, 3.3))
        assert beside.getRgb()[:3] == (0, 0, 0), pane


def test_the_cross_goes_through_the_chosen_voxel(view, qtbot):
    qtbot.waitUntil(lambda: color_at(view, "xy", spot_um(9.3)).red() > 120)
    line = color_at(view, "xy", spot_um(9.3))
    assert line.red() > line.blue()
    assert color_at(view, "xy", spot_um(9.3, 3.0)).getRgb()[:3] == (0, 0, 0)


def test_click_in_a_side_view_cuts_there_and_moves_the_z_slider(shown, view):
    at = widget_point(view, "xz", Point(20.25, 0, 3.0))
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=at)
    assert shown.session.shown.z == 1
    assert shown.window.axes.rows["z"].slider.value() == 1
    assert view.cross() == (pytest.approx(40, abs=1), SPOT[1], 1)


def test_dragging_in_the_plane_moves_the_cross_and_not_z(shown, view):
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=widget_point(view, "xy", spot_um()))
    QTest.mouseMove(view, widget_point(view, "xy", Point(10.25, 10.25, 0)))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton)
    assert view.cross() == (pytest.approx(20, abs=1), pytest.approx(20, abs=1), SPOT[2])


def test_cross_stays_inside_of_the_stack(shown, view):
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=widget_point(view, "yz", spot_um()))
    QTest.mouseMove(view, QPoint(view.width() + 500, -200))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton)
    assert view.cross() == (SPOT[0], 0, NUM_Z - 1)


def test_keys_move_the_cross_by_a_pixel_and_a_plane(shown, view, qtbot):
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Down):
        qtbot.keyClick(shown.window, key, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(shown.window, Qt.Key.Key_Up)
    assert view.cross() == (SPOT[0] - 2, SPOT[1] + 1, SPOT[2] + 1)


def test_wheel_and_keys_zoom_and_0_shows_all(shown, view, qtbot):
    whole = view.panes.scale
    at = QPointF(widget_point(view, "xy", spot_um()))
    wheel = QWheelEvent(
        at, view.mapToGlobal(at), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, wheel)
    assert view.panes.scale == pytest.approx(whole / 1.25)
    qtbot.keyClick(shown.window, Qt.Key.Key_Plus)
    assert view.panes.scale == pytest.approx(whole / 1.25 / 1.5)
    qtbot.keyClick(shown.window, Qt.Key.Key_0)
    qtbot.waitUntil(lambda: view.panes.scale == pytest.approx(whole))


def test_values_under_the_mouse_are_those_of_the_file(shown, view, qtbot):
    said = []
    shown.window.under_cursor.text_changed.connect(said.append)
    QTest.mouseMove(view, widget_point(view, "xy", spot_um()))
    qtbot.waitUntil(lambda: any("x 70  y 20" in text and "DAPI 1000" in text for text in said))
    shown.window.under_cursor.text_changed.disconnect(said.append)


def test_automatic_contrast_is_that_of_the_stack(shown, view, qtbot):
    # The plane that was shown at first is all dark.
    qtbot.waitUntil(lambda: shown.window.view.luts([1])[1].high > 100)
    shown.session.show(Position(0, 0, 0))
    assert shown.window.view.luts([1])[1].high > 100


def test_another_colour_is_taken_at_once(shown, view, qtbot):
    from planecast_viewer.looks import Look

    view.zoom_by(3)
    qtbot.waitUntil(lambda: is_blue(color_at(view, "xz", spot_um(0.12, 0, 0.6))))
    shown.session.looks.set("DAPI", Look(colormap="#ff0000"))
    qtbot.waitUntil(lambda: color_at(view, "xz", spot_um(0.12, 0, 0.6)) == QColor(255, 0, 0))


def test_voxels_and_what_is_missing_are_said_below(shown, view, acquired, qtbot):
    text = shown.stacks.page.text.text
    qtbot.waitUntil(lambda: "96 × 64 × 6 voxels of 0.5 × 0.5 × 2 µm" in text())
    assert not shown.stacks.page.bar.isVisible()


def test_new_planes_of_another_time_point_fill_in_while_they_are_acquired(
    shown, view, make_acquired, client, answer_with, qtbot
):
    acquired = make_acquired(num_z=NUM_Z)
    shown.session.take_news([acquired.rows(*((1, 0, z, 1) for z in range(3)))])
    shown.session.show(Position(1, 0, 0))
    page = shown.stacks.page

    def here(n):
        answer_all(client, answer_with)
        return shown.stacks.feed.state().n_here == n

    qtbot.waitUntil(lambda: here(3))
    qtbot.waitUntil(lambda: "not acquired yet: BF z 0–5, DAPI z 3–5" in page.text.text())
    shown.session.take_news([acquired.rows((1, 0, SPOT[2], 1))])
    qtbot.waitUntil(lambda: here(4))
    qtbot.waitUntil(lambda: "DAPI z 3, 5" in page.text.text())


def test_what_is_seen_is_what_is_saved(shown, view, qtbot):
    view.zoom_by(3)
    qtbot.waitUntil(lambda: is_blue(color_at(view, "xz", spot_um(0.12, 0, 0.6))))
    picture = shown.window.view.picture()
    x, y = view.panes.to_widget("xz", spot_um(0.12, 0, 0.6))
    assert is_blue(picture.pixelColor(int(x), int(y)))


def test_picture_comes_back_and_nothing_of_the_views_stays(shown, view, client, qtbot):
    canvas = shown.window.view.canvas.frontend_widget()
    assert not canvas.isVisible()
    qtbot.keyClick(shown.window, Qt.Key.Key_O)
    assert canvas.isVisible()
    assert shown.stacks.feed.stack() is None
    QApplication.sendPostedEvents(None, 52)  # deletes what is to be deleted later
    assert shown.window.findChildren(StackPage) == []
    names = [thread.name for thread in threading.enumerate()]
    assert not {"stack", "orthogonal views", "stack contrast"} & set(names)


def test_leaving_while_planes_come_withdraws_them(shown, client, qtbot):
    qtbot.keyClick(shown.window, Qt.Key.Key_O)
    scripts = [entry for entry in client.asked if entry.message.priority == "script"]
    assert len(scripts) == 4
    qtbot.keyClick(shown.window, Qt.Key.Key_O)
    assert {entry.request for entry in scripts} <= set(client.cancelled)


def test_choosing_a_measuring_tool_brings_the_picture_back(shown, view, qtbot):
    qtbot.keyClick(shown.window, Qt.Key.Key_L)
    assert shown.session.stack.mode == "picture"
    shown.session.measuring.clear()


def test_single_planes_have_no_stack_to_look_at(viewer, make_acquired, qtbot):
    viewer.session.take_news(make_acquired(num_z=1).news((0, 0, 0, 0)))
    qtbot.keyClick(viewer.window, Qt.Key.Key_O)
    qtbot.keyClick(viewer.window, Qt.Key.Key_V)
    assert viewer.session.stack.mode == "picture"
    assert not any(action.isEnabled() for action in viewer.stacks.buttons())


def test_file_of_single_planes_ends_the_views_of_the_one_before(shown, view, make_acquired):
    shown.session.take_news(make_acquired("exp8", num_z=1).news((0, 0, 0, 0)))
    assert shown.session.stack.mode == "picture"
    assert shown.stacks.page is None


def test_views_and_their_keys_are_listed(shown):
    from planecast_viewer.keys_dialog import rows_of

    rows = {row.key: row.text for row in rows_of(shown.window)}
    assert rows["O"].startswith("Orthogonal views")
    assert rows["V"].startswith("3D volume")
    assert rows["Shift+Left"] == "Move the cross or the camera left"


class NoContext(QOpenGLContext):
    """What a driver without OpenGL gives: some machines' have it even without a screen."""

    def create(self) -> bool:
        return False


def test_without_opengl_3d_says_so_and_names_the_way_out(
    shown, client, answer_with, qtbot, monkeypatch
):
    monkeypatch.setattr(render_thread, "QOpenGLContext", NoContext)
    qtbot.keyClick(shown.window, Qt.Key.Key_V)
    overlay = shown.stacks.page.view.overlay

    def said():
        answer_all(client, answer_with)
        return "3D needs OpenGL 3.3" in (overlay.message or "")

    qtbot.waitUntil(said)
    assert "Orthogonal views (O)" in overlay.message
