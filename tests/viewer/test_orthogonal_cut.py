"""Orthogonal views: which voxel is drawn where, in which proportion and colour."""

import numpy as np
import pytest

from planecast_viewer.canvas.compositing import Lut
from planecast_viewer.stack.orthogonal.cut import OrthogonalWish, draw
from planecast_viewer.stack.orthogonal.panes import GAP_PX, Point, fitted
from planecast_viewer.stack.planes import Stack, StackPlace, StackPlane
from planecast_viewer.stack.voxel import Voxel

GREEN = np.zeros((256, 3), np.uint8)
GREEN[:, 1] = np.arange(256)
RED = GREEN[:, [1, 0, 2]]
NUM_Z, HEIGHT, WIDTH = 5, 20, 30
VOXEL = Voxel(1.0, 4.0, True)
EXTENT = Point(WIDTH * 1.0, HEIGHT * 1.0, NUM_Z * 4.0)


def plane(pixels, block=1):
    size = (pixels.shape[0] * block, pixels.shape[1] * block)
    return StackPlane(pixels, block, size, pixels.reshape(-1), (0.0, 255.0))


def stack_of(*volumes, block=1, missing=()):
    planes = {
        channel: tuple(
            None if z in missing else plane(pixels, block) for z, pixels in enumerate(volume)
        )
        for channel, volume in enumerate(volumes)
    }
    return Stack(StackPlace("x", 0, 0), len(volumes[0]), planes)


def drawn(stack, cross, *, size=(400, 300), luts=None, voxel=VOXEL, sharp=None, extent=EXTENT):
    panes = fitted(*size, extent)
    wish = OrthogonalWish(
        stack=stack,
        luts=luts or {0: Lut(0, 255, colors=GREEN.tobytes())},
        voxel=voxel,
        cross=cross,
        panes=panes,
        device_pixel_ratio=1.0,
        background=0x336699,
        sharp=sharp or {},
    )
    return draw(wish), panes


def lit(picture, panes, pane):
    """Return the extent (left, top, right, bottom) of what is bright in a view, in its pixels."""
    place = panes.rectangle(pane)
    part = picture[place.top : place.top + place.height, place.left : place.left + place.width]
    rows, columns = np.nonzero(part & 0xFFFFFF)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def expected(panes, pane, voxel):
    """Return where a voxel (x, y, z) is to be drawn in a view."""
    x, y, z = voxel
    near, far = Point(x, y, z * 4.0), Point(x + 1, y + 1, (z + 1) * 4.0)
    place = panes.rectangle(pane)
    left, top = panes.to_widget(pane, near)
    right, bottom = panes.to_widget(pane, far)
    return left - place.left, top - place.top, right - place.left, bottom - place.top


@pytest.fixture
def volume():
    return np.zeros((NUM_Z, HEIGHT, WIDTH), np.uint8)


@pytest.mark.parametrize("voxel", [(11, 7, 2), (0, 0, 0), (29, 19, 4)])
@pytest.mark.parametrize("pane", ["xy", "xz", "yz"])
def test_voxel_at_the_cross_lies_where_it_belongs_in_each_view(volume, voxel, pane):
    x, y, z = voxel
    volume[z, y, x] = 255
    picture, panes = drawn(stack_of(volume), voxel)
    assert lit(picture, panes, pane) == pytest.approx(expected(panes, pane, voxel), abs=1)


def test_voxel_beside_the_cross_is_in_no_view(volume):
    volume[2, 7, 11] = 255
    picture, panes = drawn(stack_of(volume), (12, 8, 3))
    for pane in ("xy", "xz", "yz"):
        place = panes.rectangle(pane)
        part = picture[place.top : place.top + place.height, place.left : place.left + place.width]
        assert not (part & 0xFFFFFF).any()


def test_views_have_the_proportions_of_the_specimen(volume):
    volume[:] = 255
    picture, panes = drawn(stack_of(volume), (0, 0, 0), size=(700, 600))
    left, top, right, bottom = lit(picture, panes, "xy")
    assert (right - left) / (bottom - top) == pytest.approx(30 / 20, rel=0.02)
    for pane in ("xz", "yz"):
        x0, y0, x1, y1 = lit(picture, panes, pane)
        along, across = (x1 - x0, y1 - y0) if pane == "xz" else (y1 - y0, x1 - x0)
        assert across / along == pytest.approx(20 / (30 if pane == "xz" else 20), rel=0.02)
        assert along == pytest.approx(right - left if pane == "xz" else bottom - top, abs=1)


