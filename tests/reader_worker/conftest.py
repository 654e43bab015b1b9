"""Fixtures of the reader worker's tests. Those of the formats begin with `readers_`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from readers_contract import data_folder
from worker_rig import Worker, running_worker

from planecast_reader.client import ReaderClient


@pytest.fixture(scope="session")
def readers_data() -> Path:
    """Return the folder of real microscope files."""
    folder = data_folder()
    if not (folder / "truth.json").is_file():
        pytest.skip(f"no test data in {folder}; set PLANECAST_TEST_DATA")
    return folder


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A real worker with a small plane cache."""
    with running_worker("--cache-mib", "128") as worker:
        yield worker


@pytest.fixture
def client(worker: Worker) -> Iterator[ReaderClient]:
    """A client of the worker."""
    client = ReaderClient(worker.address)
    yield client
    client.close()
