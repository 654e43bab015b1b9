"""Automatic contrast, contrast by hand, and colours."""

import numpy as np
import pytest
from ndv.models import LUTModel
from ndv.models._lut_model import ClimsManual, ClimsPercentile

from planecast_protocol.planes import PlaneStatistics
from planecast_viewer.colors import BLUE, DIM, GREEN, MAGENTA, ORANGE, WHITE, channel_color
from planecast_viewer.contrast import ChannelContrast, calmed, limits
from planecast_viewer.facts import ChannelFacts

UINT16 = np.dtype(np.uint16)


def statistics(low, high, minimum=0.0, maximum=None):
    percentiles = {"0.1": low, "1": low, "50": low, "99": high, "99.9": high}
    top = high if maximum is None else maximum
    return PlaneStatistics(
        minimum=minimum, maximum=top, percentiles=percentiles, histogram=[0] * 256
    )


@pytest.fixture
def lut():
    return LUTModel()


@pytest.fixture
def contrast(lut):
    contrast = ChannelContrast(lut)
    contrast.restart(GREEN, "GFP", None)
    return contrast


def clims(lut):
    return lut.clims.min, lut.clims.max


def test_limits_are_the_outer_percentiles_so_that_one_hot_pixel_changes_nothing(contrast, lut):
    contrast.take(statistics(100, 900, maximum=65535), UINT16, calm=False)
    assert clims(lut) == (100, 900)


def test_while_following_small_changes_are_left_out(contrast, lut):
    contrast.take(statistics(100, 900), UINT16, calm=True)
    contrast.take(statistics(110, 880), UINT16, calm=True)
    assert clims(lut) == (100, 900)


def test_while_following_large_changes_come_in_steps(contrast, lut):
    contrast.take(statistics(100, 900), UINT16, calm=True)
    for _ in range(40):
        contrast.take(statistics(100, 3000), UINT16, calm=True)
    assert 2500 < lut.clims.max <= 3000


def test_while_holding_the_limits_are_those_of_the_plane(contrast, lut):
    contrast.take(statistics(100, 900), UINT16, calm=True)
    contrast.take(statistics(110, 880), UINT16, calm=False)
    assert clims(lut) == (110, 880)


def test_limits_set_by_hand_stay(contrast, lut):
    contrast.take(statistics(100, 900), UINT16, calm=False)
    lut.clims = ClimsManual(min=5, max=50)
    contrast.take(statistics(200, 300), UINT16, calm=False)
    assert clims(lut) == (5, 50)
    assert not contrast.automatic


def test_the_auto_button_goes_back_to_the_workers_numbers(contrast, lut):
    contrast.take(statistics(100, 900), UINT16, calm=False)
    lut.clims = ClimsManual(min=5, max=50)
    lut.clims = ClimsPercentile(min_percentile=1, max_percentile=99)
    assert contrast.automatic
    assert not lut.clims.is_manual
    assert clims(lut) == (100, 900)


def test_contrast_by_hand_is_remembered_for_the_channel_of_that_name(contrast, lut):
    lut.clims = ClimsManual(min=5, max=50)
    kept = contrast.remember()
    contrast.restart(BLUE, "DAPI", None)
    assert contrast.automatic
    contrast.restart(GREEN, "GFP", kept)
    assert clims(lut) == (5, 50)


def test_slider_has_the_range_that_the_values_use(contrast, lut):
    contrast.take(statistics(100, 900, maximum=3000), UINT16, calm=False)
    assert lut.clim_bounds == (0, 4095)
    contrast.take(statistics(100, 900, maximum=5000), UINT16, calm=False)
    assert lut.clim_bounds == (0, 8191)
    contrast.take(statistics(1, 2, minimum=-7, maximum=10), np.dtype(np.int16), calm=False)
    assert lut.clim_bounds == (-7, 8191)


def test_even_plane_has_limits_that_differ():
    assert limits(statistics(7, 7, minimum=7, maximum=7)) == (7, 8)
    assert limits(statistics(7, 7, minimum=7, maximum=90)) == (7, 90)


def test_calmed_limits_never_overshoot():
    low, high = calmed((0, 10), (100, 1000))
    assert 0 < low < 100
    assert 10 < high < 1000


@pytest.mark.parametrize(
    ("name", "color"),
    [
        ("DAPI", BLUE),
        ("Fluorescence_405_nm_Ex", BLUE),
        ("Fluorescence_488_nm_Ex", GREEN),
        ("eGFP", GREEN),
        ("Fluorescence_561_nm_Ex", ORANGE),
        ("mCherry", ORANGE),
        ("Cy5", MAGENTA),
        ("Fluorescence_638_nm_Ex", MAGENTA),
        ("BF_LED_matrix_full", DIM),
        ("Bright Field", DIM),
    ],
)
def test_colour_goes_by_the_name(name, color):
    assert channel_color(ChannelFacts(name=name), 0, 3) == color


def test_colour_that_the_controller_gives_counts_most():
    assert channel_color(ChannelFacts(name="DAPI", color="#112233"), 0, 2).rgb == "#112233"


def test_colour_that_is_none_is_not_used():
    assert channel_color(ChannelFacts(name="DAPI", color="bluish"), 0, 2) == BLUE


def test_colour_goes_by_the_wavelength_where_the_name_says_nothing():
    channel = ChannelFacts(name="Channel 0", wavelength_nm=525)
    assert channel_color(channel, 0, 2) == GREEN


def test_only_channel_is_gray_and_unnamed_ones_differ():
    assert channel_color(ChannelFacts(name="Channel 0"), 0, 1) == WHITE
    colors = [channel_color(ChannelFacts(name=f"Channel {n}"), n, 3) for n in range(3)]
    assert len(set(colors)) == 3


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ("#0000ff", "blue"),
        ("#3F6CFF", "blue"),
        ("#00ff00", "green"),
        ("#808080", "dim gray"),
        ("#123456", "#123456"),
    ],
)
def test_colours_of_files_are_called_by_their_names(rgb: str, name: str):
    color = channel_color(ChannelFacts(name="x", color=rgb), 0, 2)
    assert (color.rgb, color.name) == (rgb, name)
