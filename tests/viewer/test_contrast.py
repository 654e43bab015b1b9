"""Automatic contrast, contrast by hand, and colours."""

import numpy as np
import pytest
from ndv.models import LUTModel
from ndv.models._lut_model import ClimsManual, ClimsPercentile

from planecast_protocol.planes import PlaneStatistics
from planecast_viewer.colormaps import name_of
from planecast_viewer.colors import BLUE, DIM, GREEN, MAGENTA, ORANGE, WHITE, channel_color
from planecast_viewer.contrast import ChannelContrast, calmed, limits, percentile
from planecast_viewer.facts import ChannelFacts
from planecast_viewer.looks import Look

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
    contrast.restart(GREEN, "GFP", Look())
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
    assert contrast.look.limits is None
    assert not lut.clims.is_manual
    assert clims(lut) == (100, 900)


def test_limits_once_are_those_of_the_plane_and_stay(contrast, lut):
    contrast.take(statistics(100, 900), UINT16, calm=False)
    contrast.fix()
    contrast.take(statistics(200, 300), UINT16, calm=False)
    assert clims(lut) == (100, 900)
    assert contrast.look.limits == (100, 900)


def test_edits_in_the_row_are_told_with_the_channels_name(lut):
    told = []
    contrast = ChannelContrast(lut, lambda name, look: told.append((name, look)))
    contrast.restart(GREEN, "GFP", Look())
    contrast.take(statistics(100, 900), UINT16, calm=False)
    assert told == []
    lut.gamma = 0.5
    lut.cmap = "viridis"
    lut.clims = ClimsManual(min=5, max=50)
    assert told[-1] == ("GFP", Look(gamma=0.5, colormap="bids:viridis", limits=(5, 50)))


def test_look_is_applied_to_the_row(contrast, lut):
    contrast.take(statistics(100, 900), UINT16, calm=False)
    contrast.apply(Look(gamma=2.0, colormap="#ff00ff", exclude=0))
    assert lut.gamma == 2.0
    assert lut.cmap.color_stops[-1].color.hex.lower() in ("#f0f", "#ff00ff")
    assert clims(lut) == (0, 900)
    contrast.apply(Look())
    assert name_of(lut.cmap) == GREEN.rgb
    assert clims(lut) == (100, 900)


@pytest.mark.parametrize(
    ("percent", "value"), [(0, 0), (0.1, 10), (1, 20), (10, 100), (50, 500), (99, 985), (100, 1000)]
)
def test_percentiles_come_from_the_workers_numbers_or_between_them(percent, value):
    percentiles = {"0.1": 10.0, "1": 20.0, "50": 500.0, "99": 985.0, "99.9": 995.0}
    known = PlaneStatistics(minimum=0, maximum=1000, percentiles=percentiles, histogram=[100] * 256)
    assert percentile(known, percent) == pytest.approx(value, abs=1)


def test_hot_pixel_does_not_widen_a_percentile_between_those_that_are_known():
    percentiles = {"0.1": 10.0, "1": 20.0, "50": 50.0, "99": 90.0, "99.9": 95.0}
    histogram = [10_000, *[0] * 254, 1]
    known = PlaneStatistics(minimum=0, maximum=65535, percentiles=percentiles, histogram=histogram)
    assert 50 <= percentile(known, 95) <= 90


def test_contrast_by_hand_is_remembered_for_the_channel_of_that_name(contrast, lut):
    lut.clims = ClimsManual(min=5, max=50)
    kept = contrast.look
    contrast.restart(BLUE, "DAPI", Look())
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
