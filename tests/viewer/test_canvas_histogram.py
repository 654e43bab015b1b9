"""Histograms that need no OpenGL, alone and in ndv."""

from collections.abc import Iterator

import ndv
import numpy as np
import pytest
from ndv.controllers import _channel_controller
from ndv.controllers._image_stats import compute_image_stats
from ndv.models import ArrayViewerModel, LUTModel
from ndv.models._lut_model import ClimsManual
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from planecast_viewer.canvas import canvas_of
from planecast_viewer.canvas.histogram import (
    RasterHistogram,
    RasterSharedHistogram,
    bounded,
    brightest,
)
from planecast_viewer.canvas.histogram_plot import HistogramPlot, Trace, ticks


def trace(values: list[float], bins: int = 100) -> Trace:
    made = Trace(QColor("red"))
    made.set_counts(*np.histogram(values, bins=bins, range=(0, 100)))
    return made


def test_columns_hold_the_number_of_pixels_whatever_their_width() -> None:
    made = trace([10.5] * 7 + [50.5] * 3)
    assert made.occupied() == (10, 51)
    for n_columns in (10, 100, 1000):
        heights = made.heights(0, 100, n_columns)
        assert heights.sum() == pytest.approx(10)
        assert heights[: n_columns // 4].sum() == pytest.approx(7)
    assert made.heights(20, 40, 50).sum() == 0


def test_an_empty_histogram_has_no_range() -> None:
    empty = Trace(QColor("red"))
    assert empty.occupied() is None
    assert empty.heights(0, 1, 5).tolist() == [0] * 5
    empty.set_counts(np.zeros(4), np.arange(5))
    assert empty.occupied() is None


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0, 100, 5, [0, 20, 40, 60, 80, 100]),
        (95, 3180, 4, [1000, 2000, 3000]),
        (-0.2, 1.1, 3, [0, 0.5, 1]),
        (5, 5, 3, []),
        (0, float("inf"), 3, []),
    ],
)
def test_ticks_are_round_numbers(
    low: float, high: float, count: int, expected: list[float]
) -> None:
    assert ticks(low, high, count) == pytest.approx(expected)


def test_dark_colours_are_made_light_enough_and_light_ones_are_kept() -> None:
    assert brightest((0, 1, 0, 1)) == QColor(0, 255, 0)
    blue = brightest((0, 0, 1, 1))
    assert blue.blue() == 255
    assert blue.red() == blue.green() > 60


def test_limits_stay_within_bounds() -> None:
    assert bounded((-5, 70_000), (0, 65535)) == (0, 65535)
    assert bounded((-5, 70_000), (None, None)) == (-5, 70_000)
    assert bounded((-9, -7), (0, 255)) == (0, 0)


@pytest.fixture
def histogram(qtbot: QtBot) -> RasterHistogram:
    histogram = RasterHistogram()
    histogram.model = LUTModel(clims=ClimsManual(min=20, max=80))
    histogram.set_data(*np.histogram(np.arange(100), bins=100, range=(0, 100)))
    plot = histogram.frontend_widget()
    plot.resize(400, 120)
    qtbot.addWidget(plot)
    plot.show()
    return histogram


def drag(plot: HistogramPlot, start: QPoint, end: QPoint) -> None:
    QTest.mousePress(plot, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(plot, end)
    QTest.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=end)


def x_of(plot: HistogramPlot, value: float) -> int:
    return round(plot.to_x(value))


def test_a_limit_is_dragged(histogram: RasterHistogram) -> None:
    plot, model = histogram.frontend_widget(), histogram.model
    assert model is not None
    drag(plot, QPoint(x_of(plot, 20), 20), QPoint(x_of(plot, 40), 20))
    assert model.clims.min == pytest.approx(40, abs=0.5)
    assert model.clims.max == 80
    drag(plot, QPoint(x_of(plot, 80), 90), QPoint(x_of(plot, 10), 90))
    assert model.clims.max == model.clims.min


