"""Statistics of planes of every pixel type."""

import numpy as np
import pytest

from planecast_reader.process.statistics import has_zero_tail, looks_unwritten, plane_statistics

TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")


def noise(*shape: int, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.normal(100, 30, shape).astype(kind)
    low = -100 if kind.kind == "i" else 0
    return rng.integers(low, 120, shape).astype(kind)


@pytest.mark.parametrize("dtype", TYPES)
def test_minimum_and_maximum_are_exact_and_percentiles_near_numpy(dtype: str):
    pixels = noise(300, 411, dtype=dtype)
    statistics = plane_statistics(pixels)
    assert (statistics.minimum, statistics.maximum) == (pixels.min(), pixels.max())
    for name, value in statistics.percentiles.items():
        expected = np.percentile(pixels.astype(float), float(name), method="nearest")
        assert value == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize("dtype", TYPES)
def test_the_histogram_spans_minimum_to_maximum_and_counts_every_sample(dtype: str):
    pixels = noise(300, 411, dtype=dtype)
    histogram = plane_statistics(pixels).histogram
    assert len(histogram) == 256
    assert sum(histogram) == pixels.size
    assert histogram[0]
    assert histogram[-1]


def test_the_histogram_of_16_bit_pixels_equals_that_of_the_same_floats():
    pixels = np.random.default_rng(5).integers(500, 40_000, (256, 256)).astype(np.uint16)
    whole = plane_statistics(pixels).histogram
    floats = plane_statistics(pixels.astype(np.float64)).histogram
    assert sum(abs(a - b) for a, b in zip(whole, floats, strict=True)) < pixels.size / 100


def test_one_hot_pixel_in_a_large_plane_is_the_maximum_and_no_percentile():
    pixels = noise(2000, 2048, dtype="u2")
    pixels[1234, 567] = 65535
    statistics = plane_statistics(pixels)
    assert statistics.maximum == 65535
    assert statistics.percentiles["99.9"] < 200
    assert sum(statistics.histogram) <= 2**18


def test_the_sample_sees_every_column():
    """Spacing that divides the row would look at the same columns for ever."""
    pixels = np.zeros((2048, 2048), np.uint16)
    pixels[:, 1::2] = 1000
    assert 900 < plane_statistics(pixels).percentiles["99"] <= 1000
    assert plane_statistics(pixels).percentiles["1"] == 0


def test_colours_count_by_all_their_samples():
    pixels = np.zeros((1200, 1200, 3), np.uint8)
    pixels[..., 2] = 200
    statistics = plane_statistics(pixels)
    assert (statistics.minimum, statistics.maximum) == (0, 200)
    assert sum(statistics.histogram[200:]) == pytest.approx(sum(statistics.histogram) / 3, rel=0.01)


def test_values_that_are_not_finite_are_left_out():
    pixels = np.array([[np.nan, 1, 2], [np.inf, -np.inf, 3]], np.float32)
    statistics = plane_statistics(pixels)
    assert (statistics.minimum, statistics.maximum) == (1, 3)
    assert sum(statistics.histogram) == 3


def test_a_plane_of_nan_has_no_range():
    statistics = plane_statistics(np.full((4, 5), np.nan))
    assert (statistics.minimum, statistics.maximum, sum(statistics.histogram)) == (0, 0, 0)


def test_truth_values_are_zero_and_one():
    statistics = plane_statistics(np.array([[True, False, True]]))
    assert (statistics.minimum, statistics.maximum) == (0, 1)
    assert statistics.histogram[0] == 1
    assert statistics.histogram[-1] == 2


def test_complex_pixels_count_by_magnitude():
    statistics = plane_statistics(np.array([[3 + 4j, 0, 1j]], np.complex64))
    assert (statistics.minimum, statistics.maximum) == (0, 5)


def test_a_constant_plane_is_all_in_the_first_bin():
    statistics = plane_statistics(np.full((10, 10), 7, np.uint16))
    assert statistics.histogram[0] == 100
    assert set(statistics.percentiles.values()) == {7.0}


def test_the_whole_range_of_a_double_does_not_overflow():
    statistics = plane_statistics(np.array([[-1.7e308, 1.7e308]]))
    assert statistics.histogram[0] == statistics.histogram[-1] == 1


@pytest.mark.parametrize("shape", [(64, 48), (64, 48, 3), (1, 5), (5, 1)])
def test_only_a_plane_of_zeros_looks_unwritten(shape: tuple[int, ...]):
    pixels = np.zeros(shape, np.uint16)
    assert looks_unwritten(pixels)
    assert has_zero_tail(pixels)
    pixels[-1, -1] = 1
    assert not looks_unwritten(pixels)
    assert not has_zero_tail(pixels)


def test_a_plane_half_written_has_a_zero_tail_and_does_not_look_unwritten():
    pixels = np.zeros((64, 48), np.uint16)
    pixels[:30] = 5
    assert has_zero_tail(pixels)
    assert not looks_unwritten(pixels)
