"""The window, fed by a client that answers when the test says so."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QThread
from PySide6.QtWidgets import QApplication, QScrollArea

from planecast_agent.subscriber.known_planes import Position
from planecast_agent.subscriber.news import AcquisitionsListed, LinkState
from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.errors import CorruptFileError
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_viewer.panels import PANELS, panel_class
from planecast_viewer.panels.panel import Panel


def step_plane(message):
    """64 × 96: the right half bright, in the channel's own brightness."""
    plane = np.zeros((64, 96), np.uint16)
    plane[:, 48:] = 1000
    return plane


def color_at(viewer, x, y):
    """Return the colour on the canvas over a pixel of the plane."""
    canvas = viewer.window.view.canvas
    image = canvas.shown_image
    px, py = canvas.shown_view.to_canvas(x + 0.5, y + 0.5)
    ratio = image.devicePixelRatio()
    return image.pixelColor(int(px * ratio), int(py * ratio)).getRgb()[:3]


@pytest.fixture
def shown(viewer, acquired, client, answer_with, qtbot):
    """The window with the planes of one position on the canvas."""
    viewer.session.take_news(acquired.news((0, 0, 0, 0), (0, 0, 0, 1)))
    canvas = viewer.window.view.canvas
    with qtbot.waitSignal(canvas.frame_shown, check_params_cb=lambda _i: viewer.presenter.frame):
        client.answer_all(lambda message: answer_with(step_plane(message)))
    return viewer


def test_plane_is_on_the_canvas_with_the_colours_of_its_channels(shown):
    dark, bright = color_at(shown, 10, 30), color_at(shown, 80, 30)
    assert dark == (0, 0, 0)
    red, _green, blue = bright
    assert blue > red > 100  # dim gray of BF, and DAPI's blue


def test_hidden_channel_leaves_the_picture_and_others_stay(shown, qtbot):
    window = shown.window
    assert len(set(color_at(shown, 80, 30))) > 1
    qtbot.keyClick(window, Qt.Key.Key_2)
    assert shown.session.channel_visible == (True, False)
    qtbot.waitUntil(lambda: len(set(color_at(shown, 80, 30))) == 1)
    assert color_at(shown, 80, 30)[0] > 100


def test_a_channel_that_is_shown_again_waits_for_its_plane_of_this_place(
    shown, acquired, client, answer_with, qtbot
):
    """Not the one that was shown when it was hidden: of another place."""
    canvas, session = shown.window.view.canvas, shown.session
    session.set_following(False)
    session.set_channel_visible((True, False))
    session.take_news([acquired.rows((1, 0, 0, 0), (1, 0, 0, 1))])
    session.move(Position(1, 0, 0))
    client.answer_all(lambda message: answer_with(step_plane(message)))
    qtbot.waitUntil(lambda: shown.presenter.frame.position == Position(1, 0, 0))
    session.set_channel_visible((True, True))
    qtbot.waitUntil(lambda: canvas.is_current)
    assert len(set(color_at(shown, 80, 30))) == 1
    client.answer_all(lambda message: answer_with(step_plane(message)))
    qtbot.waitUntil(lambda: len(set(color_at(shown, 80, 30))) > 1)


def test_one_channel_at_a_time(shown, qtbot):
    qtbot.keyClick(shown.window, Qt.Key.Key_C)
    assert shown.session.channel_visible == (True, False)
    qtbot.keyClick(shown.window, Qt.Key.Key_2)
    assert shown.session.channel_visible == (False, True)
    qtbot.keyClick(shown.window, Qt.Key.Key_C)
    assert shown.session.channel_visible == (True, True)


def test_next_acquisition_shows_nothing_of_the_last(shown, make_acquired, client, qtbot):
    canvas = shown.window.view.canvas
    shown.session.take_news(make_acquired("exp8", channels=["DAPI"]).news())
    qtbot.waitUntil(lambda: canvas.shown_image is None)
    assert shown.window.windowTitle().startswith("exp8")


def test_missing_plane_is_said_on_an_empty_canvas(shown, acquired, client, qtbot):
    canvas = shown.window.view.canvas
    shown.session.take_news([acquired.rows((0, 1, 1, 0), (0, 1, 1, 1))])
    shown.session.show(Position(0, 1, 1))
    client.answer_all(lambda _message: CorruptFileError("x.tiff: cut in the middle"))
    qtbot.waitUntil(lambda: canvas.message == "failed: x.tiff: cut in the middle")
    qtbot.waitUntil(lambda: color_at(shown, 80, 30) == (0, 0, 0))