def test_gamma_is_dragged_and_reset_by_a_double_click(histogram: RasterHistogram) -> None:
    plot, model = histogram.frontend_widget(), histogram.model
    assert model is not None
    dot = plot._gamma_handle((20, 80), 1).toPoint()
    drag(plot, dot, dot + QPoint(0, 25))
    assert model.gamma == pytest.approx(2, abs=0.1)
    dot = plot._gamma_handle((20, 80), model.gamma).toPoint()
    QTest.mouseDClick(plot, Qt.MouseButton.LeftButton, pos=dot)
    assert model.gamma == 1


def test_the_axis_is_dragged_and_reset_by_a_double_click(histogram: RasterHistogram) -> None:
    plot = histogram.frontend_widget()
    whole = plot.range()
    under = plot.to_value(200)
    drag(plot, QPoint(200, 10), QPoint(260, 10))
    assert plot.to_value(260) == pytest.approx(under, abs=0.5)
    QTest.mouseDClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(200, 10))
    assert plot.range() == whole


def test_the_histogram_is_painted_in_the_colour_of_the_channel(
    histogram: RasterHistogram,
) -> None:
    assert histogram.model is not None
    histogram.model.cmap = "green"
    shown = histogram.frontend_widget().grab().toImage()
    colors = [shown.pixelColor(x, 100) for x in range(30, 370)]
    assert all(color.green() > color.red() for color in colors)


def test_the_shared_histogram_tells_which_channel_is_dragged(qtbot: QtBot) -> None:
    shared = RasterSharedHistogram()
    plot = shared.frontend_widget()
    qtbot.addWidget(plot)
    plot.resize(400, 120)
    plot.show()
    for key, clims in ((0, (10, 50)), (1, (30, 90))):
        shared.set_channel_data(key, *np.histogram(np.arange(100), bins=50, range=(0, 100)))
        shared.set_channel_clims(key, clims)
        shared.set_channel_name(key, f"channel {key}")
    dragged: list[tuple[object, tuple[float, float]]] = []
    shared.climsChanged.connect(lambda key, clims: dragged.append((key, clims)))
    drag(plot, QPoint(x_of(plot, 90), 20), QPoint(x_of(plot, 70), 20))
    assert dragged[-1][0] == 1
    assert dragged[-1][1] == pytest.approx((30, 70), abs=0.5)
    shared.set_channel_visible(1, visible=False)
    assert plot.range()[1] < 110
    shared.remove_channel(1)
    assert list(plot.traces) == [0]


@pytest.fixture
def viewer(
    qtbot: QtBot,
    ndv_offline: None,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[ndv.ArrayViewer]:
    # The window of another test may have given ndv the worker's statistics; here is no worker.
    monkeypatch.setattr(_channel_controller, "compute_image_stats", compute_image_stats)
    data = np.random.default_rng(0).integers(0, 4000, (2, 64, 64), dtype=np.uint16)
    options = ArrayViewerModel(use_shared_histogram=request.param)
    viewer = ndv.ArrayViewer(data, viewer_options=options, channel_axis=0, channel_mode="composite")
    canvas = canvas_of(viewer)
    viewer.show()
    qtbot.waitUntil(lambda: canvas.is_current and canvas.shown_image is not None)
    yield viewer
    canvas.close()
    viewer.close()
    viewer.widget().deleteLater()


@pytest.mark.parametrize("viewer", [False, True], indirect=True, ids=["each channel", "shared"])
def test_ndv_shows_our_histogram_when_its_button_is_clicked(
    viewer: ndv.ArrayViewer, qtbot: QtBot
) -> None:
    widget = viewer.widget()
    assert widget.findChildren(HistogramPlot) == []
    buttons = [
        button
        for button in widget.findChildren(QPushButton)
        if button.isVisible() and "histogram" in button.toolTip().lower()
    ]
    luts = [view._qwidget.histogram_btn for view in viewer._view._luts.values()]
    for button in buttons or luts:
        button.click()
    plots = widget.findChildren(HistogramPlot)
    assert len(plots) == (1 if buttons else 2)
    traces = [trace for plot in plots for trace in plot.traces.values()]
    qtbot.waitUntil(lambda: sum(t.cumulated is not None for t in traces) == 2)
    assert {t.cumulated[-1] for t in traces if t.cumulated is not None} == {64 * 64}
    viewer.display_model.luts[0].clims = ClimsManual(min=7, max=77)
    assert (7, 77) in [t.clims for t in traces]
