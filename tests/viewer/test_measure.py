"""Lines and rectangles: drawn with the mouse, measured in threads, shown in the panel."""

import math
import threading

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.errors import CorruptFileError
from planecast_viewer.measure.choice import curves_of, describe
from planecast_viewer.measure.layer import MeasureLayer, held
from planecast_viewer.measure.numbers import numbers_in, parts_of, profile
from planecast_viewer.measure.shapes import Line, Rectangle
from planecast_viewer.newest_wins import NewestWins

NUM_T, NUM_Z = 3, 4


def ramp(t, z):
    """64 × 96: the column's number times 10, and 1,000 a time point, 100 a z plane."""
    return np.tile(np.arange(96, dtype=np.uint16) * 10, (64, 1)) + 1000 * t + 100 * z


def plane_of(message):
    t, _slash, name = message.path.partition(":")[2].partition("/")
    return ramp(int(t), int(name.split("_")[1])).astype(np.uint16)


@pytest.fixture
def shown(viewer, make_acquired, client, answer_with, qtbot):
    acquired = make_acquired(channels=["GFP"], num_z=NUM_Z, num_t=NUM_T, pixel_size_um=0.5)
    indices = [(t, 0, z, 0) for t in range(NUM_T) for z in range(NUM_Z) if (t, z) != (1, 3)]
    canvas = viewer.window.view.canvas
    viewer.measuring.set_client(client)
    viewer.session.take_news(acquired.news(*indices))
    viewer.session.show(Position(1, 0, 1))
    with qtbot.waitSignal(canvas.frame_shown, check_params_cb=lambda _i: viewer.presenter.frame):
        client.answer_all(lambda message: answer_with(plane_of(message)))
    yield viewer
    viewer.session.measuring.clear()
    viewer.measuring.close()
    viewer.window.docks["measure"].hide()


@pytest.fixture
def panel(shown):
    return shown.window.docks["measure"].widget()


@pytest.fixture
def layer(shown):
    return shown.window.view.canvas.frontend_widget().findChild(MeasureLayer)


@pytest.fixture
def drag(shown, layer):
    """Drag from one pixel of the picture to another."""

    def drag(start, end, modifier=Qt.KeyboardModifier.NoModifier):
        points = []
        for corner in (start, end):
            x, y = shown.window.view.canvas.world_to_canvas(corner)
            points.append(QPoint(round(x), round(y)))
        QTest.mousePress(layer, Qt.MouseButton.LeftButton, modifier, points[0])
        QTest.mouseMove(layer, (points[0] + points[1]) / 2)
        # `QTest.mouseMove` has no modifiers.
        _move(layer, points[1], modifier)
        QTest.mouseRelease(layer, Qt.MouseButton.LeftButton, modifier, points[1])

    return drag


def _move(widget, point, modifier):
    from PySide6.QtCore import QEvent, QPointF
    from PySide6.QtGui import QMouseEvent

    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(point),
        QPointF(widget.mapToGlobal(point)),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton,
        modifier,
    )
    QGuiApplication.sendEvent(widget, event)


def test_line_has_a_length_and_a_profile(shown, panel, drag, qtbot):
    qtbot.keyClick(shown.window, Qt.Key.Key_L)
    assert panel.isVisible()
    assert panel.tools["line"].isChecked()
    drag((10.5, 30.5), (60.5, 30.5))
    # 50 px of 0.5 µm; a mouse is on whole pixels of the screen.
    length_um, unit, *_px = panel.length.text().split()
    assert (float(length_um), unit) == (pytest.approx(25, abs=0.2), "µm")
    qtbot.waitUntil(lambda: panel._measured is not None)
    (curve,) = panel._measured.profiles
    assert curve.name == "GFP"
    assert curve.x[-1] == pytest.approx(25, abs=0.2)
    # The middle of column 10 at t 1, z 1, and each column 10 more.
    assert curve.y[0] == pytest.approx(1200, abs=3)
    assert np.diff(curve.y) / np.diff(curve.x) == pytest.approx(20, rel=1e-6)
    assert panel.plot.isVisible()


def test_rectangle_has_the_numbers_of_the_shown_plane(shown, panel, drag, qtbot):
    qtbot.keyClick(shown.window, Qt.Key.Key_R)
    drag((20, 10), (30, 40))
    qtbot.waitUntil(lambda: panel._measured is not None)
    ((name, numbers),) = panel._measured.regions
    part = ramp(1, 1)[10:40, 20:30]
    assert name == "GFP"
    assert numbers.n_pixels == part.size
    assert numbers[1:] == pytest.approx((part.mean(), part.std(), part.min(), part.max()))
    assert "1345" in panel.numbers.text()


