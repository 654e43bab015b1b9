"""A worker that serves one root, with secrets beside it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from attack_site import Site
from worker_rig import running_worker

from planecast_reader.client import ReaderClient


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="pc", dir="/tmp") as folder:
        yield Site(Path(folder))


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[ReaderClient]:
    """A client of a worker that serves the root alone."""
    with running_worker("--cache-mib", "32", "--root", f"data={site.root}") as worker:
        client = ReaderClient(worker.address)
        yield client
        client.close()
