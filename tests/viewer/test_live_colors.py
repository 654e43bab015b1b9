"""Channels of coloured planes while they are acquired, and transmitted light by itself."""

import numpy as np
import pytest
from PySide6.QtCore import Qt

COLOR = (200, 100, 20)


def plane_of(message):
    """Even colour where the channel is the first, else gray."""
    if message.path.endswith("_0.tiff"):
        return np.full((64, 96, 3), COLOR, np.uint8)
    return np.full((64, 96), 500, np.uint16)


@pytest.fixture
def show(viewer, client, answer_with, qtbot):
    def show(acquired, *planes):
        viewer.session.take_news(acquired.news(*planes))
        canvas = viewer.window.view.canvas
        with qtbot.waitSignal(
            canvas.frame_shown, check_params_cb=lambda _i: viewer.presenter.frame
        ):
            client.answer_all(lambda message: answer_with(plane_of(message)))
        return viewer

    return show


@pytest.fixture
def hover(viewer, qtbot):
    """Bring the mouse to the middle of the picture, until this is said of it."""
    canvas = viewer.window.view.canvas.frontend_widget()

    def is_said(text):
        # The rows of the channels may still change the height of the canvas.
        qtbot.mouseMove(canvas, canvas.rect().center())
        return viewer.window.pixel.text().endswith(text)

    return lambda text: qtbot.waitUntil(lambda: is_said(text))


def color_at(viewer, x, y):
    canvas = viewer.window.view.canvas
    image = canvas.shown_image
    px, py = canvas.shown_view.to_canvas(x + 0.5, y + 0.5)
    ratio = image.devicePixelRatio()
    return image.pixelColor(int(px * ratio), int(py * ratio)).getRgb()[:3]


def rows(viewer):
    controllers = viewer.window.view._viewer._lut_controllers
    return {key: one.lut_views[0].frontend_widget() for key, one in controllers.items()}


def test_coloured_planes_are_shown_in_their_colours_and_have_no_colormap(
    show, make_acquired, qtbot
):
    viewer = show(make_acquired(channels=["H&E"]), (0, 0, 0, 0))
    # What was composed for the window's former size may come to the screen first.
    qtbot.waitUntil(lambda: color_at(viewer, 10, 30) == COLOR)
    assert not rows(viewer)[0].cmap.isVisible()
    assert "uint8" in viewer.window.view.wrapper.summary_info()


def test_coloured_pixel_under_the_mouse_is_named_with_all_its_values(
    show, make_acquired, hover, capsys
):
    show(make_acquired(channels=["H&E", "GFP"]), (0, 0, 0, 0), (0, 0, 0, 1))
    hover("H&E 200 100 20   GFP 500")
    assert "Error" not in capsys.readouterr().err


def test_value_under_a_mouse_that_rests_is_that_of_the_plane_that_is_shown(
    show, make_acquired, hover, client, answer_with, qtbot
):
    acquired = make_acquired(channels=["H&E"])
    viewer = show(acquired, (0, 0, 0, 0))
    hover("200 100 20")
    viewer.session.take_news([acquired.rows((1, 0, 0, 0))])
    client.answer_all(lambda _message: answer_with(np.full((64, 96, 3), 7, np.uint8)))
    qtbot.waitUntil(lambda: viewer.window.pixel.text().endswith("7 7 7"))


def test_transmitted_light_is_dim_beside_others_and_bright_alone(show, make_acquired, qtbot):
    viewer = show(make_acquired(channels=["DAPI", "BF"]), (0, 0, 0, 0), (0, 0, 0, 1))
    assert viewer.window.view.luts([1])[1].colors[-1] == 0x8C
    qtbot.keyClick(viewer.window, Qt.Key.Key_1)
    assert viewer.window.view.luts([1])[1].colors[-1] == 0xFF
    qtbot.keyClick(viewer.window, Qt.Key.Key_1)
    assert viewer.window.view.luts([1])[1].colors[-1] == 0x8C


def test_hidden_channel_is_hidden_in_the_next_acquisition_and_not_asked_for(
    show, make_acquired, client, qtbot
):
    viewer = show(make_acquired(), (0, 0, 0, 0), (0, 0, 0, 1))
    qtbot.keyClick(viewer.window, Qt.Key.Key_2)
    viewer.session.take_news(make_acquired("next").news((0, 0, 0, 0), (0, 0, 0, 1)))
    assert viewer.session.channel_visible == (True, False)
    assert [one.message.path for one in client.open] == ["data:0/0_0_0.tiff"]


def test_one_channel_at_a_time_stays_so_in_the_next_acquisition(show, make_acquired, qtbot):
    viewer = show(make_acquired(), (0, 0, 0, 0), (0, 0, 0, 1))
    qtbot.keyClick(viewer.window, Qt.Key.Key_C)
    viewer.session.take_news(make_acquired("next").news((0, 0, 0, 0), (0, 0, 0, 1)))
    assert viewer.session.channel_visible == (True, False)
    assert viewer.window.channels.single
    # The box in a row chooses, too.
    rows(viewer)[1].visible.click()
    assert viewer.session.channel_visible == (False, True)
    rows(viewer)[1].visible.click()
    assert viewer.session.channel_visible == (False, True)
    qtbot.waitUntil(rows(viewer)[1].visible.isChecked)
    qtbot.keyClick(viewer.window, Qt.Key.Key_C)
    assert viewer.session.channel_visible == (True, True)
