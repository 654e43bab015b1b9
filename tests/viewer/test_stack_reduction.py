"""Planes of a stack at the size at which all of them fit."""

import numpy as np
import pytest

from planecast_viewer.facts import ChannelFacts, Facts
from planecast_viewer.stack.reduction import block_for, reduced, stored_dtype
from planecast_viewer.stack.voxel import Voxel, voxel_of

MIB = 1 << 20


def test_stack_that_fits_is_not_reduced():
    assert block_for((512, 512), np.dtype("u2"), 50, 100 * MIB) == 1


@pytest.mark.parametrize(
    ("shape", "n_planes", "budget"),
    [((2048, 2048), 150, 256 * MIB), ((5000, 300), 1000, 64 * MIB), ((400, 400, 3), 900, 32 * MIB)],
)
def test_reduced_stack_fits_and_a_finer_one_would_not(shape, n_planes, budget):
    def whole(block):
        height, width, *samples = shape
        return (height / block) * (width / block) * np.prod(samples or [1]) * 2 * n_planes

    block = block_for(shape, np.dtype("u2"), n_planes, budget)
    assert whole(block) <= budget
    too_long = max(shape[:2]) / (block - 1) > 2048
    assert whole(block - 1) > budget or too_long


def test_no_side_is_longer_than_a_texture():
    assert block_for((10_000, 40), np.dtype("u1"), 1, 1 << 40, longest=2048) == 5


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i1", "?", "u4", "i4", "f4", "f8", ">u2"])
def test_reduced_pixels_are_means_in_a_dtype_that_can_be_drawn(dtype):
    plane = np.zeros((7, 9), dtype)
    plane[2:4, 4:6] = 1 if dtype == "?" else np.array([[10, 20], [30, 60]]).astype(dtype)
    small = reduced(plane, 2)
    assert small.shape == (3, 4)
    assert small.dtype == stored_dtype(np.dtype(dtype))
    assert small.dtype.isnative
    assert small[1, 2] == (1 if dtype == "?" else 30)
    assert small.sum() == small[1, 2]
    assert not small.flags.writeable


def test_values_below_0_keep_their_sign():
    assert reduced(np.full((4, 4), -300, np.int16), 4).tolist() == [[-300]]
    assert reduced(np.full((4, 4), -70_000, np.int32), 2).tolist() == [[-70_000.0] * 2] * 2


def test_unreduced_plane_is_a_copy_of_its_own():
    plane = np.arange(12, dtype=np.uint16).reshape(3, 4)
    kept = reduced(plane, 1)
    assert not np.shares_memory(plane, kept)
    assert np.array_equal(plane, kept)


def test_alpha_is_left_out():
    rgba = np.dstack([np.full((4, 4), value, np.uint8) for value in (10, 20, 30, 255)])
    assert reduced(rgba, 2)[0, 0].tolist() == [10, 20, 30]


def facts(pixel_size_um, z_step_um):
    return Facts(
        identity="x", name="x", kind="live", channels=(ChannelFacts(name="c"),), fov_labels=("",),
        num_t=1, num_z=2, height=8, width=8, pixel_size_um=pixel_size_um, z_step_um=z_step_um,
    )  # fmt: skip


def test_voxel_has_the_proportions_of_the_specimen():
    assert voxel_of(facts(0.5, 1.5)) == Voxel(0.5, 1.5, True)
    assert voxel_of(facts(0.5, -1.5)) == Voxel(0.5, 1.5, True), "a stage may go down"


@pytest.mark.parametrize(
    ("pixel_size_um", "z_step_um", "said"),
    [
        (None, 1.5, "pixel size unknown: a z step is drawn as large as a pixel"),
        (0.5, None, "z step unknown: drawn as large as a pixel, 0.5 µm"),
        (0.5, 0.0, "z step unknown: drawn as large as a pixel, 0.5 µm"),
    ],
)
def test_what_is_assumed_of_an_unknown_voxel_is_said(pixel_size_um, z_step_um, said):
    voxel = voxel_of(facts(pixel_size_um, z_step_um))
    assert voxel.xy == voxel.z
    assert voxel.assumed == said
