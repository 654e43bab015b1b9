"""An `ndv.ArrayViewer` on the raster canvas: its pixels are read back from the screen."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import ndv
import numpy as np
import numpy.typing as npt
import pytest
from ndv.models import ArrayViewerModel
from ndv.models._lut_model import ClimsManual
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from planecast_viewer.canvas import View, canvas_of
from planecast_viewer.canvas.raster import NO_VOLUMES, RasterCanvas

Show = Callable[..., tuple[ndv.ArrayViewer, RasterCanvas]]


def pixels(image: QImage):
    """Return a `QImage` as an array (y, x, rgb)."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    packed = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1)
    return np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=-1)


def on_screen(canvas: RasterCanvas):
    """Return what the widget paints, as an array (y, x, rgb)."""
    return pixels(canvas.frontend_widget().grab().toImage())


def color_at(canvas: RasterCanvas, x: float, y: float):
    """Return the colour on the screen at the world point (x, y)."""
    column, row = canvas.world_to_canvas((x, y))
    return on_screen(canvas)[int(row), int(column)].tolist()


@pytest.fixture
def show(qtbot: QtBot, ndv_offline: None) -> Iterator[Show]:
    """Show an array in a viewer whose canvas shows one image pixel as 4 by 4."""
    viewers = []

    def _show(
        data: npt.NDArray[Any],
        *,
        clims: tuple[float, float] = (0, 255),
        n_channels: int = 1,
        **kwargs: Any,
    ) -> tuple[ndv.ArrayViewer, RasterCanvas]:
        for lut in (kwargs.setdefault("default_lut", {}), *kwargs.get("luts", {}).values()):
            lut["clims"] = ClimsManual(min=clims[0], max=clims[1])
        viewer = ndv.ArrayViewer(data, **kwargs)
        canvas = canvas_of(viewer)
        viewers.append(viewer)
        canvas.frontend_widget().setFixedSize(300, 240)
        viewer.show()
        qtbot.waitUntil(lambda: len(canvas._images) == n_channels)
        canvas.look_at(View(-5, -5, 0.25))
        qtbot.waitUntil(lambda: canvas.is_current)
        return viewer, canvas

    yield _show
    for viewer in viewers:
        canvas_of(viewer).close()
        viewer.close()
        viewer.widget().deleteLater()


def scene(dtype: npt.DTypeLike = np.uint8):
    """Return a plane of 40 by 60 in which every pixel differs from its neighbours."""
    return (np.arange(40)[:, None] * 5 + np.arange(60)).astype(dtype)


def gray(viewer: ndv.ArrayViewer):
    return viewer.display_model.default_lut


def test_the_screen_shows_each_pixel_through_its_lookup_table(show: Show) -> None:
    _viewer, canvas = show(scene())
    shown = on_screen(canvas)
    assert shown.shape == (240, 300, 3)
    expected = np.zeros((240, 300), int)
    expected[20:180, 20:260] = np.repeat(np.repeat(scene(), 4, axis=0), 4, axis=1)
    # 256 levels over 255 steps: a value v is shown as floor(v * 256 / 255) = v, but 255 = 255.
    assert np.abs(shown - expected[..., None]).max() <= 1


def test_the_frame_that_is_announced_is_the_frame_on_the_screen(show: Show, qtbot: QtBot) -> None:
    _viewer, canvas = show(scene())
    view = View(3, 4, 0.5)

    def is_of_view(_image: QImage) -> bool:  # of an earlier one a frame may be under way
        return canvas.shown_view == view

    with qtbot.waitSignal(canvas.frame_shown, check_params_cb=is_of_view) as announced:
        canvas.look_at(view)
    assert announced.args[0] is canvas.shown_image
    assert (pixels(canvas.shown_image) == on_screen(canvas)).all()


def test_two_channels_are_added(show: Show) -> None:
    data = np.zeros((2, 40, 60), np.uint16)
    data[0, :, 10:30] = 1000
    data[1, :, 20:40] = 500
    _viewer, canvas = show(
        data,
        clims=(0, 1000),
        n_channels=2,
        channel_axis=0,
        channel_mode="composite",
        luts={0: {"cmap": "red"}, 1: {"cmap": "green"}},
    )
    assert color_at(canvas, 5.5, 20.5) == [0, 0, 0]
    assert color_at(canvas, 15.5, 20.5) == [255, 0, 0]
    assert color_at(canvas, 35.5, 20.5) == [0, 128, 0]
    assert color_at(canvas, 25.5, 20.5) == [255, 128, 0]


