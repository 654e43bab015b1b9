"""The plane cache: slots are never handed out while somebody looks at them."""

import gc
import os
import sys
import time
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from planecast_protocol.planes import SharedPlane
from planecast_protocol.reader_messages import PlaneArea, ReadPixels, TileArea
from planecast_reader.arena import cache
from planecast_reader.arena.cache import Arena, shared_memory
from planecast_reader.arena.leases import ClientArena
from planecast_reader.arena.ledger import digest_of, known_digest_of
from planecast_reader.arena.prefault import SLAB_BYTES
from planecast_reader.arena.slots import Slot, slot_size

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has both ways")

PLANE = 2 << 20
SLOTS_PER_SLAB = SLAB_BYTES // PLANE


@pytest.fixture(params=["memfd", "posix"])
def arena(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    """An arena of two slabs, by each way that Linux has."""
    monkeypatch.setenv(shared_memory.VARIABLE, request.param)
    monkeypatch.setattr(cache, "PATIENCE_S", 60.0)  # what is evicted is not to depend on the load
    arena = Arena(2 * SLAB_BYTES)
    yield arena
    arena.close()
    os.close(arena.fd)
    os.close(arena.ledger.fd)


@pytest.fixture
def client(arena: Arena) -> ClientArena:
    row = arena.ledger.add_client()
    assert row is not None
    return ClientArena(arena.fd, arena.ledger.fd, arena.nbytes, row)


def allocate(arena: Arena, nbytes: int) -> Slot:
    slot = arena.allocate(nbytes)
    assert slot is not None
    return slot


def fill(arena: Arena, key: str, value: int, nbytes: int = PLANE) -> SharedPlane:
    """Do what the front and a reader do: allocate, write, publish."""
    slot = allocate(arena, nbytes)
    with shared_memory.map_writable(arena.fd, arena.nbytes) as memory:
        memory[slot.offset : slot.offset + nbytes] = bytes([value]) * nbytes
    generation = arena.publish(slot, key, None)
    return SharedPlane(slot=slot.number, generation=generation, offset=slot.offset)


def test_published_plane_is_found_and_taken(arena: Arena, client: ClientArena) -> None:
    shared = fill(arena, "a", 7)
    pixels = client.take(shared, (PLANE,), "|u1")
    assert arena.find("a") is not None
    assert pixels is not None
    assert (pixels == 7).all()


def test_taken_plane_can_not_be_written(arena: Arena, client: ClientArena) -> None:
    pixels = client.take(fill(arena, "a", 7), (PLANE,), "|u1")
    assert pixels is not None
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 1


def test_held_planes_survive_the_filling_of_the_whole_arena(
    arena: Arena, client: ClientArena
) -> None:
    held = [client.take(fill(arena, f"held{n}", n + 1), (PLANE,), "|u1") for n in range(3)]
    for n in range(5 * SLOTS_PER_SLAB):
        fill(arena, f"passing{n}", 99)
    for n, pixels in enumerate(held):
        assert pixels is not None
        assert (pixels == n + 1).all()


def test_least_recently_used_plane_goes_first(arena: Arena) -> None:
    for n in range(2 * SLOTS_PER_SLAB):
        fill(arena, f"p{n}", n)
    assert arena.find("p0") is not None
    fill(arena, "new", 1)
    assert arena.find("p0") is not None
    assert arena.find("p1") is None


def test_nothing_is_allocated_while_everything_is_held(arena: Arena, client: ClientArena) -> None:
    shared = [fill(arena, f"p{n}", n) for n in range(2 * SLOTS_PER_SLAB)]
    held = [client.take(plane, (PLANE,), "|u1") for plane in shared]
    assert arena.allocate(PLANE) is None
    del held[0]
    gc.collect()
    assert arena.allocate(PLANE) is not None


def test_views_keep_the_lease_and_their_end_gives_it_back(
    arena: Arena, client: ClientArena
) -> None:
    pixels = client.take(fill(arena, "a", 1), (PLANE // 2,), "<u2")
    assert pixels is not None
    view = pixels[10:20][::2]
    del pixels
    assert arena.ledger.count_leased() == 1
    del view
    assert arena.ledger.count_leased() == 0


def test_arrays_made_of_a_views_owner_keep_the_lease_and_end_none(
    arena: Arena, client: ClientArena
) -> None:
    pixels = client.take(fill(arena, "a", 1), (PLANE,), "|u1")
    assert pixels is not None
    owner = pixels.base
    assert isinstance(owner, np.ndarray)
    copied, part = owner.copy(), owner[1:]
    assert not part.flags.writeable
    del pixels, copied
    owner[2:].sum()
    assert arena.ledger.count_leased() == 1
    del owner
    assert arena.ledger.count_leased() == 1
    del part
    assert arena.ledger.count_leased() == 0


def test_two_leases_on_a_slot_end_one_by_one(arena: Arena, client: ClientArena) -> None:
    shared = fill(arena, "a", 1)
    first = client.take(shared, (PLANE,), "|u1")
    second = client.take(shared, (PLANE,), "|u1")
    del first
    assert arena.ledger.count_leased() == 1
    del second
    assert arena.ledger.count_leased() == 0


def test_plane_that_was_evicted_on_the_way_is_not_taken(arena: Arena, client: ClientArena) -> None:
    shared = fill(arena, "p", 1)
    for n in range(2 * SLOTS_PER_SLAB):
        fill(arena, f"q{n}", 2)
    assert client.take(shared, (PLANE,), "|u1") is None
    assert arena.ledger.count_leased() == 0


def test_leases_of_a_client_that_is_gone_end(arena: Arena) -> None:
    row = arena.ledger.add_client()
    assert row is not None
    client = ClientArena(arena.fd, arena.ledger.fd, arena.nbytes, row)
    pixels = client.take(fill(arena, "a", 1), (PLANE,), "|u1")
    assert pixels is not None
    arena.ledger.drop_client(row)
    assert arena.ledger.count_leased() == 0


def test_forgotten_plane_is_reused_only_when_nobody_holds_it(
    arena: Arena, client: ClientArena
) -> None:
    pixels = client.take(fill(arena, "a", 5), (PLANE,), "|u1")
    arena.forget("a")
    assert arena.find("a") is None
    for n in range(4 * SLOTS_PER_SLAB):
        fill(arena, f"q{n}", 2)
    assert pixels is not None
    assert (pixels == 5).all()


def test_plane_larger_than_a_slab_takes_adjacent_slabs(arena: Arena, client: ClientArena) -> None:
    nbytes = SLAB_BYTES + (1 << 20)
    pixels = client.take(fill(arena, "large", 3, nbytes), (nbytes,), "|u1")
    assert pixels is not None
    assert (pixels == 3).all()


def test_slabs_go_over_to_another_size_of_plane(arena: Arena) -> None:
    for n in range(2 * SLOTS_PER_SLAB):
        fill(arena, f"p{n}", n)
    fill(arena, "large", 3, 2 * SLAB_BYTES)
    assert arena.find("large") is not None
    assert arena.find("p0") is None


def test_many_small_planes_do_not_exhaust_the_numbers(arena: Arena) -> None:
    for n in range(3000):
        fill(arena, f"small{n}", n % 251, 1000)
    assert arena.find("small2999") is not None


@pytest.mark.parametrize("nbytes", [1, 65_536, 65_537, 2048 * 2048 * 2, 3 * 2048 * 2048, 10**9 + 7])
def test_slot_wastes_at_most_an_eighth(nbytes: int) -> None:
    size = slot_size(nbytes)
    assert size >= nbytes
    assert size <= max(65_536, nbytes * 1.126)
    assert size % 4096 == 0


def test_random_use_never_shows_wrong_pixels(arena: Arena, client: ClientArena) -> None:
    random = np.random.default_rng(3)
    shared: dict[int, SharedPlane] = {}
    held: dict[int, object] = {}
    wrong = 0
    for _ in range(1500):
        number = int(random.integers(0, 40))
        if arena.find(f"p{number}") is None and arena.ledger.count_leased() < SLOTS_PER_SLAB:
            shared[number] = fill(arena, f"p{number}", number, PLANE // 4)
        if number in shared and len(held) < SLOTS_PER_SLAB:
            pixels = client.take(shared[number], (PLANE // 4,), "|u1")
            if pixels is not None:
                held[number] = pixels
        if len(held) > 3:
            held.pop(next(iter(held)))
        wrong += sum(int((np.asarray(p)[::65536] != n).any()) for n, p in held.items())
    assert wrong == 0


def test_a_passing_plane_is_evicted_first_once_it_was_taken(
    arena: Arena, client: ClientArena
) -> None:
    shared = fill(arena, "passing", 1)
    slot = arena.find("passing")
    assert slot is not None
    arena.let_pass(slot)
    others = [f"other {n}" for n in range(2 * SLOTS_PER_SLAB - 1)]
    for name in others:  # it was not taken yet, so they all go elsewhere
        fill(arena, name, 2)
    assert arena.find("passing") is slot
    taken = client.take(shared, (PLANE,), "|u1")
    assert taken is not None
    del taken
    gc.collect()
    assert allocate(arena, PLANE) is slot
    assert arena.find("passing") is None
    assert all(arena.find(name) is not None for name in others)


def test_a_passing_plane_that_is_kept_after_all_is_like_all_others(
    arena: Arena, client: ClientArena
) -> None:
    shared = fill(arena, "passing", 1)
    slot = arena.find("passing")
    assert slot is not None
    arena.let_pass(slot)
    assert client.take(shared, (PLANE,), "|u1") is not None
    arena.keep(slot)
    gc.collect()
    for n in range(2 * SLOTS_PER_SLAB - 1):
        fill(arena, f"other {n}", 2)
    assert arena.find("passing") is slot


def test_digest_stands_for_the_plane_however_it_is_asked_for() -> None:
    plane = ReadPixels(request=1, path="a.tif", index={"Z": 3, "C": 1})
    again = ReadPixels(request=2, path="a.tif", index={"C": 1, "T": 0, "Z": 3})
    assert digest_of(plane) == digest_of(again) == known_digest_of(again)
    others = [
        msgspec.structs.replace(plane, **change)
        for change in (
            {"path": "b.tif"},
            {"scene": 1},
            {"index": {"Z": 1, "C": 3}},
            {"area": PlaneArea(page=1)},
            {"area": TileArea(tile=1)},
            {"revision": 1},
        )
    ]
    assert len({digest_of(request) for request in (plane, *others)}) == 7


def test_prepared_arena_has_a_slot_ready_before_it_is_wanted(arena: Arena) -> None:
    for n in range(2 * SLOTS_PER_SLAB):
        fill(arena, f"p{n}", n)
    assert not arena.spare_slots(PLANE)
    prepare_until_spare(arena)
    assert arena.find("p0") is None
    assert arena.find("p1") is not None
    assert arena.allocate(PLANE) is not None


def test_prepared_arena_leaves_alone_what_is_held(arena: Arena, client: ClientArena) -> None:
    shared = [fill(arena, f"p{n}", n) for n in range(2 * SLOTS_PER_SLAB)]
    held = [client.take(plane, (PLANE,), "|u1") for plane in shared[:-2]]
    prepare_until_spare(arena)
    fill(arena, "new", 99)
    for n, pixels in enumerate(held):
        assert pixels is not None
        assert (pixels == n).all()


def prepare_until_spare(arena: Arena) -> None:
    deadline = time.monotonic() + 10
    while not arena.spare_slots(PLANE):
        assert time.monotonic() < deadline
        arena.prepare()
