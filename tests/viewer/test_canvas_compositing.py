"""Pictures as pure functions: every pixel is what the lookup table says."""

import cmap
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planecast_viewer.canvas.compositing import Layer, Lut, colorize, compose
from planecast_viewer.canvas.raster_handles import color_bytes
from planecast_viewer.canvas.view import View

GRAY = Lut(0, 255)


def rgb(picture: npt.NDArray[np.uint32]):
    """Return a picture as (y, x, 3) of 8 bits."""
    return np.stack([picture >> 16 & 255, picture >> 8 & 255, picture & 255], -1).astype(np.uint8)


def pure(red: int, green: int, blue: int):
    """Return the bytes of a ramp from black to one colour."""
    ramp = np.arange(256)[:, None] * np.array([red, green, blue]) // 255
    return ramp.astype(np.uint8).tobytes()


def compose_1_to_1(*layers: Layer):
    height, width = layers[0].plane.shape[:2]
    return rgb(compose(layers, width, height, View(0, 0, 1)))


RAMPS = {
    "uint8": np.arange(256, dtype=np.uint8),
    "uint16": np.linspace(0, 65535, 256).astype(np.uint16),
    "big endian uint16": np.linspace(0, 65535, 256).astype(">u2"),
    "int8": np.arange(-128, 128).astype(np.int8),
    "int16": np.linspace(-3000, 3000, 256).astype(np.int16),
    "int32": np.linspace(-100_000, 100_000, 256).astype(np.int32),
    "uint32 far from zero": (4_000_000_000 + np.arange(256)).astype(np.uint32),
    "float32": np.linspace(-1, 1, 256, dtype=np.float32),
    "float64": np.linspace(-1e9, 1e9, 256),
    "bool": np.arange(256) > 127,
}


@pytest.mark.parametrize("name", RAMPS)
@pytest.mark.parametrize("gamma", [1.0, 0.5])
def test_every_dtype_gets_the_colours_of_its_colormap(name: str, gamma: float) -> None:
    ramp = RAMPS[name]
    plane = np.tile(ramp, (4, 1))
    low, high = float(ramp.min()), float(ramp.max())
    viridis = cmap.Colormap("viridis")
    layer = Layer(plane, Lut(low, high, gamma, color_bytes(viridis)))
    shown = compose_1_to_1(layer)
    part = ((ramp.astype(np.float64) - low) / (high - low)) ** gamma
    expected = np.rint(
        np.asarray(viridis(np.minimum(part * 256, 255).astype(np.uint8) / 255)) * 255
    )
    # A value on the edge of two colours may fall to either in single precision.
    assert np.abs(shown[2].astype(int) - expected[:, :3]).max() <= 4
    assert np.mean(np.any(shown[2] != expected[:, :3], axis=1)) < 0.02


def test_contrast_limits_are_black_and_white() -> None:
    plane = np.array([[0, 99, 100, 150, 200, 201, 65535]], np.uint16)
    shown = compose_1_to_1(Layer(plane, Lut(100, 200)))[0, :, 0]
    assert shown.tolist() == [0, 0, 0, 128, 255, 255, 255]


def test_equal_limits_make_a_step_and_no_warning() -> None:
    plane = np.array([[6, 7, 8]], np.uint16)
    assert compose_1_to_1(Layer(plane, Lut(7, 7)))[0, :, 0].tolist() == [0, 0, 255]


def test_not_a_number_is_black_and_infinity_white() -> None:
    plane = np.array([[np.nan, -np.inf, np.inf, 0.5]], np.float32)
    assert compose_1_to_1(Layer(plane, Lut(0, 1)))[0, :, 0].tolist() == [0, 0, 255, 128]


def test_channels_add_and_saturate_without_spilling() -> None:
    full = np.full((2, 2), 255, np.uint8)
    for n_layers in range(1, 12):
        blue = [Layer(full, Lut(0, 255, 1, pure(0, 0, 255)))] * n_layers
        assert (compose_1_to_1(*blue) == [0, 0, 255]).all()
        red = [Layer(full, Lut(0, 255, 1, pure(255, 0, 0)))] * n_layers
        assert (compose_1_to_1(*red) == [255, 0, 0]).all()
    half = Layer(full, Lut(0, 255, 1, pure(100, 60, 0)))
    assert (compose_1_to_1(half, half) == [200, 120, 0]).all()
    assert (compose_1_to_1(half, half, half) == [255, 180, 0]).all()


