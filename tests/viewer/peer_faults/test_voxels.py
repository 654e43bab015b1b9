"""Pixels and voxels that are longer in one direction: their sizes count, or it is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from peer_rig import Line

from planecast_viewer.measure.choice import describe
from planecast_viewer.measure.shapes import Line as Distance

DOWN = Distance((0, 0), (0, 10))


@pytest.fixture
def opened(line: Line, tmp_path: Path) -> Any:
    """Return what opens a stack with voxels of a size in µm (z, y, x)."""

    def opened(z_um: float, y_um: float, x_um: float) -> Line:
        path = tmp_path / f"{y_um}.ome.tif"
        sizes = {"PhysicalSizeX": x_um, "PhysicalSizeY": y_um, "PhysicalSizeZ": z_um}
        pixels = np.random.default_rng(1).integers(0, 999, (5, 64, 96), np.uint16)
        tifffile.imwrite(path, pixels, metadata={"axes": "ZYX", **sizes}, ome=True)
        line.open(path)
        return line

    return opened


def info_of(line: Line) -> str:
    text: str = line.window.docks["info"].widget().text.toPlainText()
    return text


def test_step_in_z_is_told_beside_the_size_of_a_pixel(opened: Any) -> None:
    told = info_of(opened(2.5, 0.5, 0.5)).split()
    assert told[told.index("pixel") + 1] == "0.5"
    assert told[told.index("step") + 1] == "2.5"


def test_square_pixels_give_lengths_in_um(opened: Any) -> None:
    facts = opened(2.5, 0.5, 0.5).session.facts
    assert describe(DOWN, facts.pixel_size_um).startswith("5.00 µm")


def test_pixels_that_are_not_square_are_told_and_no_length_is_wrong(opened: Any) -> None:
    line = opened(2.5, 2.0, 0.5)
    assert "0.5 × 2 µm" in info_of(line)
    assert "lengths are told in pixels" in info_of(line)
    size = line.session.facts.pixel_size_um
    assert describe(DOWN, size) == "10.0 px"
