"""How channels are shown: the panel, the picture, and what is remembered."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_viewer.looks import Look
from planecast_viewer.panels.display import EXCLUDED_PERCENT, gamma_of, slider_of
from planecast_viewer.plane_table import PlaneTable
from planecast_viewer.session import Session
from planecast_viewer.under_cursor import Hover, UnderCursor


def ramp(_message=None):
    """64 × 96, brighter from left to right: 0 to 950."""
    return np.tile(np.arange(96, dtype=np.uint16) * 10, (64, 1))


def brightness_at(viewer, x):
    canvas = viewer.window.view.canvas
    image = canvas.shown_image
    px, py = canvas.shown_view.to_canvas(x + 0.5, 30.5)
    ratio = image.devicePixelRatio()
    return max(image.pixelColor(int(px * ratio), int(py * ratio)).getRgb()[:3])


@pytest.fixture
def shown(viewer, make_acquired, client, answer_with, qtbot):
    """One gray channel on the canvas; no step is shown with it that was not chosen."""
    viewer.session.take_news(make_acquired(channels=["BF"], num_z=3).news((0, 0, 0, 0)))
    canvas = viewer.window.view.canvas
    with qtbot.waitSignal(canvas.frame_shown, check_params_cb=lambda _i: viewer.presenter.frame):
        client.answer_all(lambda message: answer_with(ramp(message)))
    return viewer


@pytest.fixture
def panel(shown):
    dock = shown.window.docks["display"]
    dock.show()
    dock.raise_()
    yield dock.widget()
    dock.hide()


def test_panel_names_the_channel_and_how_it_is_shown(panel):
    assert panel.channel == "BF"
    assert panel.contrast.currentText() == "follows each plane"
    assert panel.excluded.currentData() == 0.1
    assert panel.gamma_text.text() == "1.00"
    assert not panel.reset.isEnabled()


def test_gamma_below_one_makes_the_dark_brighter(shown, panel, qtbot):
    before = brightness_at(shown, 30)
    panel.gamma.setFocus()
    QTest.keyClick(panel.gamma, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: brightness_at(shown, 30) > before + 60)
    assert shown.session.looks.look("BF").gamma == pytest.approx(0.2)
    assert panel.gamma_text.text() == "0.20"


def test_keys_of_a_control_are_its_own_while_it_has_the_focus(shown, panel, qtbot):
    shown.window.activateWindow()
    panel.gamma.setFocus()
    qtbot.keyClick(panel.gamma, Qt.Key.Key_Left)
    assert panel.gamma.value() < 0
    assert shown.session.following
    panel.brightest.setFocus()
    qtbot.keyClick(panel.brightest, Qt.Key.Key_Space)
    assert shown.session.projection.on
    assert shown.window.player.axis is None
    shown.window.setFocus()


def test_reset_brings_it_back(shown, panel, qtbot):
    before = brightness_at(shown, 30)
    panel.gamma.setValue(-100)
    qtbot.waitUntil(lambda: brightness_at(shown, 30) > before + 60)
    QTest.mouseClick(panel.reset, Qt.MouseButton.LeftButton)
    # The panel that opened may have made the picture a little smaller.
    qtbot.waitUntil(lambda: abs(brightness_at(shown, 30) - before) < 15)
    assert panel.gamma.value() == 0


def test_contrast_of_now_stays_for_the_next_plane(shown, panel, acquired, client, answer_with):
    QTest.mouseClick(panel.once, Qt.MouseButton.LeftButton)
    assert panel.contrast.currentText() == "stays as it is"
    limits = shown.session.looks.look("BF").limits
    assert limits == (0, 950)
    lut = shown.window.view._lut(0)
    shown.session.take_news([acquired.rows((0, 0, 1, 0))])
    client.answer_all(lambda message: answer_with(ramp(message) // 10))
    assert (lut.clims.min, lut.clims.max) == limits


def test_limits_dragged_in_the_row_are_shown_in_the_panel_and_undone_there(shown, panel):
    row = shown.window.view._viewer._lut_controllers[0].lut_views[0].frontend_widget()
    row.clims.setValue((100, 300))
    assert panel.contrast.currentText() == "stays as it is"
    assert shown.session.looks.look("BF").limits == (100, 300)
    panel.contrast.setCurrentIndex(0)
    panel.contrast.activated.emit(0)
    assert shown.session.looks.look("BF").automatic
    assert row.clims.value() == (0, 950)


def test_more_may_be_left_out(shown, panel):
    row = EXCLUDED_PERCENT.index(5.0)
    panel.excluded.setCurrentIndex(row)
    panel.excluded.activated.emit(row)
    assert shown.session.looks.look("BF").exclude == 5.0


def test_colours_chosen_in_the_row_are_remembered(shown, panel):
    row = shown.window.view._viewer._lut_controllers[0].lut_views[0].frontend_widget()
    names = [row.cmap.itemText(number) for number in range(row.cmap.count())]
    assert "viridis" in names
    row.cmap.setCurrentIndex(names.index("viridis"))
    assert shown.session.looks.look("BF").colormap.endswith("viridis")
    shown.session.looks.set("BF", Look())
    assert shown.window.view._lut(0).cmap.name.endswith("gray")


def test_next_acquisition_has_the_looks_of_its_channels(
    viewer, make_acquired, client, answer_with, qtbot
):
    viewer.session.looks.set("GFP", Look(gamma=0.5, limits=(10, 20)))
    viewer.session.take_news(make_acquired("exp8", channels=["BF", "GFP"]).news())
    lut = viewer.window.view._lut(1)
    assert (lut.gamma, lut.clims.min, lut.clims.max) == (0.5, 10, 20)
    assert viewer.window.view._lut(0).gamma == 1
    panel = viewer.window.docks["display"].widget()
    assert [panel.channels.itemText(n) for n in range(2)] == ["BF", "GFP"]


def test_looks_are_given_to_all_channels(viewer, make_acquired):
    viewer.session.take_news(make_acquired("exp8", channels=["BF", "GFP"]).news())
    viewer.session.looks.set("GFP", Look(limits=(10, 20)))
    panel = viewer.window.docks["display"].widget()
    panel.gamma.setValue(50)
    panel.all.click()
    assert viewer.session.looks.look("GFP") == Look(gamma=gamma_of(50))


def test_brightest_of_all_z_by_key_and_by_click(shown, panel, client, answer_with, qtbot):
    window, session = shown.window, shown.session
    qtbot.keyClick(window, Qt.Key.Key_M)
    assert session.projection.on
    assert panel.brightest.isChecked()
    panel.brightest.click()
    assert not session.projection.on


def test_keys_zoom_about_the_middle(shown, qtbot):
    canvas, window = shown.window.view.canvas, shown.window
    before = canvas.view.world_per_px
    qtbot.keyClick(window, Qt.Key.Key_Plus)
    assert canvas.view.world_per_px == pytest.approx(before / 1.5)
    qtbot.keyClick(window, Qt.Key.Key_Minus)
    assert canvas.view.world_per_px == pytest.approx(before)
    qtbot.keyClick(window, Qt.Key.Key_0)


def test_space_plays_and_pauses(shown, make_acquired, qtbot):
    qtbot.keyClick(shown.window, Qt.Key.Key_Space)
    assert shown.window.player.axis == "z"
    assert shown.window.axes.rows["z"].play.isChecked()
    qtbot.keyClick(shown.window, Qt.Key.Key_Space)
    assert shown.window.player.axis is None


def hover(viewer, qtbot, x, y):
    canvas = viewer.window.view.canvas
    px, py = canvas.world_to_canvas((x, y))
    qtbot.mouseMove(canvas.frontend_widget(), QPoint(int(px), int(py)))


def test_lengths_are_told_where_the_size_of_a_pixel_is_known(
    viewer, make_acquired, client, answer_with, qtbot
):
    acquired = make_acquired(channels=["BF"], pixel_size_um=0.5)
    viewer.session.take_news(acquired.news((0, 0, 0, 0)))
    canvas = viewer.window.view.canvas
    with qtbot.waitSignal(canvas.frame_shown, check_params_cb=lambda _i: viewer.presenter.frame):
        client.answer_all(lambda message: answer_with(ramp(message)))
    hover(viewer, qtbot, 80.9, 30.9)
    text = viewer.window.pixel.text
    qtbot.waitUntil(lambda: text().startswith("x 80  y 30   40."))
    assert " µm   BF 800" in text()
    assert "stage" not in text()


def test_stage_is_told_where_the_file_knows_it(qapp):
    scene = SceneInfo(
        name="A1",
        sizes={"Y": 64, "X": 96},
        dtype="<u2",
        channels=[ChannelInfo(name="BF")],
        pixel_size_um={"x": 0.5, "y": 0.5},
    )
    info = ImageInfo(
        path="local:x.czi", format="czi", reader="czi", scenes=[scene], has_planetable=True
    )
    session = Session()
    cursor = UnderCursor(session)
    asked, said = [], []
    session.wishes.planetable_wanted.connect(asked.append)
    cursor.text_changed.connect(said.append)
    session.open_image(info)
    assert asked == []
    cursor.take(Hover(58, 32, (("BF", "7"),)))
    assert said[-1] == "x 58  y 32   29.0, 16.0 µm   BF 7"
    columns = {"S": [0], "T": [0], "Z": [0], "C": [0], "X[micron]": [1000.0], "Y[micron]": [-50.0]}
    session.wishes.planetable_ready.emit("local:x.czi", PlaneTable.of(columns))
    cursor.take(Hover(58, 32, (("BF", "7"),)))
    assert said[-1] == "x 58  y 32   29.0, 16.0 µm   stage 1005.0, -50.0 µm   BF 7"
    assert asked == ["local:x.czi"]
    cursor.take(None)
    assert said[-1] == ""


@pytest.mark.parametrize("value", [-100, -37, 0, 1, 64, 100])
def test_slider_of_gamma_goes_there_and_back(value):
    assert slider_of(gamma_of(value)) == value
