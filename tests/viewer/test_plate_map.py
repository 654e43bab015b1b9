"""The map of wells and fovs, in the window."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_viewer import theme
from planecast_viewer.plane_table import PlaneTable

LABELS = [f"{row}{column}:{fov}" for row in "AB" for column in (1, 2, 3) for fov in (0, 1)]


@pytest.fixture
def shown(viewer, make_acquired, qtbot):
    """A six-well plate, whose first well is complete and whose second is half done."""
    acquired = make_acquired(fov_labels=LABELS, num_t=1, num_z=1, channels=["BF", "DAPI"])
    planes = [(0, fov, 0, channel) for fov in (0, 1) for channel in (0, 1)] + [(0, 2, 0, 0)]
    viewer.session.take_news(acquired.news(*planes))
    dock = viewer.window.docks["plate"]
    dock.show()
    dock.raise_()
    qtbot.waitUntil(dock.widget().isVisible)
    dock.widget().refresh()
    viewer.acquired = acquired
    return viewer


def panel_of(viewer):
    return viewer.window.docks["plate"].widget()


def color_of(viewer, fov):
    """Return the colour in the middle of a fov, as it was painted."""
    view = panel_of(viewer).view
    picture = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    middle = view.rectangle_of(fov).center() * picture.devicePixelRatio()
    return picture.pixelColor(int(middle.x()), int(middle.y()))


def test_colour_tells_complete_from_begun_from_waiting(shown):
    complete, begun, waiting = (color_of(shown, fov) for fov in (0, 2, 8))
    assert complete == theme.color(theme.complete())
    assert begun.blue() > begun.red()
    assert abs(waiting.blue() - waiting.red()) < 12
    assert "2 of 12 complete" in panel_of(shown).text.text()


def test_map_follows_new_planes(shown, qtbot):
    before = color_of(shown, 3)
    shown.session.take_news([shown.acquired.rows((0, 3, 0, 0), (0, 3, 0, 1))])
    qtbot.waitUntil(lambda: color_of(shown, 3) == theme.color(theme.complete()))
    assert before != theme.color(theme.complete())


def test_plane_that_is_registered_again_counts_once(shown, qtbot):
    shown.session.take_news([shown.acquired.rows((0, 2, 0, 0), (0, 2, 0, 0))])
    panel_of(shown).refresh()
    assert panel_of(shown)._describe(2) == "well A2, fov 0  (number 2)\n1 of 2 planes"


def test_click_goes_there_and_holds(shown, qtbot):
    view = panel_of(shown).view
    place = view.rectangle_of(7).center().toPoint()
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=place)
    assert shown.session.shown == Position(0, 7, 0)
    assert not shown.session.following


def test_click_beside_all_fovs_goes_nowhere(shown, qtbot):
    shown.session.set_following(False)
    before = shown.session.shown
    qtbot.mouseClick(panel_of(shown).view, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert shown.session.shown == before


def test_arrows_move_a_mark_and_enter_goes_there(shown, qtbot):
    session, view = shown.session, panel_of(shown).view
    session.show(Position(0, 0, 0))
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.cursor_fov == 6
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.cursor_fov == 7
    # The window's own arrow keys rest meanwhile.
    assert session.shown == Position(0, 0, 0)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert session.shown == Position(0, 7, 0)


def test_escape_gives_the_keys_back_to_the_sliders(shown, qtbot):
    session, view = shown.session, panel_of(shown).view
    session.show(Position(0, 0, 0))
    view.setFocus()
    assert view.hasFocus()
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert not view.hasFocus()
    qtbot.keyClick(shown.window, Qt.Key.Key_PageDown)
    assert session.shown == Position(0, 1, 0)


def test_wheel_zooms_about_the_mouse(shown, qtbot):
    view = panel_of(shown).view
    at = view.rectangle_of(11).center()
    width = view.rectangle_of(11).width()
    event = QWheelEvent(
        at,
        view.mapToGlobal(at),
        QPoint(),
        QPoint(0, 360),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)
    assert view.rectangle_of(11).width() > 1.8 * width
    assert view.fov_at(at) == 11
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert view.rectangle_of(11).width() == width


def test_drag_moves_the_map_and_chooses_nothing(shown, qtbot):
    view = panel_of(shown).view
    view.zoom_by(4.0, view.rectangle_of(0).topLeft())
    shown.session.show(Position(0, 0, 0))
    before = view.rectangle_of(0)
    middle = QPoint(view.width() // 2, view.height() // 2)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(view, middle - QPoint(20, 0))
    qtbot.mouseMove(view, middle - QPoint(40, 0))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=middle - QPoint(40, 0))
    assert view.rectangle_of(0).left() < before.left() - 15
    assert shown.session.shown == Position(0, 0, 0)
    view.fit()


def test_well_of_1536_is_found_by_its_pixel(viewer, make_acquired, qtbot):
    from planecast_viewer.plate_layout import row_name

    labels = [f"{row_name(row)}{column}:0" for row in range(32) for column in range(1, 49)]
    viewer.session.take_news(make_acquired(fov_labels=labels).news((0, 0, 0, 0)))
    viewer.window.docks["plate"].show()
    panel_of(viewer).refresh()
    view = panel_of(viewer).view
    for fov in (0, 47, 48, 1535):
        assert view.fov_at(view.rectangle_of(fov).center()) == fov
    assert view.fov_at(QPointF(-5, -5)) == -1


def test_scenes_of_a_file_lie_where_its_planetable_says(viewer, qtbot):
    scenes = [
        SceneInfo(
            name=f"s{n}", sizes={"Y": 8, "X": 8}, dtype="<u2", channels=[ChannelInfo(name="c")]
        )
        for n in range(3)
    ]
    info = ImageInfo(
        path="local:x.czi", format="czi", reader="r", scenes=scenes, has_planetable=True
    )
    viewer.window.docks["plate"].show()
    asked = []
    viewer.session.wishes.planetable_wanted.disconnect(viewer.worker.read_planetable)
    viewer.session.wishes.planetable_wanted.connect(asked.append)
    try:
        viewer.session.open_image(info)
        view = panel_of(viewer).view
        assert view.kind == "grid"
        assert "local:x.czi" in asked
        columns = {"S": [0, 1, 2], "X[micron]": [0.0, 500.0, 500.0], "Y[micron]": [0.0, 0.0, 900.0]}
        viewer.session.wishes.planetable_ready.emit("local:x.czi", PlaneTable.of(columns))
        assert view.kind == "stage"
        right, below = view.rectangle_of(1).center(), view.rectangle_of(2).center()
        assert right.x() == below.x()
        assert below.y() > right.y()
        assert len(asked) == len(set(asked))
    finally:
        viewer.session.wishes.planetable_wanted.disconnect(asked.append)
        viewer.session.wishes.planetable_wanted.connect(viewer.worker.read_planetable)


def test_hidden_map_does_nothing(shown, qtbot):
    shown.window.docks["plate"].hide()
    before = panel_of(shown).view._levels.copy()
    shown.session.take_news([shown.acquired.rows((0, 5, 0, 0), (0, 5, 0, 1))])
    assert not panel_of(shown)._timer.isActive()
    assert np.array_equal(panel_of(shown).view._levels, before)
    shown.window.docks["plate"].show()
    qtbot.waitUntil(lambda: panel_of(shown).view._levels[5] == 255)
