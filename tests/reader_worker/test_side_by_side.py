"""Parts of one read, done by several threads: each once, and all before it ends."""

import os
import threading
import time

import pytest

from planecast_reader import apart
from planecast_reader.readers import side_by_side as module
from planecast_reader.readers.side_by_side import side_by_side


@pytest.fixture(params=[1, 2, 4])
def n_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """As many as a machine may have processors."""
    n: int = request.param
    module._helpers.cache_clear()
    monkeypatch.setattr(module, "n_threads", lambda: n)
    return n


def test_each_part_is_done_once_and_all_are_done_at_the_end(n_threads: int) -> None:
    for n_parts in (0, 1, 2, 3, 17):
        done: list[int] = []
        side_by_side(done.append, range(n_parts))
        assert sorted(done) == list(range(n_parts))


def test_it_tells_once_that_it_is_nearly_done(n_threads: int) -> None:
    for n_parts in (1, 2, 9):
        told: list[int] = []
        done: list[int] = []

        def work(part: int, done: list[int] = done) -> None:
            time.sleep(0.002)
            done.append(part)

        def tell(told: list[int] = told, done: list[int] = done) -> None:
            told.append(len(done))

        side_by_side(work, range(n_parts), tell)
        assert len(told) == 1
        assert told[0] >= n_parts - n_threads


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="not known on this system")
def test_helpers_do_not_run_where_the_caller_does(
    n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = os.sched_getaffinity(0)
    if len(mine) < 2 or len(mine) > apart.FEW:
        pytest.skip("there is no elsewhere, or plenty")
    for here in sorted(mine)[:2]:
        monkeypatch.setattr(apart, "_processor", lambda here=here: here)
        where: dict[int, set[int]] = {}

        def work(_part: int, where: dict[int, set[int]] = where) -> None:
            time.sleep(0.002)
            where[threading.get_native_id()] = os.sched_getaffinity(0)

        side_by_side(work, range(9))
        assert where.pop(threading.get_native_id()) == mine
        assert len(where) == n_threads - 1
        assert all(processors == mine - {here} for processors in where.values())


def test_helpers_run_anywhere_if_there_is_one_processor(
    n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_processor", lambda: 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _thread: {0}, raising=False)
    done: list[int] = []
    side_by_side(done.append, range(9))
    assert sorted(done) == list(range(9))


def test_the_caller_is_not_spared_the_last_part(n_threads: int) -> None:
    threads: dict[int, str] = {}
    side_by_side(lambda part: threads.update({part: threading.current_thread().name}), range(9))
    assert threads[8] == threading.current_thread().name


@pytest.mark.parametrize("bad", [0, 4, 8])
def test_the_error_of_a_part_is_raised_when_nobody_works_any_more(n_threads: int, bad: int) -> None:
    working = threading.Semaphore(n_threads)

    def work(part: int) -> None:
        with working:
            time.sleep(0.001)
            if part == bad:
                raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        side_by_side(work, range(9))
    assert all(working.acquire(blocking=False) for _ in range(n_threads))
    side_by_side(lambda _part: None, range(9))
