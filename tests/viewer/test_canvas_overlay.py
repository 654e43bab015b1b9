"""Scale bar and message."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from planecast_viewer.canvas.overlay import CanvasOverlay, length_text, scale_bar


@pytest.mark.parametrize(
    ("um_per_px", "length_um"),
    [(0.325, 20), (1.0, 100), (0.01, 1), (0.001, 0.1), (65, 5000), (0.5, 50), (10, 1000)],
)
def test_the_bar_is_a_round_length(um_per_px: float, length_um: float) -> None:
    assert scale_bar(um_per_px, 100)[0] == pytest.approx(length_um)


@given(um_per_px=st.floats(1e-6, 1e6), max_px=st.floats(10, 500))
def test_the_bar_fits_and_is_not_much_shorter(um_per_px: float, max_px: float) -> None:
    length_um, length_px = scale_bar(um_per_px, max_px)
    assert length_px == pytest.approx(length_um / um_per_px)
    assert max_px / 2.5 * 0.999 <= length_px <= max_px * 1.001


@pytest.mark.parametrize(
    ("length_um", "text"),
    [(0.1, "100 nm"), (0.5, "500 nm"), (1, "1 µm"), (50, "50 µm"), (1000, "1 mm"), (5e4, "50 mm")],
)
def test_lengths_are_written_in_a_fitting_unit(length_um: float, text: str) -> None:
    assert length_text(length_um) == text


@pytest.fixture
def overlay(qtbot: QtBot) -> Iterator[CanvasOverlay]:
    canvas = QWidget()
    canvas.resize(400, 300)
    qtbot.addWidget(canvas)
    canvas.show()
    yield CanvasOverlay(canvas)
    canvas.hide()


def painted(overlay: CanvasOverlay) -> QImage:
    """Return what the overlay paints on red."""
    image = QImage(overlay.size(), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    overlay.render(image)
    return image


def test_an_empty_overlay_is_hidden(overlay: CanvasOverlay) -> None:
    assert overlay.isHidden()
    overlay.set_message("waiting")
    assert overlay.isVisible()
    overlay.set_message("")
    assert overlay.isHidden()
    assert overlay.message is None
    overlay.set_um_per_screen_px(0.5)
    assert overlay.isVisible()
    overlay.set_um_per_screen_px(None)
    assert overlay.isHidden()


@pytest.mark.parametrize("no_size", [0.0, -1.0, float("nan"), float("inf")])
def test_a_pixel_size_that_makes_no_sense_shows_no_bar(
    overlay: CanvasOverlay, no_size: float
) -> None:
    overlay.set_um_per_screen_px(no_size)
    assert overlay.isHidden()


def test_the_bar_is_as_long_as_it_says(overlay: CanvasOverlay) -> None:
    overlay.set_um_per_screen_px(1.0)
    image = painted(overlay)
    white = QColor(Qt.GlobalColor.white)
    rows = [
        sum(image.pixelColor(x, y) == white for x in range(image.width()))
        for y in range(image.height() // 2, image.height())
    ]
    assert max(rows) == pytest.approx(100, abs=1)


def test_the_overlay_follows_the_canvas_and_lets_the_mouse_through(
    overlay: CanvasOverlay,
) -> None:
    canvas = overlay.parentWidget()
    overlay.set_message("a plane is not written yet")
    canvas.resize(700, 200)
    assert overlay.size() == canvas.size()
    assert overlay.testAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    assert painted(overlay).pixelColor(2, 2) == QColor(Qt.GlobalColor.red)
    assert painted(overlay).pixelColor(350, 92) != QColor(Qt.GlobalColor.red)


def test_a_long_message_stays_inside_a_small_canvas(overlay: CanvasOverlay) -> None:
    overlay.parentWidget().resize(160, 200)
    overlay.set_message("plane t=12, fov A1:3, z=4, DAPI is registered but not written yet")
    image = painted(overlay)
    edge = [image.pixelColor(x, y) for x in (0, 159) for y in range(200)]
    assert all(color == QColor(Qt.GlobalColor.red) for color in edge)
