"""A controller that died is started again and goes on with its acquisition."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_rig import AgentProcess, ControllerProcess, Subscriber, eventually

from planecast_agent.acquisition import Acquisition
from planecast_agent.lives import first_of_life
from planecast_agent.sender import Sender
from planecast_agent.spool import Spool
from planecast_agent.spool_reader import take_spool
from planecast_agent.spool_records import DONE_SUFFIX, SPOOL_SUFFIX
from planecast_protocol.agent_messages import Publish
from planecast_protocol.errors import AcquisitionError, SpoolDamagedError
from planecast_protocol.event_messages import RegisterImage, ResumeAcquisition
from planecast_protocol.messages import decode_event, encode
from planecast_protocol.records import frame_record

Start = Callable[..., Acquisition]
Control = Callable[..., ControllerProcess]
Resume = Callable[..., Acquisition]


@pytest.fixture
def resume(idle_agent: AgentProcess) -> Iterator[Resume]:
    """Resume acquisitions of the agent's machine, in this process."""
    resumed: list[Acquisition] = []

    def resume_one(acquisition: str, **settings: object) -> Acquisition:
        given: dict[str, object] = {
            "agent": idle_agent.address,
            "spool_dir": idle_agent.spool_dir,
            "roots": {"data": Path("/data")},
            "timeout_s": 30.0,
        }
        resumed.append(Acquisition.resume(acquisition, **(given | settings)))  # type: ignore[arg-type]
        return resumed[-1]

    yield resume_one
    for one in resumed:
        one.close()


def register(acquisition: Acquisition, times: range) -> None:
    for t in times:
        acquisition.register_image(t, 0, 0, 0, f"/data/{t}.tif")


def killed(control: Control, n_planes: int) -> tuple[str, int]:
    """Run a controller and kill it; return its acquisition and the planes it registered."""
    controller = control(1_000_000)
    eventually(lambda: controller.n_accepted() >= n_planes, "planes")
    controller.close()
    return controller.acquisition, controller.n_accepted()


def written(folder: Path, acquisition: str) -> int:
    """Return the planes in a spool: one may be there whose call did not return any more."""
    reader = take_spool(folder / (acquisition + SPOOL_SUFFIX))
    assert reader is not None
    n_events = sum(len(batch.bodies) for batch in reader.batches())
    reader.close()
    return n_events - 1


def test_a_killed_controllers_acquisition_goes_on_without_an_agent(
    idle_agent: AgentProcess, control: Control, resume: Resume, subscriber: Subscriber
):
    identity, _n_accepted = killed(control, 2000)
    n_before = written(idle_agent.spool_dir, identity)

    acquisition = resume(identity)
    register(acquisition, range(n_before, n_before + 500))
    assert (acquisition.id, acquisition.n_registered) == (identity, n_before + 500)
    idle_agent.start()

    assert acquisition.wait_delivered(30)
    assert acquisition.undelivered == 0
    assert subscriber.pull(identity) == list(range(n_before + 500))
    assert subscriber.summary(identity).controller == "live"


def test_it_goes_on_after_the_agent_has_taken_the_spool_over(
    agent: AgentProcess, control: Control, resume: Resume, subscriber: Subscriber
):
    identity, _n_accepted = killed(control, 2000)
    done = agent.spool_dir / (identity + DONE_SUFFIX)
    eventually(done.exists, "the spool is taken over")
    n_before = len(subscriber.pull(identity))

    acquisition = resume(identity)
    # Should it die again, its spool is one to be taken over.
    assert not done.exists()
    assert done.with_suffix(SPOOL_SUFFIX).exists()
    register(acquisition, range(n_before, n_before + 500))
    acquisition.end()

    assert subscriber.wait_for(identity, n_before + 503) == list(range(n_before + 500))
    acquisition.close()
    eventually(done.exists, "the spool is taken over again")
    assert subscriber.pull(identity) == list(range(n_before + 500))


def test_it_goes_on_again_and_again_while_the_agent_is_killed(
    agent: AgentProcess, start: Start, resume: Resume, subscriber: Subscriber
):
    first = start("often")
    register(first, range(100))
    first.close()
    for life in range(1, 6):
        if life % 2:
            agent.kill()
        acquisition = resume(first.id)
        register(acquisition, range(life * 100, life * 100 + 100))
        if life % 2:
            agent.start()
        acquisition.close()

    assert subscriber.wait_for(first.id, 606) == list(range(600))
    lives = [decode_event(body) for body in subscriber.others[1:]]
    assert [one.life for one in lives if isinstance(one, ResumeAcquisition)] == [1, 2, 3, 4, 5]


