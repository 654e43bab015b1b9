"""The agent's disk is full: controllers go on, and nothing is lost."""

import sys
from collections.abc import Callable

import psutil
import pytest
from agent_rig import AgentProcess, Subscriber, eventually

from planecast_agent.acquisition import Acquisition

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
