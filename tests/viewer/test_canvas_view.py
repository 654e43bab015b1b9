"""The arithmetic of looking at a picture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planecast_viewer.canvas.view import MAX_PX_PER_WORLD, MIN_IMAGE_PX, Extent, View, fitted

Point = tuple[float, float]

EXTENT = Extent(1000, 800)
points = st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
views = st.builds(View, st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(0.01, 40))


@given(views, points)
def test_canvas_and_world_are_inverse(view: View, point: Point) -> None:
    assert view.to_canvas(*view.to_world(*point)) == pytest.approx(point, abs=1e-5)


@given(views, st.floats(0.1, 10), points)
def test_zoom_keeps_the_point_under_the_cursor(view: View, factor: float, cursor: Point) -> None:
    center = view.to_world(*cursor)
    zoomed = view.zoomed(factor, center, EXTENT)
    assert zoomed.to_canvas(*center) == pytest.approx(cursor, abs=1e-4)


@given(views, points)
def test_a_drag_moves_the_picture_with_the_cursor(view: View, drag: Point) -> None:
    world = view.to_world(10, 20)
    x, y = view.panned(*drag).to_canvas(*world)
    assert (x, y) == pytest.approx((10 + drag[0], 20 + drag[1]), abs=1e-4)


def test_zoom_stops_at_both_ends() -> None:
    view = View(0, 0, 1)
    near = view.zoomed(1e-9, (0, 0), EXTENT)
    far = view.zoomed(1e9, (0, 0), EXTENT)
    assert near.world_per_px == pytest.approx(1 / MAX_PX_PER_WORLD)
    assert far.world_per_px == pytest.approx(EXTENT.width / MIN_IMAGE_PX)


@pytest.mark.parametrize("canvas", [(300, 300), (900, 200), (120, 700), (1, 1)])
def test_a_fitted_picture_is_whole_and_in_the_middle(canvas: tuple[int, int]) -> None:
    view = fitted((0, EXTENT.width), (0, EXTENT.height), *canvas)
    left, top = view.to_canvas(0, 0)
    right, bottom = view.to_canvas(*EXTENT)
    assert left >= 0
    assert top >= 0
    assert left == pytest.approx(canvas[0] - right)
    assert top == pytest.approx(canvas[1] - bottom)