def test_what_was_not_delivered_before_comes_first(
    idle_agent: AgentProcess, start: Start, resume: Resume, subscriber: Subscriber
):
    first = start("away")
    register(first, range(3000))
    first.close()

    acquisition = resume("away")
    register(acquisition, range(3000, 3100))
    assert acquisition.undelivered == 3102
    idle_agent.start()

    assert acquisition.wait_delivered(30)
    assert subscriber.pull(first.id) == list(range(3100))


def test_an_agent_that_knows_more_than_a_power_loss_left_loses_nothing_new(
    agent: AgentProcess, start: Start, resume: Resume, subscriber: Subscriber
):
    first = start("power")
    register(first, range(100))
    assert first.wait_delivered(30)
    agent.kill()
    first.close()
    spool = agent.spool_dir / (first.id + SPOOL_SUFFIX)
    # The last 20 events never reached the disk; the agent's journal has them.
    lost = sum(len(frame_record(encode(one))) for one in _last_events(spool, 20))
    with spool.open("r+b") as file:
        file.truncate(spool.stat().st_size - lost)

    acquisition = resume(first.id)
    assert acquisition.n_registered == 80
    register(acquisition, range(100, 150))
    agent.start()

    assert acquisition.wait_delivered(30)
    assert subscriber.pull(first.id) == list(range(150))
    # By adoption too, into the journal that has them.
    acquisition.close()
    eventually((agent.spool_dir / (first.id + DONE_SUFFIX)).exists, "taken over")
    assert subscriber.pull(first.id) == list(range(150))


def _last_events(spool: Path, n_events: int) -> list[RegisterImage]:
    reader = take_spool(spool)
    assert reader is not None
    bodies = [body for batch in reader.batches() for body in batch.bodies]
    reader.close()
    return [decode_event(body) for body in bodies[-n_events:]]  # type: ignore[misc]


def test_a_new_journal_gets_all_lives_from_the_spool(
    agent: AgentProcess, start: Start, resume: Resume, subscriber: Subscriber
):
    first = start("twice")
    register(first, range(1500))
    first.close()
    acquisition = resume("twice")
    register(acquisition, range(1500, 1600))
    assert acquisition.wait_delivered(30)
    old_log = subscriber.listing().log
    agent.lose_journal()
    agent.start()

    # The controller that lives sends all of it: what it wrote before it was restarted too.
    subscriber.hear_head(first.id, 1602, not_of_log=old_log)
    assert subscriber.pull(first.id) == list(range(1600))


def test_a_torn_end_is_mended_first(idle_agent: AgentProcess, start: Start, resume: Resume):
    first = start("torn")
    register(first, range(10))
    first.close()
    spool = idle_agent.spool_dir / (first.id + SPOOL_SUFFIX)
    with spool.open("r+b") as file:
        file.truncate(spool.stat().st_size - 3)

    acquisition = resume("torn")

    assert acquisition.n_registered == 9
    register(acquisition, range(9, 10))
    acquisition.close()
    assert written(idle_agent.spool_dir, first.id) == 11


def test_a_plane_registered_again_is_idempotent(
    agent: AgentProcess, start: Start, resume: Resume, subscriber: Subscriber
):
    first = start("again")
    register(first, range(3))
    first.close()
    acquisition = resume("again")
    acquisition.register_image(1, 0, 0, 0, "/data/better.tif")

    assert subscriber.wait_for(first.id, 6) == [0, 1, 2, 1]


def test_channels_and_fovs_are_known_again(idle_agent: AgentProcess, start: Start, resume: Resume):
    start("known").close()

    acquisition = resume("known")

    acquisition.register_image(0, 1, 2, "DAPI", "/data/a.tif")
    with pytest.raises(AcquisitionError, match="this acquisition has BF, DAPI"):
        acquisition.register_image(0, 0, 0, "GFP", "/data/a.tif")
    with pytest.raises(AcquisitionError, match="fov 2"):
        acquisition.register_image(0, 2, 0, "BF", "/data/a.tif")


