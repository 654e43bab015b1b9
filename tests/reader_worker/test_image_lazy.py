"""Lazy and labelled arrays: values, labels, and computing elsewhere."""

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from image_rig import hyperstack, opened, write_gaps, write_ome
from worker_rig import Worker, running_worker

from planecast_protocol.errors import NoDataError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these use Unix sockets")

SHAPE = (3, 2, 4, 30, 40)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with running_worker("--cache-mib", "128") as worker:
        yield worker


@pytest.fixture
def path(tmp_path: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLANECAST_WORKER", worker.address)
    write_ome(tmp_path / "a.ome.tif", hyperstack(*SHAPE), "TCZYX", TimeIncrement=2.5)
    return tmp_path / "a.ome.tif"


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [("plane", (1, 1, 1, 30, 40)), ("zyx", (1, 1, 4, 30, 40))],
)
def test_chunks_are_planes_or_z_stacks(
    worker: Worker, path: Path, chunks: str, expected: tuple[int, ...]
):
    with opened(worker, path) as image:
        lazy = image.to_dask(chunks=chunks)  # type: ignore[arg-type]
    assert lazy.chunksize == expected
    computed = lazy[1:, :, ::2, 3:9].compute(scheduler="threads")
    np.testing.assert_array_equal(computed, hyperstack(*SHAPE)[1:, :, ::2, 3:9])


def test_other_chunks_are_refused(worker: Worker, path: Path):
    with opened(worker, path) as image, pytest.raises(ValueError, match="plane, zyx"):
        image.to_dask(chunks="auto")  # type: ignore[arg-type]


def test_a_missing_plane_fails_when_it_is_computed(worker: Worker, tmp_path: Path, path: Path):
    stack = hyperstack(5, 20, 30)
    write_gaps(tmp_path / "gaps.czi", stack, missing={2})
    with opened(worker, tmp_path / "gaps.czi") as image:
        lazy = image.to_dask().squeeze()
    np.testing.assert_array_equal(lazy[3].compute(), stack[3])
    with pytest.raises(NoDataError, match="Z=2"):
        lazy.compute()


def test_labels_are_names_and_places_in_the_specimen(worker: Worker, path: Path):
    with opened(worker, path) as image:
        labelled = image.to_xarray()
    assert labelled.dims == ("T", "C", "Z", "Y", "X")
    assert labelled.coords["C"].values.tolist() == ["DAPI", "GFP"]
    np.testing.assert_allclose(labelled.coords["X"], np.arange(40) * 0.5)
    np.testing.assert_allclose(labelled.coords["Z"], np.arange(4) * 2.0)
    np.testing.assert_allclose(labelled.coords["T"], np.arange(3) * 2.5)
    assert labelled.coords["Z"].attrs == {"units": "um"}
    assert labelled.coords["T"].attrs == {"units": "s"}
    assert labelled.attrs["pixel_size_um"] == {"x": 0.5, "y": 0.5, "z": 2.0}
    np.testing.assert_array_equal(
        labelled.sel(C="GFP").isel(T=1, Z=2).compute().values, hyperstack(*SHAPE)[1, 1, 2]
    )


def test_what_the_file_does_not_say_has_no_coordinate(worker: Worker, tmp_path: Path, path: Path):
    stack = hyperstack(5, 20, 30)
    write_gaps(tmp_path / "plain.czi", stack, missing=set())
    with opened(worker, tmp_path / "plain.czi") as image:
        labelled = image.to_xarray()
        known = {axis for axis in "zyx" if image.scenes[0].pixel_size_um[axis] is not None}
    assert set(labelled.coords) == {"C"} | {axis.upper() for axis in known}
    np.testing.assert_array_equal(labelled.squeeze(drop=True).values, stack)


def test_labelled_arrays_pickle(worker: Worker, path: Path):
    with opened(worker, path) as image:
        labelled = pickle.loads(pickle.dumps(image.to_xarray(chunks="zyx")))
    np.testing.assert_array_equal(labelled.values, hyperstack(*SHAPE))


@pytest.mark.slow
# Its own sockets and loops, when its processes end, are distributed's business.
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_of_processes_computes_equal_pixels(worker: Worker, path: Path):
    distributed = pytest.importorskip("distributed")
    with opened(worker, path) as image:
        lazy, labelled = image.to_dask(), image.to_xarray(chunks="zyx")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert len(client.nthreads()) == 2
        np.testing.assert_array_equal(lazy.compute(), hyperstack(*SHAPE))
        np.testing.assert_array_equal(
            labelled.sel(C="DAPI").max("Z").compute().values, hyperstack(*SHAPE)[:, 0].max(axis=1)
        )