def test_a_hidden_channel_leaves_the_picture(show: Show, qtbot: QtBot) -> None:
    data = np.full((2, 40, 60), 255, np.uint8)
    viewer, canvas = show(
        data,
        n_channels=2,
        channel_axis=0,
        channel_mode="composite",
        luts={0: {"cmap": "red"}, 1: {"cmap": "green"}},
    )
    assert color_at(canvas, 5.5, 5.5) == [255, 255, 0]
    viewer.display_model.luts[0].visible = False
    qtbot.waitUntil(lambda: canvas.is_current)
    assert color_at(canvas, 5.5, 5.5) == [0, 255, 0]
    viewer.display_model.luts[1].visible = False
    qtbot.waitUntil(lambda: canvas.is_current)
    assert color_at(canvas, 5.5, 5.5) == [0, 0, 0]


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "i4", "f4", "f8", "?"])
def test_every_dtype_is_shown_and_can_follow_another_in_one_viewer(
    show: Show, qtbot: QtBot, dtype: str
) -> None:
    viewer, canvas = show(scene())
    data = np.zeros((40, 60), dtype)
    data[:, 30:] = 1
    gray(viewer).clims = ClimsManual(min=0, max=1)
    viewer.data = data
    qtbot.waitUntil(lambda: canvas.is_current)
    qtbot.waitUntil(lambda: color_at(canvas, 45.5, 20.5) == [255, 255, 255])
    assert color_at(canvas, 15.5, 20.5) == [0, 0, 0]


def test_colour_pictures_keep_their_colours(show: Show) -> None:
    data = np.zeros((40, 60, 3), np.uint8)
    data[:20] = [250, 120, 30]
    data[20:] = [1, 2, 3]
    _viewer, canvas = show(data, luts={"RGB": {}})
    assert color_at(canvas, 30.5, 10.5) == [250, 120, 30]
    assert color_at(canvas, 30.5, 30.5) == [1, 2, 3]


def test_contrast_and_gamma_change_the_picture_at_once(show: Show, qtbot: QtBot) -> None:
    viewer, canvas = show(np.full((40, 60), 64, np.uint8))
    gray(viewer).clims = ClimsManual(min=0, max=128)
    qtbot.waitUntil(lambda: canvas.is_current)
    assert color_at(canvas, 9.5, 9.5) == [128] * 3
    gray(viewer).gamma = 2
    qtbot.waitUntil(lambda: canvas.is_current)
    assert color_at(canvas, 9.5, 9.5) == [64] * 3


def test_the_picture_is_fitted_until_the_user_moves_it(show: Show, qtbot: QtBot) -> None:
    _viewer, canvas = show(scene())
    widget = canvas.frontend_widget()
    canvas.set_range()
    for size in ((500, 300), (200, 400)):
        widget.setFixedSize(*size)
        qtbot.waitUntil(lambda size=size: canvas.shown_image.width() == size[0])
        left, top = canvas.world_to_canvas((0, 0))
        right, bottom = canvas.world_to_canvas((60, 40))
        assert left == pytest.approx(size[0] - right)
        assert top == pytest.approx(size[1] - bottom)
        assert min(left, top) == pytest.approx(0, abs=6)
    moved = View(1, 2, 0.5)
    canvas.look_at(moved)
    widget.setFixedSize(300, 300)
    qtbot.waitUntil(lambda: canvas.shown_image.width() == 300)
    assert canvas.view == moved


def test_another_picture_size_is_fitted_again(show: Show, qtbot: QtBot) -> None:
    viewer, canvas = show(scene())
    viewer.data = np.zeros((400, 600), np.uint8)
    qtbot.waitUntil(lambda: canvas.is_current)
    qtbot.waitUntil(lambda: canvas.view.world_per_px > 1)
    right, bottom = canvas.world_to_canvas((600, 400))
    assert 0 < bottom <= 240
    assert 0 < right <= 300