def test_a_living_controller_is_left_alone(start: Start, resume: Resume):
    living = start("alive")

    with pytest.raises(AcquisitionError, match="belongs to a controller that is running"):
        resume(living.id, timeout_s=0.2)

    register(living, range(3))
    assert living.n_registered == 3


def test_an_ended_acquisition_is_not_resumed(start: Start, resume: Resume):
    ended = start("over")
    ended.end("aborted", "stage stuck")
    ended.close()

    with pytest.raises(AcquisitionError, match=r"has ended \(aborted\)"):
        resume(ended.id)
    with pytest.raises(AcquisitionError, match="all of them have ended"):
        resume("over")


def test_an_unknown_acquisition_is_refused_with_the_folder(
    idle_agent: AgentProcess, resume: Resume
):
    with pytest.raises(
        AcquisitionError, match=f"no spool of acquisition 'x' in {idle_agent.folder}"
    ):
        resume("x")


def test_of_one_name_the_one_that_goes_on_is_resumed(start: Start, resume: Resume):
    over, goes_on = start("same"), start("same")
    over.end()
    over.close()
    goes_on.close()

    assert resume("same").id == goes_on.id


def test_two_of_one_name_must_be_told_apart(start: Start, resume: Resume):
    two = [start("same"), start("same")]
    for one in two:
        one.close()

    with pytest.raises(AcquisitionError, match=f"{min(one.id for one in two)}, "):
        resume("same")


def test_a_damaged_spool_is_refused_and_kept(
    idle_agent: AgentProcess, start: Start, resume: Resume
):
    first = start("damaged")
    register(first, range(100))
    first.close()
    spool = idle_agent.spool_dir / (first.id + SPOOL_SUFFIX)
    damaged = bytearray(spool.read_bytes())
    damaged[500] ^= 0x10
    spool.write_bytes(damaged)

    with pytest.raises(SpoolDamagedError, match="nothing was cut"):
        resume(first.id)

    assert spool.read_bytes() == damaged


def test_one_spool_has_one_controller_however_many_try(
    idle_agent: AgentProcess, start: Start, home: Path
):
    first = start("race")
    register(first, range(2000))
    first.close()
    program = (
        "import sys; from planecast_agent.acquisition import Acquisition as A\n"
        "from planecast_protocol.errors import AcquisitionError\n"
        "try: a = A.resume(sys.argv[1], agent=sys.argv[2], spool_dir=sys.argv[3], timeout_s=0.1)\n"
        "except AcquisitionError: print('refused', flush=True)\n"
        "else: print('resumed', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, first.id, idle_agent.address]
    command.append(str(idle_agent.spool_dir))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    rivals = [subprocess.Popen(command, **pipes) for _ in range(5)]
    try:
        answers = [rival.stdout.readline().strip() for rival in rivals]
    finally:
        for rival in rivals:
            rival.communicate()

    assert sorted(answers) == ["refused"] * 4 + ["resumed"]


def test_a_life_is_not_taken_before_the_one_before_it(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    first = start("early")
    register(first, range(5))
    assert first.wait_delivered(30)
    event = encode(ResumeAcquisition(acquisition=first.id, life=1, resumed_at=1.0))
    publisher = "a" * 32
    batch = Publish(publisher=publisher, first=first_of_life(1), count=1, after=6)

    answer = subscriber.ask_message(encode(batch), frame_record(event))

    assert (answer.why, answer.last) == ("gap", 0)


def test_a_life_is_on_the_disk_before_anybody_is_told_of_it(
    idle_agent: AgentProcess, start: Start, resume: Resume, monkeypatch: pytest.MonkeyPatch
):
    first = start("synced")
    first.close()
    spool = idle_agent.spool_dir / (first.id + SPOOL_SUFFIX)
    synced: list[int] = []
    fdatasync = os.fdatasync

    def record(descriptor: int) -> None:
        fdatasync(descriptor)
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fdatasync", record)
    # The sender, which tells the agent, syncs as well, from the thread that it starts.
    monkeypatch.setattr("planecast_agent.sender.Sender", _StrictSender)
    _StrictSender.synced = synced

    resume("synced")

    assert _StrictSender.synced_when_it_began == [spool.stat().st_size]


class _StrictSender(Sender):
    """A sender that notes what was on the disk when it began."""

    synced: list[int]
    synced_when_it_began: list[int]

    def __init__(self, spool: Spool, address: str, program: str) -> None:
        type(self).synced_when_it_began = list(self.synced)
        super().__init__(spool, address, program)