def test_channels_of_different_dtype_and_size_share_a_picture() -> None:
    small = Layer(np.full((2, 3), 255, np.uint8), Lut(0, 255, 1, pure(0, 255, 0)))
    large = Layer(np.full((4, 6), 40_000, np.uint16), Lut(0, 40_000, 1, pure(255, 0, 0)))
    shown = compose_1_to_1(large, small)
    assert (shown[:2, :3] == [255, 255, 0]).all()
    assert (shown[2:] == [255, 0, 0]).all()
    assert (shown[:, 3:] == [255, 0, 0]).all()


def test_colour_planes_keep_their_colours_and_alpha_fades_to_black() -> None:
    plane = np.array([[[10, 20, 30], [255, 0, 128]]], np.uint8)
    assert compose_1_to_1(Layer(plane, GRAY)).tolist() == plane.tolist()
    alpha = np.array([[[200, 100, 50, 255], [200, 100, 50, 0]]], np.uint8)
    assert compose_1_to_1(Layer(alpha, GRAY))[0].tolist() == [[200, 100, 50], [0, 0, 0]]
    deep = (plane.astype(np.uint16)) * 257
    assert compose_1_to_1(Layer(deep, Lut(0, 65535))).tolist() == plane.tolist()
    real = plane.astype(np.float32) / 255
    assert np.abs(compose_1_to_1(Layer(real, Lut(0, 1))).astype(int) - plane).max() <= 1


def test_what_no_layer_covers_is_black() -> None:
    assert (compose((), 5, 3, View(0, 0, 1)) == 0xFF000000).all()
    far = Layer(np.full((4, 4), 255, np.uint8), GRAY)
    assert (compose((far,), 5, 3, View(100, 0, 1)) == 0xFF000000).all()
    shown = rgb(compose((far,), 8, 8, View(-2, -3, 1)))[..., 0]
    assert (shown[3:7, 2:6] == 255).all()
    assert shown.sum() == 255 * 16


def test_a_plane_is_never_written_to() -> None:
    plane = np.arange(64, dtype=np.uint16).reshape(8, 8)
    plane.flags.writeable = False
    compose((Layer(plane, GRAY),), 3, 3, View(0, 0, 2.7))
    assert plane.tolist() == np.arange(64).reshape(8, 8).tolist()


views = st.builds(
    View,
    st.floats(-30, 60),
    st.floats(-30, 60),
    st.floats(0.02, 1.0),
)


@given(view=views, scale=st.sampled_from([(1.0, 1.0), (2.0, 0.5)]))
def test_zoomed_in_each_pixel_is_the_image_pixel_under_its_centre(
    view: View, scale: tuple[float, float]
) -> None:
    if view.world_per_px > min(scale):
        view = view._replace(world_per_px=min(scale))
    plane = np.random.default_rng(1).integers(1, 255, (40, 50), dtype=np.uint8)
    shown = rgb(compose((Layer(plane, GRAY, scale),), 33, 21, view))[..., 0]
    x = (view.x0 + (np.arange(33) + 0.5) * view.world_per_px) / scale[1]
    y = (view.y0 + (np.arange(21) + 0.5) * view.world_per_px) / scale[0]
    inside = ((y >= 0) & (y < 40))[:, None] & ((x >= 0) & (x < 50))
    rows, columns = np.clip(y, 0, 39).astype(int), np.clip(x, 0, 49).astype(int)
    expected = np.where(inside, colorize(plane, plane.dtype, GRAY)[np.ix_(rows, columns)] & 255, 0)
    # Where a centre lies on an edge to within rounding, either neighbour is right.
    on_edge_x = np.abs(x - np.rint(x)) < 1e-6
    on_edge_y = np.abs(y - np.rint(y)) < 1e-6
    clear = ~(on_edge_y[:, None] | on_edge_x)
    assert (shown == expected)[clear].all()