def test_numbers_follow_the_shown_plane(shown, panel, drag, client, answer_with, qtbot):
    qtbot.keyClick(shown.window, Qt.Key.Key_R)
    drag((20, 10), (30, 40))
    qtbot.waitUntil(lambda: panel._measured is not None)
    shown.session.show(Position(2, 0, 0))

    def mean():
        client.answer_all(lambda message: answer_with(plane_of(message)))
        return panel._measured.regions[0][1].mean

    qtbot.waitUntil(lambda: mean() == ramp(2, 0)[10:40, 20:30].mean())


def answer_scripts(client, value):
    for entry in list(client.asked):
        if entry.request not in client.cancelled and entry.message.priority == "script":
            client.answer(entry, value(entry.message))
    return True


def test_rectangle_is_followed_over_z_and_a_dot_leads_to_its_plane(
    shown, panel, drag, client, answer_with, qtbot
):
    qtbot.keyClick(shown.window, Qt.Key.Key_R)
    drag((20, 10), (30, 40))
    QTest.mouseClick(panel.over["z"], Qt.MouseButton.LeftButton)
    assert panel.cancel.isVisible()

    def answered():
        answer_scripts(client, lambda message: answer_with(plane_of(message)))
        return panel._series is not None

    qtbot.waitUntil(answered)
    assert not panel.cancel.isVisible()
    (curve,) = panel._series.curves
    expected = [ramp(1, z)[10:40, 20:30].mean() for z in range(3)]
    assert curve.y[:3] == pytest.approx(expected)
    assert math.isnan(curve.y[3])  # never acquired
    (highest,) = curves_of(panel._series, "maximum")
    assert highest.y[:3].tolist() == [ramp(1, z)[10:40, 20:30].max() for z in range(3)]
    assert panel.statistic.isVisible()
    panel.copy.click()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == "z\tGFP n\tGFP mean\tGFP sd\tGFP min\tGFP max"
    assert lines[1].split("\t")[:3] == ["0", "300", "1245"]
    assert lines[4].split("\t") == ["3", "", "", "", "", ""]
    panel.plot.row_chosen.emit(2)
    assert shown.session.shown == Position(1, 0, 2)


