"""Callers who look for a plane before they ask for it, or while their question is on its way."""

import time
from pathlib import Path

import numpy as np
import pytest
from worker_rig import (
    TIMEOUT_S,
    Asked,
    Worker,
    picture,
    plane_request,
    status,
    stopped,
    write_stack,
)

from planecast_protocol.errors import ReaderTimeoutError
from planecast_reader.arena import leases
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.lookup import Lookup

PLANES = 12


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(leases, "FRESH_NS", 60 * 10**9)  # however busy the machine
    path = tmp_path / "stack.ome.tif"
    write_stack(path, PLANES)
    return path


def read(client: ReaderClient, path: Path, z: int, timeout_s: float = TIMEOUT_S) -> PixelAnswer:
    answer = client.request(plane_request(path, index={"Z": z}), timeout_s)
    assert isinstance(answer, PixelAnswer)
    np.testing.assert_array_equal(answer.pixels, picture(z))
    return answer


def test_plane_that_is_there_needs_no_front_also_after_a_new_one(
    worker: Worker, client: ReaderClient, stack: Path
) -> None:
    assert not read(client, stack, 0).cached
    assert not read(client, stack, 1).cached
    status(client)  # by now the front has done its books
    with stopped(worker.process.pid):
        for _ in range(3):  # asked for first, then no more
            assert read(client, stack, 0).cached
            assert read(client, stack, 1).cached
    for z in range(PLANES):  # the front's late answer is nobody's
        read(client, stack, z)
    np.testing.assert_array_equal(
        Asked(client, plane_request(stack, index={"Z": 3})).pixels(), picture(3)
    )


def test_plane_that_is_not_there_is_waited_for(
    worker: Worker, client: ReaderClient, stack: Path
) -> None:
    read(client, stack, 0)
    with stopped(worker.process.pid), pytest.raises(ReaderTimeoutError):
        read(client, stack, 1, timeout_s=0.2)
    assert read(client, stack, 0).cached
    read(client, stack, 1)


def test_planes_that_are_there_and_new_ones_in_any_order(client: ReaderClient, stack: Path) -> None:
    """Those that were read are there, whatever was expected of them."""
    known: set[int] = set()
    for z in np.random.default_rng(6).integers(0, PLANES, 200).tolist():
        is_cached = read(client, stack, z).cached  # neighbours are read ahead
        assert is_cached or z not in known
        known.add(z)
    assert len(known) == PLANES


def test_plane_that_must_be_asked_for_is_not_looked_for(
    worker: Worker, client: ReaderClient, stack: Path
) -> None:
    read(client, stack, 0)
    request = plane_request(stack, index={"Z": 0})
    for _ in range(2):  # after a new one, and after one that was there
        with stopped(worker.process.pid), pytest.raises(ReaderTimeoutError):
            client.request(request, 0.2, find=False)
        answer = client.request(request, TIMEOUT_S, find=False)
        assert isinstance(answer, PixelAnswer)
        assert answer.cached


def test_plane_that_is_read_while_it_is_looked_for_is_not_from_the_cache(
    client: ReaderClient, stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = Lookup.meanwhile

    def late(look: Lookup) -> PixelAnswer | None:
        time.sleep(0.2)  # it is read and published by now
        return meanwhile(look)

    monkeypatch.setattr(Lookup, "meanwhile", late)
    for z in (0, 6):  # none of them read ahead for the other
        assert not read(client, stack, z).cached
