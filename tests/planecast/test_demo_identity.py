import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planecast.demo.identity import decode, encode_bits, stamp
from planecast_protocol.axes import PlaneIndex

indices = st.builds(
    PlaneIndex,
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFF),
    st.integers(0, 0x3FF),
    st.integers(0, 63),
)


@pytest.mark.parametrize(
    ("index", "octets"),
    [
        ((0, 0, 0, 0), "a5100000000000fc"),
        ((3, 2, 1, 0), "a51000300200400e"),
        ((1234, 77, 12, 5), "a5104d204d0305d8"),
    ],
)
def test_the_bits_do_not_change(index: tuple[int, int, int, int], octets: str):
    assert np.packbits(encode_bits(*index)).tobytes().hex() == octets


@given(indices, st.integers(1, 9))
def test_a_stamped_plane_says_which_it_is(index: PlaneIndex, cell: int):
    plane = np.full((8 * cell + 3, 64 * 8 * cell), 777, np.uint16)
    stamp(plane, index, 64, cell)
    assert decode(plane, cell, x0=index.channel * 8 * cell) == index


@given(indices, st.integers(0, 63))
def test_one_wrong_bit_is_no_identity(index: PlaneIndex, wrong: int):
    bits = encode_bits(index.t, index.fov, index.z, index.channel)
    bits.flat[wrong] ^= True
    assert decode(bits.astype(np.uint8), 1) is None


def test_the_mark_survives_noise_stretching_and_scaling():
    index = PlaneIndex(12, 3, 4, 1)
    plane = np.zeros((128, 512), np.uint16)
    stamp(plane, index, 3, 8)
    noisy = plane + np.random.default_rng(0).normal(0, 300, plane.shape)
    on_screen = np.clip(noisy / 4000 * 255, 0, 255).astype(np.uint8).repeat(2, 0).repeat(2, 1)
    assert decode(on_screen, 16, x0=8 * 16) == index
    assert decode(np.stack([on_screen] * 3, axis=-1), 16, x0=8 * 16) == index


def test_a_composite_shows_the_mark_of_every_channel():
    planes = [np.full((64, 256), 900, np.uint16) for _ in range(3)]
    for channel, plane in enumerate(planes):
        stamp(plane, PlaneIndex(7, 1, 2, channel), 3, 8)
    composite = np.sum(planes, axis=0)
    found = [decode(composite, 8, x0=64 * channel) for channel in range(3)]
    assert found == [PlaneIndex(7, 1, 2, channel) for channel in range(3)]


@pytest.mark.parametrize("shape", [(64, 64), (7, 64), (0, 0)])
def test_a_plane_without_a_mark_has_no_identity(shape: tuple[int, int]):
    assert decode(np.zeros(shape), 1) is None


def test_a_mark_that_does_not_fit_is_cut_off():
    plane = np.zeros((5, 12), np.uint16)
    stamp(plane, PlaneIndex(0, 0, 0, 1), 3, 1)
    assert decode(plane, 1, x0=8) is None