def test_planes_that_cannot_be_read_are_told(shown, panel, drag, client, answer_with, qtbot):
    qtbot.keyClick(shown.window, Qt.Key.Key_R)
    drag((20, 10), (30, 40))

    def value(message):
        broken = plane_of(message)[0, 0] >= 2000
        return CorruptFileError("x.tiff: cut") if broken else answer_with(plane_of(message))

    QTest.mouseClick(panel.over["t"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: answer_scripts(client, value) and panel._series is not None)
    assert panel.note.text() == "1 planes can't be read: x.tiff: cut"
    assert np.isnan(panel._series.curves[0].y).tolist() == [False, False, True]


def test_series_can_be_cancelled(shown, panel, drag, client, qtbot):
    qtbot.keyClick(shown.window, Qt.Key.Key_R)
    drag((20, 10), (30, 40))
    QTest.mouseClick(panel.over["t"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: any(e.message.priority == "script" for e in client.asked))
    QTest.mouseClick(panel.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.cancel.isVisible())
    assert panel._series is None
    asked = [e.request for e in client.asked if e.message.priority == "script"]
    assert set(asked) <= set(client.cancelled)


def test_shape_is_drawn_over_the_picture_and_goes_away(shown, layer, drag, qtbot):
    qtbot.keyClick(shown.window, Qt.Key.Key_R)
    drag((20, 10), (70, 40))
    canvas = shown.window.view.canvas
    x, y = canvas.world_to_canvas((45, 10))

    def color():
        grabbed = canvas.frontend_widget().grab().toImage()
        ratio = grabbed.devicePixelRatio()
        around = [
            grabbed.pixelColor(int(x * ratio), int((y + dy) * ratio)).getRgb()[:3]
            for dy in (-1, 0, 1)
        ]
        return max(around, key=lambda rgb: rgb[0] - rgb[2])

    red, green, blue = color()
    assert red > 150
    assert green > 130
    assert blue < 140
    qtbot.keyClick(shown.window, Qt.Key.Key_R, Qt.KeyboardModifier.ShiftModifier)
    assert shown.session.measuring.shape is None
    assert not layer.isVisible()
    assert color()[0] <= 150 or color()[2] > 140 or color()[0] == color()[2] == 0


def test_another_acquisition_is_measured_anew(shown, panel, drag, make_acquired, qtbot):
    qtbot.keyClick(shown.window, Qt.Key.Key_R)
    drag((20, 10), (70, 40))
    shown.session.take_news(make_acquired("exp8").news())
    assert shown.session.measuring.shape is None
    assert panel._measured is None
    assert "measuring" not in [thread.name for thread in threading.enumerate()]


def test_shift_holds_a_line_straight_and_a_rectangle_square(shown, drag, qtbot):
    qtbot.keyClick(shown.window, Qt.Key.Key_L)
    drag((10.5, 30.5), (60.5, 33.5), Qt.KeyboardModifier.ShiftModifier)
    line = shown.session.measuring.shape
    assert line.start[1] == line.end[1]
    assert held((0, 0), (10, 9), "line") == (10, 10)
    assert held((0, 0), (2, -9), "line") == (0, -9)
    assert held((5, 5), (1, 12), "rectangle") == (-2, 12)


def test_without_a_tool_the_mouse_is_the_canvas_s(shown, layer):
    assert layer.testAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)


# ---------------------------------------------------------------- numbers


def test_profile_between_pixels_is_interpolated_and_beyond_the_plane_there_is_none():
    pixels = np.array([[0, 10, 20], [100, 110, 120]], np.uint16)
    distance, values = profile(pixels, Line((0.5, 0.5), (2.5, 0.5)))
    assert distance.tolist() == [0, 1, 2]
    assert values.tolist() == [0, 10, 20]
    _distance, values = profile(pixels, Line((0.5, 0.5), (0.5, 1.5)))
    assert values.tolist() == [0, 100]
    _distance, values = profile(pixels, Line((1.0, 1.0), (1.0, 5.0)))
    assert values[0] == 55
    assert np.isnan(values[2:]).all()


def test_rectangle_takes_the_pixels_whose_middle_is_inside():
    assert Rectangle((0.4, 0.4), (2.6, 1.4)).bounds() == (0, 0, 3, 1)
    pixels = np.arange(12, dtype=np.float32).reshape(3, 4)
    pixels[0, 0] = np.nan
    numbers = numbers_in(pixels, Rectangle((2.6, 1.4), (-5, -5)))
    assert numbers.n_pixels == 2
    assert (numbers.minimum, numbers.maximum, numbers.mean, numbers.sd) == (1, 2, 1.5, 0.5)


def test_rectangle_beside_the_plane_has_no_numbers():
    numbers = numbers_in(np.ones((3, 3), np.uint8), Rectangle((10, 10), (20, 20)))
    assert numbers.n_pixels == 0
    assert math.isnan(numbers.mean)


def test_colours_are_measured_one_by_one():
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[..., 1] = 7
    parts = dict(parts_of("rgb", pixels))
    assert list(parts) == ["rgb red", "rgb green", "rgb blue"]
    assert parts["rgb green"].max() == 7


@pytest.mark.parametrize(
    ("shape", "um", "text"),
    [
        (Line((0, 0), (3, 4)), None, "5.0 px"),
        (Line((0, 0), (3, 4)), 0.5, "2.50 µm  (5.0 px)"),
        (Rectangle((0, 0), (3, 4)), None, "3 × 4 px"),
        (Rectangle((0, 0), (3, 4)), 0.5, "1.5 × 2.0 µm  (3 × 4 px)"),
    ],
)
def test_size_is_said_in_the_unit_that_is_known(shape, um, text):
    assert describe(shape, um) == text


def test_of_what_waits_only_the_newest_is_done():
    first, go, done = threading.Event(), threading.Event(), []
    newest = NewestWins("measuring", done.append)

    def block():
        first.set()
        assert go.wait(10)
        return "first"

    newest.submit(block)
    assert first.wait(10)
    for number in range(5):
        newest.submit(lambda n=number: n)
    last = threading.Event()
    newest._on_result = lambda result: (done.append(result), last.set() if result == 4 else None)
    go.set()
    assert last.wait(10)
    newest.stop()
    assert done == ["first", 4]
