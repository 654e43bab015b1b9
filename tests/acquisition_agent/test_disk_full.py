"""A disk is full, the agent's or the controller's: controllers go on, and nothing is lost."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from agent_rig import AgentProcess, Subscriber, eventually
from small_disk import small_disk

from planecast_agent.acquisition import Acquisition
from planecast_agent.subscriber.journal_client import JournalClient

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="limits of another process can't be set there"
)


def test_events_wait_in_the_spool_and_all_come_when_there_is_room(
    agent: AgentProcess, start: Callable[..., Acquisition], subscriber: Subscriber
):
    assert agent.process is not None
    process = psutil.Process(agent.process.pid)
    _soft, hard = process.rlimit(psutil.RLIMIT_FSIZE)
    acquisition = start()
    assert acquisition.wait_delivered(30)
    # No file of the agent may grow beyond this: as if the disk were full.
    process.rlimit(psutil.RLIMIT_FSIZE, (256 << 10, hard))

    for t in range(20_000):
        acquisition.register_image(t, 0, 0, 0, f"/data/{t}.tif")
    eventually(lambda: "disk is full" in acquisition.alarm, "the controller's alarm")
    subscriber.heartbeat(lambda beat: "can't be written" in beat.alarm)
    assert not acquisition.wait_delivered(0)
    assert agent.is_alive()

    process.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))

    assert acquisition.wait_delivered(30)
    assert subscriber.pull(acquisition.id) == list(range(20_000))
    subscriber.heartbeat(lambda beat: not beat.alarm)
    assert acquisition.alarm == ""


def test_a_full_disk_of_the_agent_is_told_and_mended_by_room(
    idle_agent: AgentProcess, start: Callable[..., Acquisition], subscriber: Subscriber, home: Path
):
    with small_disk(home / "disk", 26) as disk:
        idle_agent.state_dir = disk.folder / "state"
        idle_agent.start()
        acquisition = start()
        assert acquisition.wait_delivered(30)
        disk.fill()
        for t in range(20_000):
            acquisition.register_image(t, 0, 0, 0, f"/data/{t}.tif")
        eventually(lambda: "disk is full" in acquisition.alarm, "the controller's alarm")
        subscriber.heartbeat(lambda beat: "can't be written" in beat.alarm)
        assert idle_agent.is_alive()

        disk.free()

        assert acquisition.wait_delivered(30)
        assert subscriber.pull(acquisition.id) == list(range(20_000))
        subscriber.heartbeat(lambda beat: not beat.alarm)
        idle_agent.kill()


def test_old_acquisitions_can_be_forgotten_on_a_full_disk(
    idle_agent: AgentProcess, start: Callable[..., Acquisition], subscriber: Subscriber, home: Path
):
    with small_disk(home / "disk", 64) as disk:
        idle_agent.state_dir = disk.folder / "state"
        idle_agent.start()
        old = start("old")
        for t in range(40_000):
            old.register_image(t, 0, 0, 0, f"/data/{t}.tif")
        old.end()
        assert old.wait_delivered(30)
        new = start("new")
        disk.fill()
        n_planes = 0
        # SQLite may have some room left in its own files.
        while "disk is full" not in new.alarm:
            for t in range(n_planes, n_planes + 5000):
                new.register_image(t, 0, 0, 0, f"/data/{t}.tif")
            n_planes += 5000
            new.wait_delivered(1)
        with JournalClient(idle_agent.address) as journal:
            journal.forget(old.id)

        assert new.wait_delivered(30)
        assert subscriber.pull(new.id) == list(range(n_planes))
        assert not (disk.folder / "state" / "reserve").exists()
        idle_agent.kill()


def test_events_wait_in_memory_while_the_controllers_disk_is_full(
    agent: AgentProcess, start: Callable[..., Acquisition], subscriber: Subscriber, home: Path
):
    with small_disk(home / "disk", 2) as disk:
        acquisition = start(spool_dir=disk.folder)
        disk.fill()
        for t in range(20_000):
            acquisition.register_image(t, 0, 0, 0, f"/data/{t}.tif")
        assert "events wait in memory" in acquisition.alarm
        assert acquisition.undelivered > 10_000

        disk.free()
        # 20,000 events take more than the disk: it is made larger as well.
        _grow(disk.folder, 16)

        assert acquisition.wait_delivered(30)
        eventually(lambda: acquisition.alarm == "", "no alarm")
        assert subscriber.pull(acquisition.id) == list(range(20_000))
        acquisition.close()


def _grow(folder: Path, size_mib: int) -> None:
    remount = ["mount", "-o", f"remount,size={size_mib}m", str(folder)]
    subprocess.run(remount, check=True, capture_output=True)
