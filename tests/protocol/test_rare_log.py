"""What strangers can cause is written seldom."""

import logging

import pytest

from planecast_protocol.rare_log import MAX_KINDS, RareLog


def test_the_first_of_a_kind_is_written_and_the_flood_is_counted(caplog: pytest.LogCaptureFixture):
    rare = RareLog(logging.getLogger("rare"), every_s=3600.0)

    for number in range(100):
        rare.warning("garbage", "cut off: %d", number)
    rare.warning("other", "another kind")

    assert [record.getMessage() for record in caplog.records] == ["cut off: 0", "another kind"]


def test_the_next_line_says_how_many_were_left_out(caplog: pytest.LogCaptureFixture):
    rare = RareLog(logging.getLogger("rare"), every_s=3600.0)
    rare.warning("garbage", "cut off")
    rare.warning("garbage", "cut off")
    rare.warning("garbage", "cut off")

    rare._every_s = 0.0
    rare.warning("garbage", "cut off")

    assert caplog.messages[-1] == "cut off (2 more like it since the last line)"


def test_kinds_without_end_take_no_memory_without_end(caplog: pytest.LogCaptureFixture):
    rare = RareLog(logging.getLogger("rare"), every_s=3600.0)

    for number in range(10 * MAX_KINDS):
        rare.warning(f"from {number}", "cut off")

    assert len(caplog.records) == MAX_KINDS + 1
