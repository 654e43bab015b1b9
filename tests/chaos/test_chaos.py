"""No event is ever lost, doubled or reordered; and this test notices when a promise is broken."""

import sys

import pytest
from chaos import is_kept, run
from chaos_agent import PROMISES

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs SIGSTOP, flock and small disks"
)

N_TRIES = 4


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_nothing_is_lost_doubled_or_reordered_whatever_dies_hangs_fills_or_is_cut():
    result = run(seconds=16, events=25_000, kills=10)

    assert is_kept(result), result["complaints"]
    assert (result["lost"], result["duplicated"], result["reordered"]) == (0, 0, 0)
    assert result["events"] >= 25_000
    assert result["kills"] >= 10
    assert result["hangs"]
    assert result["cuts"]
    assert (result["fills"] and result["journal_full"]) or result["not_filled"]


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("promise", "what"),
    [
        ("ack_before_commit", "lost"),
        ("no_dedupe", "duplicated"),
        ("no_adoption", "lost"),
        ("no_gap_check", "lost"),
    ],
)
def test_a_promise_broken_on_purpose_is_noticed(promise: str, what: str):
    # It takes a kill at the right moment; another run has others.
    for seed in range(1, N_TRIES + 1):
        result = run(seconds=7, events=4_000, kills=11, broken=promise, seed=seed)
        if result[what]:
            break

    assert not is_kept(result)
    assert result[what]
    # It is the promise that is broken, and not the program.
    assert (result["errors"], result["agent_deaths"]) == (0, 0)


def test_every_promise_that_can_be_broken_is_broken_in_a_test():
    marks = test_a_promise_broken_on_purpose_is_noticed.pytestmark
    (parameters,) = (mark.args[1] for mark in marks if mark.name == "parametrize")

    assert {promise for promise, _what in parameters} == set(PROMISES)
