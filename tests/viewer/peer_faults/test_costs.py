"""What an acquisition of many planes costs: no memory for all, no work for each."""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import psutil
import pytest
from peer_rig import Line, save

GIB = 1 << 30


def brightness(line: Line, x: int) -> int:
    """Return the canvas's over the middle row of a plane of 4096²."""
    return max(line.color(x, 2000) or (0,))


def test_acquisition_of_84_gigabytes_a_fov_asks_for_a_plane_at_a_time(
    line: Line, tmp_path: Path
) -> None:
    this_process = psutil.Process()
    before = this_process.memory_info().vms
    run = line.start(n_channels=5, num_z=500, height=4096, width=4096)
    pixels = np.full((4096, 4096), 100, np.uint16)
    pixels[:, :2048] = 4000
    run.register_image(0, 0, 499, "BF", save(tmp_path / "499.tif", pixels))
    line.wait(lambda: brightness(line, 10) > 100, "the plane")
    assert brightness(line, 4000) == 0
    for z in (0, 250, 499):
        line.go(z=z)
    line.session.projection.set(True)
    line.wait(lambda: brightness(line, 10) > 100, "the brightest of 500")
    assert this_process.memory_info().vms - before < GIB
    line.start("the next")  # the thread that projects ends with its acquisition


@pytest.fixture
def calls_to_register(viewer: Any, make_acquired: Any) -> Any:
    """Return how many calls of our functions it takes until a new plane is known."""

    def count(num_z: int) -> int:
        channels = [f"c{n}" for n in range(6)]
        acquired = make_acquired(f"z{num_z}", channels=channels, num_z=num_z)
        viewer.session.take_news(acquired.news((0, 0, 0, 0)))
        rows = [acquired.rows((0, 0, 1, 0))]
        n_calls = 0

        def look(frame: FrameType, event: str, _argument: object) -> None:
            nonlocal n_calls
            n_calls += event == "call" and "planecast" in frame.f_code.co_filename

        sys.setprofile(look)
        try:
            viewer.session.take_news(rows)
        finally:
            sys.setprofile(None)
        return n_calls

    return count


def test_image_of_a_stack_of_600_costs_no_more_than_one_of_12(calls_to_register: Any) -> None:
    few = calls_to_register(2)
    assert few > 10
    assert calls_to_register(100) == few
