"""What the tests with real processes share: no module of them leaves anything behind."""

import gc
from collections.abc import Iterator

import pytest
import zarr
from left_behind import held, left


@pytest.fixture(scope="session")
def lasting_threads() -> None:
    """Start what zarr starts with its first array and keeps for as long as the process lives."""
    zarr.create_array({}, shape=(1,), dtype="u1")[:] = 1


@pytest.fixture(scope="module", autouse=True)
def nothing_left_behind(lasting_threads: None) -> Iterator[None]:
    """Fail after a module that leaves a thread, process, open file, socket or shared memory."""
    gc.collect()
    before = held()
    yield
    # The microscope's library keeps its log open.
    found = [one for one in left(before) if "pymmcore-plus.log" not in one]
    assert not found, f"left behind: {'; '.join(found)}"