def test_failed_plane_is_in_the_event_log(shown, acquired, client, qtbot):
    log = shown.window.docks["log"].widget()
    shown.session.take_news([acquired.rows((0, 1, 1, 0))])
    shown.session.show(Position(0, 1, 1))
    client.answer_all(lambda _message: CorruptFileError("x.tiff: cut"))
    qtbot.waitUntil(lambda: "t 0, A1:1, z 1, BF: x.tiff: cut" in log.text.toPlainText())


def test_keys_move_the_sliders_and_hold(shown, qtbot):
    window, session = shown.window, shown.session
    qtbot.keyClick(window, Qt.Key.Key_Up)
    assert session.shown == Position(0, 0, 1)
    assert not session.following
    qtbot.keyClick(window, Qt.Key.Key_PageDown)
    assert session.shown == Position(0, 1, 1)
    assert window.axes.rows["fov"].slider.value() == 1
    assert window.axes.rows["fov"].names.currentText() == "A1:1"
    qtbot.keyClick(window, Qt.Key.Key_F)
    assert session.following


def test_slider_moved_by_hand_holds_and_says_where_it_is(shown):
    rows = shown.window.axes.rows
    rows["z"].slider.setValue(2)
    assert shown.session.shown == Position(0, 0, 2)
    assert not shown.session.following
    assert rows["z"].text.text() == "2   (3 of 3)"


def test_badge_counts_what_was_missed_and_leads_back(shown, acquired, qtbot):
    tools, session = shown.window.tools, shown.session
    session.set_following(False)
    session.take_news([acquired.rows((0, 0, 1, 0), (0, 0, 1, 1))])
    qtbot.waitUntil(lambda: tools.badge.text() == "2 new planes – show newest")
    # A bar lays out its buttons a moment later.
    qtbot.waitUntil(tools.badge.isVisible)
    qtbot.mouseClick(tools.badge, Qt.MouseButton.LeftButton)
    assert session.following
    qtbot.waitUntil(lambda: not tools.badge.isVisible())


def test_newer_acquisition_is_offered_while_holding_and_taken_while_following(shown, qtbot):
    tools, session = shown.window.tools, shown.session

    def listed(*names):
        facts = {"state": "running", "head": 1, "planes": 0, "started_at": 1.0}
        return AcquisitionsListed(
            tuple(AcquisitionSummary(acquisition=name, name=name, **facts) for name in names), ""
        )

    session.take_news([listed("exp7")])
    session.set_following(False)
    with qtbot.assertNotEmitted(tools.acquisition_chosen):
        session.take_news([listed("exp7", "exp8")])
    assert tools.badge.text() == "New acquisition: exp8"
    with qtbot.waitSignal(tools.acquisition_chosen) as chosen:
        qtbot.mouseClick(tools.badge, Qt.MouseButton.LeftButton)
    assert chosen.args == ["exp8"]
    with qtbot.waitSignal(tools.acquisition_chosen) as chosen:
        session.take_news([listed("exp7", "exp8", "exp9")])
    assert chosen.args == ["exp9"]


def test_status_line_says_who_is_there_and_how_much_came(shown, acquired):
    status, session = shown.window.status, shown.session
    session.take_news([LinkState("live")])
    session.set_worker_state(True, "connected")
    assert status.agent.text() == "● agent: live"
    assert status.worker.text() == "● reader: ready"
    assert status.planes.text() == "2 planes"
    assert status.canvas.text() == "raster"
    session.take_news([LinkState("silent", 4.0)])
    assert status.agent.text() == "● agent: away for 4 s"
    session.take_news([LinkState("live"), acquired.end("aborted")])
    assert status.planes.text() == "2 planes (aborted)"


def test_status_line_knows_the_total(viewer, make_acquired):
    acquired = make_acquired(num_t=10)
    viewer.session.take_news(acquired.news((0, 0, 0, 0)))
    viewer.session.take_news([LinkState("live")])
    assert viewer.window.status.planes.text() == "1 of 120 planes"


def test_empty_window_says_what_is_waited_for(viewer):
    viewer.session.take_news([LinkState("connecting")])
    empty = viewer.window.empty
    assert empty.isVisible()
    assert viewer.session.agent_address in empty.body.text()
    assert empty.command.text() == "planecast agent"
    viewer.session.take_news([LinkState("live")])
    assert empty.command.text() == "planecast demo"


def test_channel_of_another_dtype_and_size_is_shown_beside_the_others(
    viewer, acquired, client, answer_with, qtbot
):
    viewer.session.take_news(acquired.news((0, 0, 0, 0), (0, 0, 0, 1)))
    small = np.full((32, 48), 9, np.uint8)
    small[0, 0] = 0

    def plane(message):
        return step_plane(message) if message.path.endswith("_1.tiff") else small

    canvas = viewer.window.view.canvas
    with qtbot.waitSignal(canvas.frame_shown, check_params_cb=lambda _i: viewer.presenter.frame):
        client.answer_all(lambda message: answer_with(plane(message)))
    assert color_at(viewer, 20, 20)[0] > 100
    red, _green, blue = color_at(viewer, 80, 50)
    assert blue > red


