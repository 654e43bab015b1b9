"""What the front does in quiet moments."""

from collections.abc import Callable

import pytest

from planecast_reader.front import chores as module
from planecast_reader.front.chores import AT_THE_LATEST_S, BRIEF_S, QUIET_S, Chores


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what moves the clock forward."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    return pass_time


def test_chores_are_done_when_nothing_comes(pass_time: Callable[[float], None]) -> None:
    chores = Chores()
    assert not chores.are_due(has_come=True)
    assert chores.are_due(has_come=False)
    chores.done()
    assert chores.patience_s(busy=0, is_short=False) is None


def test_chores_are_done_at_the_latest_when_something_comes_again_and_again(
    pass_time: Callable[[float], None],
) -> None:
    chores = Chores()
    times = 0
    while not chores.are_due(has_come=True):
        pass_time(0.1 * AT_THE_LATEST_S)
        times += 1
    assert 10 <= times <= 12
    chores.done()
    assert not chores.are_due(has_come=True)


def test_readers_at_work_are_left_in_peace_unless_the_next_plane_has_no_place() -> None:
    chores = Chores()
    chores.are_due(has_come=True)
    assert chores.patience_s(busy=0, is_short=False) == BRIEF_S
    assert chores.patience_s(busy=1, is_short=True) == QUIET_S
    assert chores.patience_s(busy=2, is_short=False) == QUIET_S
    assert chores.patience_s(busy=2, is_short=True) == BRIEF_S
