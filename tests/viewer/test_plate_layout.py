"""Where fovs are drawn, by their labels or their positions."""

import numpy as np
import pytest

from planecast_viewer.plate_layout import Well, layout_of, row_name, row_number, well_of
from planecast_viewer.plate_raster import BACKGROUND, EMPTY_WELL, index_map


def wells(rows, columns, fovs=1):
    return [
        f"{row_name(row)}{column + 1}:{fov}"
        for row in range(rows)
        for column in range(columns)
        for fov in range(fovs)
    ]


@pytest.mark.parametrize(
    ("label", "well"),
    [
        ("A1:0", Well(0, 0)),
        ("b03", Well(1, 2)),
        ("AF48:2", Well(31, 47)),
        ("H12_4", Well(7, 11)),
        ("D6 site 1", Well(3, 5)),
        ("D6_s1", Well(3, 5)),
        ("A1:middle", Well(0, 0)),
        ("v2_cells.zarr", None),
        ("T1-control", None),
        ("scene 3", None),
        ("A0", None),
        ("A49", None),
        ("AG1", None),
        ("17", None),
        ("", None),
    ],
)
def test_well_is_read_from_the_label(label, well):
    assert well_of(label) == well


def test_rows_are_named_as_on_plates():
    assert [row_name(row) for row in (0, 25, 26, 31)] == ["A", "Z", "AA", "AF"]
    assert [row_number(row_name(row)) for row in range(32)] == list(range(32))


@pytest.mark.parametrize(
    ("labels", "plate"),
    [
        (["A1:0", "B3:0"], (2, 3)),
        (["C4:0"], (3, 4)),
        (["D6:0"], (4, 6)),
        (["F8:0"], (6, 8)),
        (["H12:0"], (8, 12)),
        (["A13:0"], (16, 24)),
        (["P24:0"], (16, 24)),
        (["AF48:0"], (32, 48)),
    ],
)
def test_smallest_plate_that_has_all_wells(labels, plate):
    layout = layout_of(labels)
    assert (layout.kind, layout.rows, layout.columns) == ("plate", *plate)


def test_fovs_of_a_well_lie_in_it_and_beside_each_other():
    layout = layout_of(wells(2, 3, fovs=4))
    places = layout.rectangles
    assert (np.floor(places[:, 0]) == np.repeat([0, 1, 2, 0, 1, 2], 4)).all()
    assert (np.floor(places[:, 1]) == np.repeat([0, 0, 0, 1, 1, 1], 4)).all()
    assert len(np.unique(places[:, :2], axis=0)) == 24
    assert (places[:, :2] + places[:, 2:] < np.floor(places[:, :2]) + 1).all()


def test_labels_without_wells_become_rows():
    layout = layout_of([f"scene {n}" for n in range(7)])
    assert (layout.kind, layout.width, layout.height) == ("grid", 3, 3)
    assert (layout.rectangles[:, :2] + layout.rectangles[:, 2:] <= 3).all()


def test_one_label_that_is_no_well_makes_no_plate():
    assert layout_of(["A1:0", "overview"]).kind == "grid"


def test_positions_on_the_stage_are_kept():
    positions = np.array([[1000.0, 500.0], [1200.0, 500.0], [1000.0, 900.0]])
    layout = layout_of(["a:1", "b:1", "c:1"], positions)
    assert layout.kind == "stage"
    middles = layout.rectangles[:, :2] + layout.rectangles[:, 2:] / 2
    assert np.allclose(middles - middles[0], positions - positions[0])
    assert (layout.rectangles[:, 2] < 200).all()


@pytest.mark.parametrize(
    "positions", [[[0.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [np.nan, 2.0]], [[0.0, 1.0]]]
)
def test_positions_that_say_nothing_are_not_used(positions):
    assert layout_of(["one", "two"], np.array(positions)).kind == "grid"


def test_each_pixel_knows_its_fov():
    layout = layout_of(["A1:0", "B3:0"])
    index = index_map(layout, (200, 300), 100.0, 0.0, 0.0)
    assert index[50, 50] == 0
    assert index[150, 250] == 1
    assert index[50, 150] == EMPTY_WELL
    assert index[1, 1] == BACKGROUND


@pytest.mark.parametrize("scale", [4.0, 9.0, 40.0])
def test_many_small_fovs_are_filled_as_few_large_ones_are(scale):
    layout = layout_of(wells(32, 48, fovs=4))
    index = index_map(layout, (400, 600), scale, -30.0, -20.0)
    for fov in np.unique(index[index >= 0]).tolist()[::37]:
        y, x = np.nonzero(index == fov)
        left, top, width, height = layout.rectangles[fov] * scale
        assert x.min() >= max(0, round(left - 30)) - 1
        assert x.max() <= left - 30 + width + 1
        assert y.min() >= max(0, round(top - 20)) - 1
        assert y.max() <= top - 20 + height + 1


def test_small_wells_have_a_line_between_them():
    layout = layout_of(wells(32, 48))
    index = index_map(layout, (32 * 4, 48 * 4), 4.0, 0.0, 0.0)
    assert (index[1] >= 0).sum() == 48 * 3
