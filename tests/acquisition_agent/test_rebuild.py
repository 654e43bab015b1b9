"""A damaged journal is moved aside, and the spools fill a new one."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_rig import AgentProcess, Subscriber, eventually

from planecast_agent.acquisition import Acquisition
from planecast_agent.journal import JOURNAL_NAME, Journal, JournalDamagedError

Start = Callable[..., Acquisition]
PAGE = 4096


def _damage(journal: Path) -> None:
    """Write noise over every seventh page, as a dying disk might."""
    database = sqlite3.connect(journal)
    database.execute("pragma wal_checkpoint(truncate)")
    database.close()
    with journal.open("r+b") as file:
        for offset in range(PAGE * 3, journal.stat().st_size, PAGE * 7):
            file.seek(offset)
            file.write(os.urandom(512))


def test_everything_comes_back_of_ended_and_of_idle_controllers(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    ended, idle = start("ended"), start("idle")
    for t in range(4000):
        for acquisition in (ended, idle):
            acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
    ended.end()
    for acquisition in (ended, idle):
        assert acquisition.wait_delivered(30)
    eventually((agent.spool_dir / f"{ended.id}.done").exists, "the spool is taken over")
    old_log = subscriber.listing().log
    agent.kill()
    _damage(agent.state_dir / JOURNAL_NAME)

    agent.start()

    # The idle controller has nothing to send: it must notice by its own heartbeat.
    subscriber.hear_head(idle.id, 4001, not_of_log=old_log)
    subscriber.hear_head(ended.id, 4002, not_of_log=old_log)
    assert subscriber.pull(idle.id) == list(range(4000))
    assert subscriber.log != old_log
    subscriber.next, subscriber.times = 1, []
    assert subscriber.pull(ended.id) == list(range(4000))
    assert list(agent.state_dir.glob(f"damaged-*-{JOURNAL_NAME}"))
    assert "kept as damaged-" in agent.log.read_text()


def test_a_live_controller_goes_on_into_the_new_journal(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    acquisition = start()
    for t in range(500):
        acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
    assert acquisition.wait_delivered(30)
    agent.lose_journal()
    agent.start()

    for t in range(500, 1000):
        acquisition.register_image(t, 0, 0, 0, "/data/a.tif")

    assert subscriber.wait_for(acquisition.id, 1001) == list(range(1000))


def test_a_journal_that_is_no_database_is_refused_and_kept(home: Path):
    (home / JOURNAL_NAME).write_bytes(b"precious" * 1000)

    with pytest.raises(JournalDamagedError, match=r"journal\.sqlite3"):
        Journal(home)

    assert (home / JOURNAL_NAME).read_bytes() == b"precious" * 1000
