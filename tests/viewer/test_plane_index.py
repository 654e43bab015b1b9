"""The index of registered planes."""

import numpy as np
import pytest

from planecast_protocol.axes import PlaneIndex
from planecast_viewer.known_planes import Position
from planecast_viewer.path_table import BLOCK_PATHS, PathTable
from planecast_viewer.plane_index import PAGE_CELLS, RegisteredPlanes

CHANNELS = 2


@pytest.fixture
def planes():
    return RegisteredPlanes(n_fovs=2, n_z=3, n_channels=CHANNELS)


def both(t, fov, z):
    return [(t, fov, z, channel) for channel in range(CHANNELS)]


def test_registered_plane_is_found_with_its_source(planes, acquired):
    planes.add(acquired.rows((0, 1, 2, 1), (4, 0, 0, 0)))
    assert planes.has(PlaneIndex(0, 1, 2, 1))
    assert not planes.has(PlaneIndex(0, 1, 2, 0))
    assert planes.source(PlaneIndex(4, 0, 0, 0)).path == "data:4/0_0_0.tiff"
    assert planes.registered_at(PlaneIndex(4, 0, 0, 0)) == 104.0
    assert (planes.n_planes, planes.n_t) == (2, 5)
    with pytest.raises(KeyError):
        planes.source(PlaneIndex(1, 0, 0, 0))


def test_index_outside_of_the_axes_is_simply_not_there(planes, acquired):
    planes.add(acquired.rows(*both(0, 0, 0)))
    for index in ((0, 2, 0, 0), (0, 0, 3, 0), (0, 0, 0, 2), (10**9, 0, 0, 0)):
        assert not planes.has(PlaneIndex(*index))


def test_all_of_a_source_comes_back(planes, acquired):
    from planecast_protocol.columns import pack, unpack
    from planecast_viewer.news import PlaneRows

    source = {"path": "d:x.czi", "scene": 3, "index": {"T": 1, "Z": 2}, "size_bytes": 9}
    first = acquired.image(0, 0, 0, 0, **source, mtime_ns=7)
    odd = acquired.image(0, 0, 0, 1, path="d:y.czi", index={"H": 4, "Z": 1}, page=5)
    planes.add(PlaneRows.of(unpack(pack([first, odd]))))
    assert planes.source(first.index) == first.source
    assert planes.source(odd.index) == odd.source


def test_plane_registered_again_counts_once_and_has_a_new_revision(planes, acquired):
    planes.add(acquired.rows((0, 0, 0, 0)))
    index = PlaneIndex(0, 0, 0, 0)
    assert planes.revision(index) == 0
    planes.add(acquired.rows((0, 0, 0, 0)))
    assert (planes.n_planes, planes.revision(index)) == (1, 1)
    planes.add(acquired.rows((0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 0)))
    assert (planes.n_planes, planes.revision(index)) == (2, 3)


def test_plane_that_was_not_announced_is_refused(planes, acquired):
    rows = acquired.rows((0, 0, 0, 0), (0, 7, 0, 0), (0, 0, 9, 0), (0, 0, 0, 1))
    taken = planes.add(rows)
    assert taken.T.tolist() == [[0, 0, 0, 0], [0, 0, 0, 1]]
    assert (planes.n_planes, planes.refused) == (2, 2)
    assert planes.source(PlaneIndex(0, 0, 0, 1)).path == "data:0/0_0_1.tiff"


def test_far_time_point_costs_one_page(planes, acquired):
    planes.add(acquired.rows((2**31 - 1, 0, 0, 0)))
    assert planes.has(PlaneIndex(2**31 - 1, 0, 0, 0))
    assert planes.n_t == 2**31


def test_newest_complete_position_is_followed(planes, acquired):
    assert planes.follow_target({}) is None
    planes.add(acquired.rows((0, 0, 0, 0)))
    assert planes.follow_target({}) == Position(0, 0, 0)
    planes.add(acquired.rows((0, 0, 0, 1), (0, 0, 1, 0)))
    assert planes.follow_target({}) == Position(0, 0, 0)
    planes.add(acquired.rows((0, 0, 1, 1)))
    assert planes.follow_target({}) == Position(0, 0, 1)


def test_retaken_plane_is_followed_to(planes, acquired):
    planes.add(acquired.rows(*both(0, 0, 0), *both(0, 0, 1)))
    planes.add(acquired.rows((0, 0, 0, 1)))
    assert planes.follow_target({}) == Position(0, 0, 0)


def test_channels_one_after_another_are_followed_through_what_is_left_behind(acquired):
    planes = RegisteredPlanes(n_fovs=2, n_z=3, n_channels=2)
    stack = [(0, fov, z, 0) for fov in range(2) for z in range(3)]
    planes.add(acquired.rows(*stack))
    assert planes.follow_target({}) == Position(0, 1, 1)
    planes.add(acquired.rows((0, 0, 0, 1)))
    assert planes.follow_target({}) == Position(0, 0, 0)


def test_locked_axis_is_held(planes, acquired):
    planes.add(acquired.rows(*both(0, 0, 1), *both(0, 1, 1), *both(1, 0, 1), *both(1, 0, 2)))
    assert planes.follow_target({"fov": 1}) == Position(0, 1, 1)
    assert planes.follow_target({"z": 1}) == Position(1, 0, 1)
    assert planes.follow_target({"z": 0}) is None


def test_many_planes_over_many_pages_are_all_found(acquired):
    planes = RegisteredPlanes(n_fovs=2, n_z=3, n_channels=2)
    n_t = 3 * PAGE_CELLS // 12
    rng = np.random.default_rng(1)
    indices = [(t, f, z, c) for t in range(n_t) for f in range(2) for z in range(3) for c in (0, 1)]
    order = rng.permutation(len(indices))
    for first in range(0, len(order), 5000):
        planes.add(acquired.rows(*(indices[i] for i in order[first : first + 5000])))
    assert planes.n_planes == len(indices)
    for number in rng.integers(0, len(indices), 200):
        t, fov, z, channel = indices[number]
        found = planes.source(PlaneIndex(t, fov, z, channel)).path
        assert found == f"data:{t}/{fov}_{z}_{channel}.tiff"


def test_paths_survive_their_compression():
    table = PathTable()
    paths = [f"data:acquisition/{n:06}_µ.tiff" for n in range(5 * BLOCK_PATHS + 10)]
    for first in range(0, len(paths), 1000):
        table.extend(paths[first : first + 1000])
    assert len(table) == len(paths)
    for row in (0, BLOCK_PATHS - 1, BLOCK_PATHS, 5 * BLOCK_PATHS, len(paths) - 1, 17):
        assert table[row] == paths[row]
