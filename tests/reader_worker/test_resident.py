"""Memory of a client that looks at many planes: bounded, and what it holds stays right."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from planecast_protocol.planes import SharedPlane
from planecast_reader.arena import cache
from planecast_reader.arena.cache import Arena, shared_memory
from planecast_reader.arena.leases import ClientArena
from planecast_reader.arena.prefault import SLAB_BYTES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pages are unmapped on Linux")

SLABS = 8
LIMIT = 2


@pytest.fixture
def arena(monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    monkeypatch.setattr(cache, "PATIENCE_S", 60.0)  # what is evicted is not to depend on the load
    arena = Arena(SLABS * SLAB_BYTES)
    yield arena
    arena.close()
    os.close(arena.fd)
    os.close(arena.ledger.fd)


@pytest.fixture
def client(arena: Arena) -> ClientArena:
    row = arena.ledger.add_client()
    assert row is not None
    limit = LIMIT * SLAB_BYTES
    return ClientArena(arena.fd, arena.ledger.fd, arena.nbytes, row, limit)


def fill(arena: Arena, value: int, nbytes: int = SLAB_BYTES) -> SharedPlane:
    slot = arena.allocate(nbytes)
    assert slot is not None
    with shared_memory.map_writable(arena.fd, arena.nbytes) as memory:
        memory[slot.offset : slot.offset + nbytes] = bytes([value]) * nbytes
    generation = arena.publish(slot, f"plane {value}", None)
    return SharedPlane(slot=slot.number, generation=generation, offset=slot.offset)


def mapped_bytes(client: ClientArena) -> int:
    """Return how much of the arena the kernel counts as memory of this process."""
    at, arena = -1, np.frombuffer(client._data, np.uint8).ctypes.data
    for line in Path("/proc/self/smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0] and not words[0].endswith(":"):
            at = int(words[0].partition("-")[0], 16)
        elif at == arena and words[0] == "Rss:":
            return int(words[1]) << 10
    raise AssertionError("the arena is not mapped")


def test_many_planes_looked_at_do_not_stay_in_memory(arena: Arena, client: ClientArena) -> None:
    for value in range(1, SLABS + 1):
        pixels = client.take(fill(arena, value), (SLAB_BYTES,), "|u1")
        assert pixels is not None
        assert int(pixels.sum(dtype=np.int64)) == value * SLAB_BYTES
        del pixels
    assert mapped_bytes(client) <= LIMIT * SLAB_BYTES


def test_planes_that_are_held_stay_whatever_the_limit(arena: Arena, client: ClientArena) -> None:
    held = [client.take(fill(arena, value), (SLAB_BYTES,), "|u1") for value in range(1, 6)]
    for value, pixels in enumerate(held, start=1):
        assert pixels is not None
        assert (pixels == value).all()
    # The kernel counts a page or two beside them.
    assert 5 * SLAB_BYTES <= mapped_bytes(client) < 6 * SLAB_BYTES
    del pixels
    held.clear()
    assert client.take(fill(arena, 6), (SLAB_BYTES,), "|u1") is not None
    assert mapped_bytes(client) <= LIMIT * SLAB_BYTES


def test_small_planes_beside_a_held_one_are_not_unmapped(arena: Arena, client: ClientArena) -> None:
    small = SLAB_BYTES // 4
    kept = client.take(fill(arena, 1, small), (small,), "|u1")
    for value in range(2, 12):
        assert client.take(fill(arena, value, small), (small,), "|u1") is not None
    for value in range(20, 20 + SLABS - 3):
        assert client.take(fill(arena, value), (SLAB_BYTES,), "|u1") is not None
    assert kept is not None
    assert (kept == 1).all()


def test_a_plane_that_was_unmapped_is_found_again(arena: Arena, client: ClientArena) -> None:
    planes = [fill(arena, value) for value in range(1, SLABS + 1)]
    for shared in planes:
        assert client.take(shared, (SLAB_BYTES,), "|u1") is not None
    again = client.take(planes[0], (SLAB_BYTES,), "|u1")
    assert again is not None
    assert (again == 1).all()