def test_the_wheel_zooms_about_the_cursor(show: Show, qtbot: QtBot) -> None:
    _viewer, canvas = show(scene())
    before = canvas.canvas_to_world((100, 50))
    widget = canvas.frontend_widget()
    at = QPointF(100, 50)
    event = QWheelEvent(
        at,
        widget.mapToGlobal(at),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QCoreApplication.sendEvent(widget, event)
    qtbot.waitUntil(lambda: canvas.is_current)
    assert canvas.view.world_per_px == pytest.approx(0.25 * 0.64)
    assert canvas.canvas_to_world((100, 50)) == pytest.approx(before)


def test_a_drag_pans_and_a_double_click_fits(show: Show, qtbot: QtBot) -> None:
    _viewer, canvas = show(scene())
    widget = canvas.frontend_widget()
    qtbot.mousePress(widget, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    drag(widget, QPoint(140, 80))
    qtbot.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=QPoint(140, 80))
    qtbot.waitUntil(lambda: canvas.is_current)
    assert canvas.view == pytest.approx(View(-15, 0, 0.25))
    drag(widget, QPoint(10, 10), Qt.MouseButton.NoButton)
    assert canvas.view == pytest.approx(View(-15, 0, 0.25))
    qtbot.mouseDClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    qtbot.waitUntil(lambda: canvas.is_current)
    assert canvas.canvas_to_world((150, 120))[:2] == pytest.approx((30, 20))


def drag(widget: QWidget, to: QPoint, button: Qt.MouseButton = Qt.MouseButton.LeftButton):
    """Move the mouse with a button held; `qtbot.mouseMove` holds none."""
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(to),
        QPointF(widget.mapToGlobal(to)),
        Qt.MouseButton.NoButton,
        button,
        Qt.KeyboardModifier.NoModifier,
    )
    QCoreApplication.sendEvent(widget, event)


def test_one_to_one_shows_a_pixel_as_a_pixel(show: Show, qtbot: QtBot) -> None:
    _viewer, canvas = show(scene())
    middle = canvas.canvas_to_world((150, 120))
    canvas.one_to_one()
    qtbot.waitUntil(lambda: canvas.is_current)
    assert canvas.view.world_per_px == pytest.approx(1)
    assert canvas.canvas_to_world((150, 120)) == pytest.approx(middle)


def test_scales_stretch_the_picture(show: Show, qtbot: QtBot) -> None:
    viewer, canvas = show(scene())
    viewer.display_model.scales.update({-2: 2.0, -1: 0.5})
    qtbot.waitUntil(lambda: canvas.is_current)
    assert canvas.world_to_canvas((30, 80))[0] - canvas.world_to_canvas((0, 0))[0] > 60
    qtbot.waitUntil(lambda: color_at(canvas, 29.8, 79.0) == [254] * 3)


def test_a_region_of_interest_is_drawn_moved_and_resized(show: Show, qtbot: QtBot) -> None:
    viewer, canvas = show(np.zeros((40, 60), np.uint8), viewer_options={"show_roi_button": True})
    viewer.roi = ((10, 10), (30, 20))
    corner, middle = (QPoint(60, 60), QPoint(100, 80))
    qtbot.waitUntil(lambda: on_screen(canvas)[60, 100].tolist() == [255, 255, 0])
    widget = canvas.frontend_widget()
    qtbot.mousePress(widget, Qt.MouseButton.LeftButton, pos=middle)
    drag(widget, middle + QPoint(8, 4))
    qtbot.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=middle + QPoint(8, 4))
    (x1, y1), (x2, y2) = viewer.roi.bounding_box
    assert (x1, y1, x2, y2) == pytest.approx((12, 11, 32, 21))
    corner += QPoint(8, 4)
    qtbot.mousePress(widget, Qt.MouseButton.LeftButton, pos=corner)
    drag(widget, corner - QPoint(20, 20))
    qtbot.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=corner)
    xs, ys = zip(*viewer.roi.bounding_box, strict=True)
    assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx((7, 6, 32, 21))
    assert canvas.view == View(-5, -5, 0.25)


def test_a_region_of_interest_is_placed_by_a_drag(show: Show, qtbot: QtBot) -> None:
    options = ArrayViewerModel()
    viewer, canvas = show(np.zeros((40, 60), np.uint8), viewer_options=options)
    options.interaction_mode = "create_roi"
    widget = canvas.frontend_widget()
    qtbot.mousePress(widget, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    drag(widget, QPoint(140, 100))
    qtbot.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=QPoint(140, 100))
    xs, ys = zip(*viewer.roi.bounding_box, strict=True)
    assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx((10, 10, 30, 20))
    assert options.interaction_mode == "pan_zoom"


