"""Saving stacks by a process, and work in threads: real files, real processes."""

import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import tifffile

from planecast_protocol.errors import PlanecastError
from planecast_protocol.paths import local_roots, to_wire_path
from planecast_protocol.planes import PlaneSource
from planecast_protocol.stack_order import StackOrder
from planecast_viewer.keep.job import ThreadJob
from planecast_viewer.keep.stack_job import StackJob
from planecast_viewer.keep.whole_file import whole_file

NUM_T, NUM_Z = 4, 3


@pytest.fixture
def stack_file(tmp_path):
    """A real file: t, z, c, y, x, each plane of its own brightness."""
    values = np.arange(NUM_T * NUM_Z * 2, dtype=np.uint16).reshape(NUM_T, NUM_Z, 2, 1, 1)
    data = np.broadcast_to(values * 10 + 5, (NUM_T, NUM_Z, 2, 16, 24)).copy()
    path = tmp_path / "stack.ome.tif"
    metadata = {"axes": "TZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"}
    tifffile.imwrite(path, data, ome=True, metadata=metadata, photometric="minisblack")
    return path, data


@pytest.fixture
def order(stack_file, tmp_path):
    """An order for all of the file's planes, made by hand."""
    wire = to_wire_path(str(stack_file[0]), local_roots())
    planes = [
        PlaneSource(path=wire, index={"T": t, "Z": z, "C": c})
        for t in range(NUM_T)
        for z in range(NUM_Z)
        for c in range(2)
    ]
    return StackOrder(
        out=str(tmp_path / "saved.ome.tif"),
        num_t=NUM_T,
        num_z=NUM_Z,
        channels=["BF", "DAPI"],
        planes=planes,
        pixel_size_um=0.5,
        z_step_um=2.0,
    )


def run_job(job, qtbot, timeout=60_000):
    with qtbot.waitSignal(job.ended, timeout=timeout) as ended:
        job.start()
    return tuple(ended.args)


def test_stack_is_saved_with_names_and_sizes(order, stack_file, qtbot):
    steps = []
    job = StackJob(order)
    job.progressed.connect(lambda done, total: steps.append((done, total)))
    assert run_job(job, qtbot) == ("done", f"saved {order.out}")
    with tifffile.TiffFile(order.out) as tiff:
        assert np.array_equal(tiff.series[0].asarray(), stack_file[1])
        description = tiff.ome_metadata
    assert 'PhysicalSizeX="0.5"' in description
    assert 'PhysicalSizeZ="2.0"' in description
    assert 'Name="DAPI"' in description
    assert steps == sorted(steps)
    assert {total for _done, total in steps} == {24}


def test_missing_planes_are_zero_and_counted(order, stack_file, qtbot):
    planes = [None, *order.planes[1:]]
    outcome, text = run_job(StackJob(msgspec.structs.replace(order, planes=planes)), qtbot)
    assert outcome == "done"
    assert "1 of 24 planes is missing" in text
    with tifffile.TiffFile(order.out) as tiff:
        saved = tiff.series[0].asarray()
    assert not saved[0, 0, 0].any()
    assert np.array_equal(saved[1:], stack_file[1][1:])


def test_stack_without_any_plane_is_told_and_leaves_no_file(order, tmp_path, qtbot):
    planes = [None] * len(order.planes)
    outcome, text = run_job(StackJob(msgspec.structs.replace(order, planes=planes)), qtbot)
    assert (outcome, Path(order.out).exists()) == ("failed", False)
    assert "not acquired" in text


def test_cancelled_stack_leaves_no_file(order, tmp_path, qtbot):
    many = msgspec.structs.replace(order, planes=order.planes * 2000, num_t=order.num_t * 2000)
    job = StackJob(many)
    with qtbot.waitSignal(job.ended, timeout=60_000) as ended:
        with qtbot.waitSignal(job.progressed, timeout=60_000):
            job.start()
        job.cancel()
    assert ended.args[0] == "cancelled"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stack.ome.tif"]


def test_what_goes_wrong_in_a_thread_is_told(qapp, qtbot):
    def work(_control):
        raise PlanecastError("the disk is full")

    assert run_job(ThreadJob("Saving x", work), qtbot) == ("failed", "the disk is full")

    def odd(_control):
        return str(1 / 0)

    outcome, text = run_job(ThreadJob("Saving x", odd), qtbot)
    assert (outcome, text) == ("failed", "ZeroDivisionError: division by zero")


def test_file_that_fails_half_way_leaves_the_old_one(tmp_path):
    path = tmp_path / "x.png"
    path.write_text("old")

    def fail():
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_writer_that_cannot_start_is_told(order, qtbot, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    outcome, text = run_job(StackJob(order), qtbot)
    assert outcome == "failed"
    assert "/nowhere/python" in text
