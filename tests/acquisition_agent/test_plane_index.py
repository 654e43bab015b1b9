"""The index of registered planes."""

import gc
import itertools
import tracemalloc

import numpy as np
import pytest

from planecast_agent.subscriber.cell_table import PAGE_CELLS
from planecast_agent.subscriber.known_planes import Position
from planecast_agent.subscriber.news import PlaneRows
from planecast_agent.subscriber.odd_indices import OddIndices
from planecast_agent.subscriber.path_table import BLOCK_PATHS, PathTable
from planecast_agent.subscriber.plane_index import RegisteredPlanes
from planecast_agent.subscriber.row_store import BLOCK_ROWS, RowStore
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.limits import CHUNK_EVENTS

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
        part = paths[first : first + 1000]
        table.extend("\0".join(part), len(part))
    assert len(table) == len(paths)
    for row in (0, BLOCK_PATHS - 1, BLOCK_PATHS, 5 * BLOCK_PATHS, len(paths) - 1, 17):
        assert table[row] == paths[row]


def test_a_plane_takes_at_most_64_bytes(make_acquired):
    acquired = make_acquired(num_z=25, channels=["a", "b", "c", "d"], fov_labels=["A1:0"] * 96)
    planes = RegisteredPlanes(n_fovs=96, n_z=25, n_channels=4)
    places = itertools.product(range(10), range(96), range(25), range(4))
    tracemalloc.start()
    try:
        while some := list(itertools.islice(places, CHUNK_EVENTS)):
            planes.add(acquired.rows(*some))
        some = places = None
        gc.collect()
        traced, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert planes.n_planes == 96_000
    assert planes.n_bytes() <= 64 * planes.n_planes
    # The tail of plain columns takes 0.5 MB however many planes there are.
    assert traced - 600_000 <= 64 * planes.n_planes


def test_columns_have_the_newest_registration_of_each_plane(planes, acquired):
    planes.add(acquired.rows((0, 0, 0, 0), (0, 0, 1, 0), (1, 1, 0, 1)))
    planes.add(acquired.rows((0, 0, 1, 0)))

    columns = planes.columns()

    told = zip(*(columns[axis].tolist() for axis in ("t", "fov", "z", "channel")), strict=True)
    assert list(told) == [(0, 0, 0, 0), (1, 1, 0, 1), (0, 0, 1, 0)]
    assert columns["registered_at"].tolist() == [100.0, 101.0, 100.0]


def test_rows_are_as_they_came_over_many_blocks(acquired):
    """Sizes, times and places that need 8 to 64 bits, and some that are constant."""
    rng = np.random.default_rng(3)
    n = 2 * BLOCK_ROWS + 100
    integers = np.zeros((9, n), dtype=np.int32)
    integers[0] = rng.integers(0, 2**31 - 1, n)
    integers[1] = np.arange(n) % 200
    integers[4:] = rng.integers(-1, 3, (5, n))
    rows = PlaneRows(
        integers=integers,
        registered_at=rng.random(n),
        sizes=rng.integers(-1, 2**62, n),
        mtimes=np.where(np.arange(n) % 2, -(2**63), 2**63 - 1),
        joined_paths="\0".join(["d:x"] * n),
    )
    store = RowStore()
    for first in range(0, n, 3000):
        part = slice(first, min(n, first + 3000))
        store.append(
            PlaneRows(
                integers=rows.integers[:, part],
                registered_at=rows.registered_at[part],
                sizes=rows.sizes[part],
                mtimes=rows.mtimes[part],
                joined_paths="",
            )
        )

    for row in (0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, 2 * BLOCK_ROWS, n - 1):
        found = store.row(row)
        assert found.integers == tuple(integers[:, row].tolist())
        assert found.registered_at == rows.registered_at[row]
        assert (found.size_bytes, found.mtime_ns) == (rows.sizes[row], rows.mtimes[row])
    assert (store.axes(5, n - 5) == integers[:4, 5 : n - 5]).all()
    assert (store.column(11, 0, n) == rows.mtimes).all()


def test_odd_indices_are_found_again_after_their_compression():
    odd = OddIndices()
    for first in range(0, 10_000, 500):
        odd.update({row: {"H": row, "λ": 2} for row in range(first, first + 500, 2)})

    for row in (0, 4, 8190, 8192, 9998):
        assert odd.get(row) == {"H": row, "λ": 2}
    for row in (1, 8191, 20_000):
        assert odd.get(row) is None


def test_planes_are_counted_by_fov_each_once(planes, acquired):
    planes.add(acquired.rows((0, 0, 0, 0), (0, 0, 0, 1), (0, 1, 2, 0), (0, 1, 2, 0)))
    planes.add(acquired.rows((0, 1, 2, 0), (7, 1, 0, 1)))
    assert planes.planes_per_fov().tolist()[:2] == [2, 2]
    assert planes.planes_per_fov().sum() == planes.n_planes