def test_file_with_rgb_planes_is_shown_in_its_colours(viewer, client, answer_with, qtbot):
    scene = SceneInfo(
        name="s", sizes={"Y": 20, "X": 30, "S": 3}, dtype="|u1", channels=[ChannelInfo(name="rgb")]
    )
    viewer.session.open_image(
        ImageInfo(path="local:x.tif", format="tiff", reader="tifffile", scenes=[scene])
    )
    plane = np.zeros((20, 30, 3), np.uint8)
    plane[:, 10:] = (255, 100, 0)
    canvas = viewer.window.view.canvas
    with qtbot.waitSignal(canvas.frame_shown, check_params_cb=lambda _i: viewer.presenter.frame):
        client.answer_all(lambda _message: answer_with(plane))
    assert color_at(viewer, 20, 10) == (255, 100, 0)


def test_drawing_happens_in_the_gui_thread(viewer, acquired, client, answer_with, qtbot):
    threads = []
    viewer.presenter.frame_ready.connect(lambda *_args: threads.append(QThread.currentThread()))
    viewer.session.take_news(acquired.news((0, 0, 0, 0), (0, 0, 0, 1)))
    client.answer_all(lambda message: answer_with(step_plane(message)))
    qtbot.waitUntil(lambda: bool(threads))
    assert set(threads) == {QApplication.instance().thread()}


def test_histogram_is_drawn_from_the_workers_numbers(shown, monkeypatch):
    controllers = shown.window.view._viewer._lut_controllers
    told = []
    controllers[0].stats_updated.connect(told.append)
    shown.presenter._drawn = ()
    shown.presenter.update()
    shown.session.set_following(False)
    assert told
    assert len(told[-1].counts) == 256
    controllers[0].stats_updated.disconnect(told.append)


def test_rows_of_channels_that_are_not_there_stay_hidden_with_the_histogram(shown, qtbot):
    window = shown.window
    controllers = window.view._viewer._lut_controllers
    rows = {key: controllers[key].lut_views[0].frontend_widget() for key in (0, 1, 2, "RGB")}
    window.view._viewer._view.sharedHistogramRequested.emit()
    visible = {key: row.isVisible() for key, row in rows.items()}
    assert visible == {0: True, 1: True, 2: False, "RGB": False}


def test_pixel_under_the_mouse_is_named_with_its_channels(shown, qtbot):
    canvas = shown.window.view.canvas
    x, y = canvas.world_to_canvas((80.5, 30.5))
    qtbot.mouseMove(canvas.frontend_widget(), QPoint(int(x), int(y)))
    qtbot.waitUntil(lambda: shown.window.pixel.text().startswith("x 80  y 30"))
    assert shown.window.pixel.text().endswith("BF 1000   DAPI 1000")


def test_info_panel_names_what_is_known_and_nothing_else(shown):
    text = shown.window.docks["info"].widget().text.toPlainText()
    assert "exp7" in text
    assert "96 × 64 px" in text
    assert "pixel" not in text


@pytest.mark.parametrize("name", PANELS)
def test_every_panel_of_the_table_is_there(name):
    assert issubclass(panel_class(name), Panel)


def test_window_fits_a_small_screen_with_every_panel_open(shown, make_acquired):
    window, session = shown.window, shown.session
    for dock in window.docks.values():
        dock.show()
    for dock in window.docks.values():
        dock.raise_()  # those behind it count, too
        QApplication.processEvents()
        least = window.minimumSizeHint()
        assert (least.width(), least.height()) <= (1000, 700), dock.objectName()
        assert least.height() <= 700, dock.objectName()
    session.set_worker_state(False, "no reader worker answers at unix:///run/worker " * 5)
    assert window.minimumSizeHint().width() <= 1000


def test_a_line_that_comes_after_a_warning_has_the_colour_of_text(viewer):
    log = viewer.window.docks["log"].widget()
    viewer.session.logged.emit("warning", "the disk is nearly full")
    viewer.session.logged.emit("info", "acquisition exp8 started")
    block = log.text.document().lastBlock()
    form = next(iter(block)).fragment().charFormat()
    assert "exp8" in block.text()
    assert form.foreground().style() == Qt.BrushStyle.NoBrush


@pytest.mark.parametrize("name", ["display", "measure"])
def test_nothing_of_a_form_is_cut_off_at_its_side(shown, name, qtbot):
    dock = shown.window.docks[name]
    dock.show()
    dock.raise_()
    area = dock.widget().findChild(QScrollArea)
    qtbot.waitUntil(lambda: area.widget().width() <= area.viewport().width())
    assert dock.width() >= area.widget().minimumSizeHint().width()
