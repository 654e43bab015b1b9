"""The order in which planes are evicted, though it is found out for many at a time."""

import os
from collections.abc import Iterator

import pytest

from planecast_protocol.planes import SharedPlane
from planecast_reader.arena import shared_memory
from planecast_reader.arena.aging import Aging
from planecast_reader.arena.board import BOARD_BYTES
from planecast_reader.arena.leases import ClientArena
from planecast_reader.arena.ledger import Ledger, tick
from planecast_reader.arena.slots import Slot

SIZE = 64 << 10
SLOTS = 40

pytestmark = pytest.mark.skipif(not shared_memory.supported(), reason="no shared memory here")


class Books:
    """A ledger with slots that hold a plane each, and a client that looks at them."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.fd = shared_memory.create("planecast-test", SLOTS * SIZE + BOARD_BYTES)
        row = self.ledger.add_client()
        assert row is not None
        self.client = ClientArena(self.fd, self.ledger.fd, SLOTS * SIZE, row)
        self.aging = Aging(self.ledger)
        now = tick() - 10 * SLOTS
        self.slots = [Slot(n, n * SIZE, SIZE, key=n, last_used=now + n) for n in range(SLOTS)]

    def evicted(self, count: int) -> list[int]:
        """Take the oldest, one after the other; return their numbers."""
        gone = []
        for _ in range(count):
            slot = self.aging.oldest(SIZE, (s for s in self.slots if s.key is not None))
            assert slot is not None
            slot.key = None
            gone.append(slot.number)
        return gone

    def look_at(self, number: int) -> object:
        """Take a plane as a client does; it is held while the result lives."""
        generation = self.ledger.generation(number)
        plane = SharedPlane(slot=number, generation=generation, offset=number * SIZE)
        pixels = self.client.take(plane, (SIZE,), "|u1")
        assert pixels is not None
        return pixels


@pytest.fixture
def books() -> Iterator[Books]:
    books = Books()
    yield books
    os.close(books.fd)
    os.close(books.ledger.fd)


def test_oldest_go_first_over_many_looks(books: Books) -> None:
    assert books.evicted(SLOTS) == list(range(SLOTS))
    assert books.aging.oldest(SIZE, []) is None


def test_plane_that_was_asked_for_meanwhile_stays(books: Books) -> None:
    assert books.evicted(1) == [0]
    books.slots[2].last_used = tick()
    assert books.evicted(SLOTS - 2) == [1, *range(3, SLOTS)]


def test_plane_that_was_found_without_a_message_meanwhile_stays(books: Books) -> None:
    assert books.evicted(1) == [0]
    books.look_at(2)
    assert books.evicted(SLOTS - 2) == [1, *range(3, SLOTS)]


def test_plane_that_is_held_stays(books: Books) -> None:
    held = books.look_at(3)
    assert books.evicted(3) == [0, 1, 2]
    assert 3 not in books.evicted(SLOTS - 4)
    assert books.aging.oldest(SIZE, books.slots[3:4]) is None
    del held
    assert books.aging.oldest(SIZE, books.slots[3:4]) is books.slots[3]


def test_slot_that_holds_another_plane_by_now_is_as_young_as_that(books: Books) -> None:
    assert books.evicted(1) == [0]
    books.slots[1].key, books.slots[1].last_used = "another", tick()
    assert books.evicted(2) == [2, 3]


def test_other_sizes_are_left_alone(books: Books) -> None:
    large = Slot(SLOTS + 1, 0, 2 * SIZE, key="large")
    assert books.aging.oldest(SIZE, [large]) is None
    assert books.aging.oldest(2 * SIZE, [large, *books.slots]) is large
