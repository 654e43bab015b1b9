"""Planes that a client takes at the moment they are filled: never before, never another's."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from planecast_protocol.planes import SharedPlane
from planecast_protocol.task_messages import MemorySlot
from planecast_reader.arena.cache import Arena
from planecast_reader.arena.leases import ClientArena
from planecast_reader.arena.ledger import GRACE_S
from planecast_reader.arena.prefault import SLAB_BYTES
from planecast_reader.arena.reader_arena import ReaderArena
from planecast_reader.arena.slots import Slot

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bells are for Linux")

PLANE = 2 << 20
SHAPE, DTYPE = (PLANE,), "|u1"
ROUNDS = 1500
WRITER = """
import sys, numpy as np
from planecast_protocol.task_messages import MemorySlot
from planecast_reader.arena.reader_arena import ReaderArena
fds, nbytes, row = (int(sys.argv[1]), int(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4])
arena = ReaderArena(*fds, nbytes)
for line in sys.stdin:
    slot, value = MemorySlot(*map(int, line.split()[:4])), int(line.split()[4])
    arena.view(slot, (slot.capacity,), np.dtype(np.uint8))[:] = value
    print(int(arena.fill(slot, 1.5, row)), flush=True)
"""


class Rig:
    """The front's arena, a client's and a reader's view of it, and one slot that is filled."""

    def __init__(self) -> None:
        self.arena = Arena(SLAB_BYTES)
        row = self.arena.ledger.add_client()
        assert row is not None
        self.row = row
        fds = self.arena.fd, self.arena.ledger.fd
        self.client = ClientArena(*fds, self.arena.nbytes, row)
        self.reader = ReaderArena(*fds, self.arena.nbytes)
        self.next_slot()

    def next_slot(self) -> None:
        slot = self.arena.allocate(PLANE)
        assert slot is not None
        self.slot: Slot = slot
        generation = self.arena.generation(slot)
        self.memory = MemorySlot(slot.number, generation, slot.offset, slot.capacity)
        self.told = SharedPlane(slot=slot.number, generation=generation, offset=slot.offset)

    def fill(self, value: int) -> bool:
        """Do what a reader does; tell whether it thinks that the client has the plane."""
        self.reader.view(self.memory, SHAPE, np.dtype(DTYPE))[:] = value
        return self.reader.fill(self.memory, 1.5, self.row)

    def take(self, wait: Callable[[Callable[[], bool]], object]) -> tuple[np.ndarray, float] | None:
        return self.client.take_soon(self.told, SHAPE, DTYPE, wait)

    def close(self) -> None:
        self.arena.close()
        os.close(self.arena.fd)
        os.close(self.arena.ledger.fd)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


def nobody_fills(is_there: Callable[[], bool]) -> None:
    assert not is_there()


def test_plane_is_taken_when_it_is_filled_and_the_reader_knows(rig: Rig) -> None:
    seen: list[bool] = []

    def wait(is_there: Callable[[], bool]) -> None:
        seen.extend([is_there(), rig.fill(7), is_there()])

    taken = rig.take(wait)
    assert taken is not None
    assert (taken[0] == 7).all()
    assert taken[1] == 1.5
    assert seen == [False, True, True]


def test_reader_knows_that_nobody_is_awake(rig: Rig) -> None:
    assert not rig.fill(7)


def test_a_lease_that_is_no_waiting_counts_for_nothing(rig: Rig) -> None:
    pixels = rig.client.take(rig.told, SHAPE, DTYPE)
    assert pixels is not None
    assert not rig.fill(7)


def test_who_gives_up_has_no_plane_and_no_lease(rig: Rig) -> None:
    assert rig.take(nobody_fills) is None
    gc.collect()
    assert rig.arena.ledger.count_leased() == 0
    assert not rig.fill(7)


def test_plane_that_is_filled_at_the_moment_of_giving_up_is_taken(rig: Rig) -> None:
    """Else nobody would answer: the reader has seen that the client waits."""
    taken = rig.take(lambda _is_there: rig.fill(9))
    assert taken is not None
    assert (taken[0] == 9).all()


def test_plane_that_the_front_publishes_meanwhile_is_taken(rig: Rig) -> None:
    def wait(_is_there: Callable[[], bool]) -> None:
        rig.fill(9)
        rig.arena.publish(rig.slot, "key", None)

    assert rig.take(wait) is not None
    assert rig.take(lambda is_there: is_there()) is not None, "told late, and there already"


def test_plane_of_a_dead_reader_is_not_taken_any_more(rig: Rig) -> None:
    rig.fill(7)
    rig.arena.abandon(rig.slot)
    assert rig.take(nobody_fills) is None


def test_plane_that_a_reader_told_of_before_it_died_stays_as_it_is(rig: Rig) -> None:
    taken = rig.take(lambda _is_there: rig.fill(7))
    assert taken is not None
    rig.arena.abandon(rig.slot)
    number = rig.slot.number
    time.sleep(2 * GRACE_S)
    for _ in range(3 * SLAB_BYTES // PLANE):
        rig.next_slot()
        assert rig.slot.number != number
        rig.arena.publish(rig.slot, object(), None)
    assert (taken[0] == 7).all()
    del taken
    gc.collect()
    used = set()
    for _ in range(3 * SLAB_BYTES // PLANE):
        rig.next_slot()
        used.add(rig.slot.number)
        rig.arena.publish(rig.slot, object(), None)
    assert number in used, "and is given to the next when nobody looks at it"


def test_what_the_board_said_of_an_earlier_plane_is_not_taken_for_the_next(rig: Rig) -> None:
    rig.fill(7)
    rig.arena.abandon(rig.slot)
    number = rig.slot.number
    time.sleep(2 * GRACE_S)
    for _ in range(3 * SLAB_BYTES // PLANE):
        rig.next_slot()
        if rig.slot.number == number:
            break
        rig.arena.publish(rig.slot, object(), None)
    assert rig.slot.number == number
    assert rig.take(nobody_fills) is None


def test_no_plane_is_early_and_none_is_lost_between_two_processes(rig: Rig, tmp_path: Path) -> None:
    """Whoever the reader says is served has the plane, and all of it."""
    program = tmp_path / "writer.py"
    program.write_text(WRITER)
    fds = [rig.arena.fd, rig.arena.ledger.fd]
    arguments = map(str, [*fds, rig.arena.nbytes, rig.row])
    n_taken = n_missed = 0
    with subprocess.Popen(
        [sys.executable, str(program), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=fds,
        text=True,
        bufsize=1,
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for n in range(ROUNDS):
            value = 1 + n % 250
            memory = rig.memory
            fields = (memory.number, memory.generation, memory.offset, memory.capacity, value)
            writer.stdin.write(" ".join(map(str, fields)) + "\n")
            patience_s = (n % 40) * 1e-5 + 1e-4  # about as long as the plane takes
            until = time.monotonic() + patience_s

            def wait(is_there: Callable[[], bool], until: float = until) -> None:
                while not is_there() and time.monotonic() < until:
                    os.sched_yield()

            taken = rig.take(wait)
            if taken is not None:
                assert (taken[0] == value).all()
            served = writer.stdout.readline() == "1\n"
            assert taken is not None or not served
            n_taken += served
            n_missed += taken is None
            del taken
            rig.arena.publish(rig.slot, n, None)
            rig.next_slot()
        writer.stdin.close()
    assert n_taken
    assert n_missed, "the moment of giving up was never near"
