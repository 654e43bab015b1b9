"""The block of bits by which the probe knows a plane."""

import numpy as np
import pytest

from planecast_viewer.identity import (
    MAGIC,
    Identity,
    cell_centers,
    check_byte,
    decode,
    truncated,
)


def block(t, fov, z, channel):
    body = (MAGIC << 48) | (1 << 44) | (t << 28) | (fov << 16) | (z << 6) | channel
    number = (body << 8) | check_byte(body)
    return np.array([(number >> (63 - bit)) & 1 for bit in range(64)], dtype=float)


@pytest.mark.parametrize(
    "identity", [Identity(0, 0, 0, 0), Identity(3, 17, 5, 2), Identity(65535, 4095, 1023, 63)]
)
def test_block_is_read_back_at_any_brightness(identity):
    bits = block(*identity)
    assert decode(bits) == identity
    assert decode(20 + 90 * bits) == identity


def test_flipped_bit_is_noticed():
    for bit in range(64):
        bits = block(3, 17, 5, 2)
        bits[bit] = 1 - bits[bit]
        assert decode(bits) is None


def test_picture_without_a_block_has_no_identity():
    assert decode(np.zeros(64)) is None
    assert decode(np.random.default_rng(0).random(64)) is None


def test_cells_of_a_channel_lie_beside_those_of_the_former():
    centers = cell_centers(1, 8)
    assert centers.shape == (64, 2)
    assert centers[0].tolist() == [68, 4]
    assert centers[-1].tolist() == [124, 60]


def test_large_indices_wrap_as_the_block_does():
    assert truncated(65536 + 3, 4096, 1024 + 1, 64) == Identity(3, 0, 1, 0)