def test_channels_are_added_in_their_colours(volume):
    other = volume.copy()
    volume[2, 7, 11] = other[2, 7, 11] = 255
    other[2, 7, 20] = 255
    luts = {0: Lut(0, 255, colors=GREEN.tobytes()), 1: Lut(0, 255, colors=RED.tobytes())}
    picture, panes = drawn(stack_of(volume, other), (11, 7, 2), luts=luts)
    for pane in ("xy", "xz", "yz"):
        x, y = panes.to_widget(pane, Point(11.5, 7.5, 10.0))
        assert picture[int(y), int(x)] & 0xFFFFFF == 0xFFFF00, pane
    x, y = panes.to_widget("xz", Point(20.5, 7.5, 10.0))
    assert picture[int(y), int(x)] & 0xFFFFFF == 0xFF0000


def test_hidden_channel_is_not_drawn(volume):
    volume[:] = 255
    luts = {1: Lut(0, 255, colors=RED.tobytes())}
    picture, _panes = drawn(stack_of(volume, np.zeros_like(volume)), (1, 1, 1), luts=luts)
    assert set(np.unique(picture & 0xFFFFFF)) == {0, 0x336699}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_missing_plane_is_dark_in_any_dtype(dtype):
    volume = np.full((NUM_Z, HEIGHT, WIDTH), 100, dtype)
    luts = {0: Lut(-50, 100, colors=GREEN.tobytes())}
    picture, panes = drawn(stack_of(volume, missing={2}), (5, 5, 2), luts=luts)
    for z in range(NUM_Z):
        x, y = panes.to_widget("xz", Point(5.5, 5.5, z * 4.0 + 2))
        dark = luts[0].low >= 0 or dtype in (np.int16, np.float32)
        value = picture[int(y), int(x)] & 0xFFFFFF
        assert value == (0x00FF00 if z != 2 else (0 if dark else 0x005500)), z
    x, y = panes.to_widget("xy", Point(5.5, 5.5, 0))
    assert picture[int(y), int(x)] & 0xFFFFFF == 0


def test_colour_planes_are_drawn_as_they_are():
    volume = np.zeros((NUM_Z, HEIGHT, WIDTH, 3), np.uint8)
    volume[2, 7, 11] = (200, 100, 50)
    picture, panes = drawn(stack_of(volume), (11, 7, 2))
    for pane in ("xy", "xz", "yz"):
        x, y = panes.to_widget(pane, Point(11.5, 7.5, 10.0))
        red, green, blue = (int(picture[int(y), int(x)]) >> shift & 255 for shift in (16, 8, 0))
        assert (red, green, blue) == pytest.approx((200, 100, 50), abs=1)


def test_reduced_planes_lie_where_unreduced_ones_would(volume):
    volume[2, 6:8, 10:12] = 255
    small = volume.reshape(NUM_Z, 10, 2, 15, 2).max(axis=(2, 4))
    picture, panes = drawn(stack_of(small, block=2), (11, 7, 2))
    whole, _panes = drawn(stack_of(volume), (11, 7, 2))
    for pane in ("xy", "xz", "yz"):
        assert lit(picture, panes, pane) == lit(whole, panes, pane)


def test_shown_plane_is_as_sharp_as_in_the_picture(volume):
    sharp = np.zeros((HEIGHT, WIDTH), np.uint8)
    sharp[7, 11] = 255
    blurred = np.zeros((NUM_Z, 10, 15), np.uint8)
    picture, panes = drawn(stack_of(blurred, block=2), (11, 7, 2), sharp={0: sharp})
    assert lit(picture, panes, "xy") == pytest.approx(expected(panes, "xy", (11, 7, 2)), abs=1)


def test_thin_stack_still_has_a_view_to_drag_in():
    panes = fitted(800, 600, Point(600, 600, 3))
    assert panes.rectangle("xz").height == 84
    assert panes.rectangle("yz").width == 84


def test_deep_stack_leaves_room_for_the_plane():
    panes = fitted(800, 600, Point(100, 100, 9000))
    assert panes.rectangle("xy").height > 600 / 2


def test_between_the_views_is_the_window():
    volume = np.full((NUM_Z, HEIGHT, WIDTH), 255, np.uint8)
    picture, panes = drawn(stack_of(volume), (0, 0, 0))
    gap = picture[:, panes.rectangle("xy").width : panes.rectangle("xy").width + GAP_PX]
    assert set(np.unique(gap & 0xFFFFFF)) == {0x336699}


def test_zooming_keeps_the_point_under_the_mouse():
    panes = fitted(800, 600, EXTENT)
    before = panes.to_stack("xz", 200, 560)
    closer = panes.zoomed(3, before)
    assert closer.to_stack("xz", 200, 560) == pytest.approx(before)
    assert closer.scale == pytest.approx(panes.scale / 3)


def test_dragging_a_side_view_moves_the_plane_along():
    panes = fitted(800, 600, EXTENT)
    moved = panes.panned("xz", 50, 0)
    assert moved.view("xy").x0 == pytest.approx(panes.view("xy").x0 - 50 * panes.scale)
    assert moved.view("yz") == panes.view("yz")
