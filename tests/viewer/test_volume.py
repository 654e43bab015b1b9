"""The stack as a volume: pixels read back from real OpenGL on a virtual screen."""

from pathlib import Path

import pytest
from virtual_screen import run_on_screen, virtual_screen

from planecast_viewer.stack.volume.box import edges
from planecast_viewer.stack.volume.camera import Camera

PROGRAM = Path(__file__).with_name("volume_program.py")
EXTENT = (30.0, 20.0, 10.0)


@pytest.fixture(scope="module")
def drawn():
    """What `volume_program.py` has seen on its screen."""
    with virtual_screen() as display:
        return run_on_screen(display, str(PROGRAM), str(PROGRAM.parents[1]))


@pytest.mark.parametrize("camera", ["above", "before", "aside"])
def test_voxel_is_drawn_where_the_box_says_it_is(drawn, camera):
    assert drawn["where_a_voxel_is_drawn"][camera] == pytest.approx([0, 0], abs=1)


def test_from_above_the_volume_lies_as_the_picture_does(drawn):
    assert drawn["top_left_from_above"] == [True, True]


def test_volume_has_the_proportions_of_the_specimen(drawn):
    # 30 µm wide, 20 µm high, 10 planes that are 2 µm apart.
    known = drawn["proportions"]["known"]
    assert known["above"] == pytest.approx(30 / 20, rel=0.03)
    assert known["before"] == pytest.approx(30 / 20, rel=0.03)


def test_unknown_z_step_is_drawn_as_a_pixel_and_said(drawn):
    unknown = drawn["proportions"]["unknown"]
    assert unknown["before"] == pytest.approx(30 / 5, rel=0.06)
    assert "z step unknown: drawn as large as a pixel, 0.5 µm" in unknown["note"]


def test_channels_are_added_in_the_colours_of_the_picture(drawn):
    colors = drawn["colors"]
    assert colors["first"] == [0, 255, 0]
    assert colors["second"] == pytest.approx([128, 0, 0], abs=1)
    assert colors["both"] == pytest.approx([128, 255, 0], abs=1)
    assert colors["none"] == [0, 0, 0]


def test_contrast_gamma_colour_and_visibility_follow_the_display(drawn):
    # Half of the contrast's range, squared by gamma.
    assert drawn["colors"]["other look"] == pytest.approx([0, 0, 64], abs=1)
    assert drawn["colors"]["hidden"] == [0, 0, 0]


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f4", "f8"])
def test_values_of_any_dtype_are_as_bright_as_contrast_says(drawn, dtype):
    assert drawn["dtypes"][dtype] == pytest.approx([0, 127, 255], abs=2)


def test_colour_planes_keep_their_colours(drawn):
    assert drawn["dtypes"]["rgb"] == pytest.approx([200, 100, 50], abs=1)


def test_missing_and_broken_planes_are_gaps_and_told(drawn):
    brightness = drawn["missing"]["brightness"]
    assert [z for z, value in enumerate(brightness) if value == 0] == [2, 6]
    assert all(value > 200 for z, value in enumerate(brightness) if z not in (2, 6))
    assert "not acquired yet: c0 z 2" in drawn["missing"]["text"]
    assert "cut.tiff: too short: c0 z 6" in drawn["missing"]["text"]


def test_volume_larger_than_a_texture_is_reduced_and_stays_in_its_place(drawn):
    small = drawn["small_textures"]
    assert max(small["shape"]) <= 16
    # A pixel of the texture is six of the screen.
    assert small["error"] == pytest.approx([0, 0], abs=3)


def test_volume_fills_plane_by_plane_and_says_how_far_it_is(drawn):
    progressive = drawn["progressive"]
    left, top, right, bottom = progressive["first"]
    whole = progressive["all"]
    assert (left, right) == (whole[0], whole[2])
    assert bottom - top == pytest.approx((whole[3] - whole[1]) / 10, abs=2)
    assert bottom == whole[3], "z 0 lies below"
    assert "reading the stack: 1 of 10 planes" in progressive["says"]
    assert (progressive["bar"], progressive["bar_at_end"]) == (True, False)


def test_closing_while_planes_come_ends_both_threads(drawn):
    closed = drawn["closed_while_loading"]
    assert closed["before"] == ["MainThread", "stack", "volume"]
    assert closed["after"] == ["MainThread"]
    assert closed["withdrawn"] > 0
    assert drawn["threads"] == ["MainThread"]


def test_it_is_turned_by_the_mouse_and_by_keys(drawn):
    turning = drawn["turning"]
    # 25 px to the right, 10 px down.
    assert turning["turned"] == pytest.approx([-10, 4])
    assert turning["nudged"] == pytest.approx(-5)


def test_it_is_zoomed_and_reset(drawn):
    turning = drawn["turning"]
    assert turning["zoomed"] == [0, 0, *turning["size"]]
    assert turning["one_to_one_um"] == pytest.approx(0.5)
    assert turning["reset"]
    assert turning["scale_bar"] > 0


def test_drawing_without_a_graphics_card_is_said(drawn):
    assert "60 × 40 × 10 voxels of 0.5 × 0.5 × 2 µm" in drawn["note"]
    assert "drawn by the processor" in drawn["note"]


# ---------------------------------------------------------------- without a screen


def on_screen(camera, point):
    return camera.on_screen(point, EXTENT, 400, 300)


def test_axes_of_the_screen_are_at_right_angles():
    for camera in (Camera(), Camera(77, -30), Camera(300, 90)):
        axes = camera.axes()
        for one, other in ((axes.right, axes.up), (axes.up, axes.toward)):
            assert sum(a * b for a, b in zip(one, other, strict=True)) == pytest.approx(0)
        assert all(sum(part**2 for part in axis) == pytest.approx(1) for axis in axes)


def test_from_above_x_runs_right_and_y_down():
    above = Camera(0, 90)
    middle = on_screen(above, (15, 10, 5))
    assert middle == pytest.approx((200, 150))
    assert on_screen(above, (16, 10, 5))[0] > 200
    assert on_screen(above, (15, 11, 5))[1] > 150
    assert on_screen(above, (15, 10, 9)) == pytest.approx(middle)


def test_from_before_z_runs_up_and_the_last_row_is_near():
    before = Camera(0, 0)
    assert on_screen(before, (15, 10, 6))[1] < 150
    assert before.axes().toward == pytest.approx((0, 1, 0))


def test_what_is_dragged_follows_the_mouse():
    camera = Camera(0, 20)
    near = (15, 20, 5)
    x, y = on_screen(camera, near)
    assert on_screen(camera.turned(5, 0), near)[0] > x
    assert on_screen(camera.turned(0, 5), near)[1] > y
    assert on_screen(camera.panned(2, 0), near)[0] > x
    assert on_screen(camera.panned(0, 2), near)[1] < y


def test_it_never_stands_on_its_head():
    assert Camera(0, 80).turned(0, 50).elevation_deg == 90
    assert Camera(0, -80).turned(0, -50).elevation_deg == -90


@pytest.mark.parametrize("azimuth", [0, 25, 130, 290])
@pytest.mark.parametrize("elevation", [-90, 0, 40, 90])
def test_whole_box_fits_however_it_is_turned(azimuth, elevation):
    camera = Camera(azimuth, elevation)
    for corner in {corner for edge in edges() for corner in edge}:
        point = tuple(side * at for side, at in zip(EXTENT, corner, strict=True))
        x, y = on_screen(camera, point)
        assert 0 < x < 400, corner
        assert 0 < y < 300, corner


def test_box_has_twelve_edges():
    assert len(edges()) == 12
