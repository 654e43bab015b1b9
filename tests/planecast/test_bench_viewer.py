"""`planecast bench viewer`: all of it, with small planes and few of each; no time is looked at."""

import shutil

import pytest

from benchmarks.viewer import Run

pytestmark = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb")

BARS = {
    "register_to_shown_ms": {"one_channel": {"p50", "p95"}, "three_channels": {"p50", "p95"}},
    "stall_ms": {"at_20": {"p99", "max"}, "at_200": {"p99", "max"}},
    "fov_switch_ms": {"page_cache": {"p50"}, "cached": {"p50"}},
}
NUMBERS = (
    "scrub_last_ms", "start_to_window_s", "open_3000_s", "open_3000_stall_ms", "rss_growth_mb",
    "update_growth_mb",
)  # fmt: skip


def test_a_tiny_run_measures_all_and_shows_the_right_pictures():
    figures = Run(tiny=True).measure()
    for name, parts in BARS.items():
        for part, keys in parts.items():
            assert keys <= figures[name][part].keys(), (name, part)
    for name in NUMBERS:
        assert isinstance(figures[name], int | float), name
    assert figures["pictures_wrong"] == 0
    assert figures["planes"] >= 60
    assert figures["canvas"] == "RasterCanvas"
    assert figures["start_dns_questions"] == 0
    stalls = figures["save_stall_ms"]
    assert isinstance(stalls["picture"], float)
    assert isinstance(stalls["planes"], float)