def test_a_message_and_a_scale_bar_lie_over_the_picture(show: Show, qtbot: QtBot) -> None:
    _viewer, canvas = show(np.full((40, 60), 255, np.uint8))
    plain = on_screen(canvas)
    canvas.set_message("not written yet")
    assert canvas.message == "not written yet"
    with_message = on_screen(canvas)
    assert (with_message[100:140, 100:200] != plain[100:140, 100:200]).any()
    canvas.set_message(None)
    canvas.set_pixel_size(0.5)
    with_bar = on_screen(canvas)
    assert (with_bar[200:, 150:] != plain[200:, 150:]).any()
    canvas.set_pixel_size(None)
    assert (on_screen(canvas) == plain).all()


def test_the_value_under_the_cursor_is_told(show: Show, qtbot: QtBot) -> None:
    viewer, canvas = show(scene())
    drag(canvas.frontend_widget(), QPoint(20 + 4 * 7 + 2, 20 + 4 * 3 + 2), Qt.MouseButton.NoButton)
    assert viewer._view._qwidget.hover_info_label.text() == "[3, 7] 22"


def test_a_hidden_canvas_composes_nothing_and_catches_up_when_shown(
    show: Show, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, canvas = show(scene())
    submitted = []
    widget = canvas.frontend_widget()
    submit = widget._thread.submit
    monkeypatch.setattr(widget._thread, "submit", lambda w: (submitted.append(w), submit(w)))
    viewer.hide()
    viewer.data = np.full((40, 60), 7, np.uint8)
    qtbot.waitUntil(lambda: [i.data()[0, 0] for i in canvas._images] == [7])
    gray(viewer).clims = ClimsManual(min=0, max=7)
    QCoreApplication.processEvents()
    assert submitted == []
    viewer.show()
    qtbot.waitUntil(lambda: canvas.is_current)
    qtbot.waitUntil(lambda: color_at(canvas, 9.5, 9.5) == [255] * 3)


def test_three_dimensions_are_refused_in_words(show: Show, qtbot: QtBot) -> None:
    viewer, canvas = show(np.zeros((5, 40, 60), np.uint8))
    with pytest.raises(NotImplementedError, match="OpenGL"):
        canvas.add_volume(np.zeros((2, 2, 2)))
    assert viewer._view._qwidget.ndims_btn.isHidden()
    viewer.display_model.visible_axes = (0, 1, 2)
    assert canvas.message == NO_VOLUMES
    viewer.display_model.visible_axes = (1, 2)
    assert canvas.message is None


def composing() -> set[threading.Thread]:
    """Return the threads that compose; the window of another test may have one."""
    return {t for t in threading.enumerate() if t.name == "raster canvas"}


def test_close_ends_the_thread_and_lets_go_of_the_planes(show: Show, qtbot: QtBot) -> None:
    before = composing()
    _viewer, canvas = show(scene())
    assert len(composing() - before) == 1
    canvas.close()
    assert composing() == before
    canvas.close()
    canvas.refresh()
    QCoreApplication.processEvents()
    assert composing() == before


def test_a_viewer_deleted_without_close_leaves_no_thread(qtbot: QtBot, ndv_offline: None) -> None:
    before = composing()
    viewer = ndv.ArrayViewer(scene())
    canvas = canvas_of(viewer)
    with qtbot.waitSignal(canvas.frame_shown):
        viewer.show()
    viewer.widget().close()
    viewer.widget().deleteLater()
    qtbot.waitUntil(lambda: composing() == before)


def test_canvas_of_refuses_a_viewer_it_does_not_know(show: Show) -> None:
    viewer, canvas = show(scene())
    assert canvas_of(viewer) is canvas
    canvas.frontend_widget().setParent(None)
    with pytest.raises(LookupError):
        canvas_of(viewer)
    canvas.frontend_widget().setParent(viewer.widget())


def test_the_raster_canvas_needs_no_vispy() -> None:
    program = (
        "import sys\n"
        "import numpy, ndv\n"
        "from PySide6.QtWidgets import QApplication\n"
        "app = QApplication([])\n"
        "from planecast_viewer.canvas import install_canvas, canvas_of\n"
        "from planecast_viewer.icons import install_offline_icons\n"
        "install_offline_icons(); install_canvas('auto')\n"
        "viewer = ndv.ArrayViewer(numpy.zeros((9, 9), 'u2')); viewer.show()\n"
        "canvas_of(viewer).close()\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('vispy', 'OpenGL')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
