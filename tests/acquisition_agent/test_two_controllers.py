"""Two controllers with one acquisition, and what a power loss may cost."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_rig import AgentProcess, Subscriber, eventually

from planecast_agent.acquisition import Acquisition
from planecast_agent.subscriber.journal_client import JournalClient
from planecast_protocol.agent_messages import Ack, Publish
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.event_messages import EndAcquisition, RegisterImage, StartAcquisition
from planecast_protocol.messages import encode
from planecast_protocol.planes import PlaneSource
from planecast_protocol.records import frame_record

Start = Callable[..., Acquisition]
RIVAL = "f" * 32


def test_the_second_controller_of_an_id_is_kept_aside_and_the_first_goes_on(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    first = start("first")
    assert first.wait_delivered(30)
    theirs = [
        StartAcquisition(
            acquisition=first.id,
            name="second",
            channels=["BF"],
            height=8,
            width=8,
            fov_labels=["A1:0"],
            started_at=1.0,
        ),
        RegisterImage(
            acquisition=first.id,
            index=PlaneIndex(t=7, fov=0, z=0, channel=0),
            source=PlaneSource(path="data:theirs.tif"),
            registered_at=1.0,
        ),
        EndAcquisition(acquisition=first.id, ended_at=2.0),
    ]
    records = b"".join(frame_record(encode(event)) for event in theirs)
    answer = subscriber.ask_message(encode(Publish(publisher=RIVAL, first=1, count=3)), records)

    # Acknowledged, or else they would be sent for ever.
    assert isinstance(answer, Ack)
    assert answer.last == 3
    for t in range(100):
        first.register_image(t, 0, 0, 0, f"/data/{t}.tif")
    assert subscriber.wait_for(first.id, 101) == list(range(100))
    with JournalClient(agent.address) as journal:
        details = journal.describe(first.id)
    assert (details.summary.name, details.summary.state) == ("first", "running")
    assert details.n_dead_letters == 3
    assert details.dead_letters[0].why == f"acquisition {first.id} belongs to another publisher"


def test_the_spool_is_on_the_disk_a_second_after_an_event(
    start: Start, home: Path, monkeypatch: pytest.MonkeyPatch
):
    synced: list[int] = []
    fdatasync = os.fdatasync

    def record(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        fdatasync(descriptor)
        synced.append(size)

    monkeypatch.setattr(os, "fdatasync", record)
    acquisition = start()  # no agent is there: the promise is the controller's alone
    spool = home / "spool" / f"{acquisition.id}.spool"
    for t in range(3):
        acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
        size = spool.stat().st_size
        eventually(lambda s=size: bool(synced) and synced[-1] >= s, "the spool is synced")

    n_syncs = len(synced)
    acquisition.register_image(3, 0, 0, 0, "/data/a.tif")
    acquisition.close()
    assert len(synced) == n_syncs + 1
