"""State: the last value of each name is there for whoever comes, whatever was killed meanwhile."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from agent_rig import AgentProcess, Subscriber, eventually
from control_rig import (
    RawSender,
    StageProcess,
    part_of,
    value_of,
    wait_for_life,
)

from planecast_agent.acquisition import Acquisition
from planecast_agent.controller import Controller
from planecast_agent.state_book import StateBook
from planecast_agent.subscriber.control_client import ControlClient
from planecast_protocol.errors import AcquisitionError, AgentUnreachableError, StateError
from planecast_protocol.limits import MAX_STATE_BYTES, MAX_STATE_VALUE_BYTES, MAX_STATE_VALUES
from planecast_protocol.state_messages import ControllerReport, ReportTaken, StateEntry

FAST = 20_000


def test_a_latecomer_gets_the_last_values(agent: AgentProcess, stage: StageProcess):
    with ControlClient(agent.address) as late:
        picture = late.picture()

    assert [one.name for one in picture.controllers] == ["Squid"]
    squid = picture.controllers[0]
    assert squid.pid == stage.process.pid
    assert squid.life == "live"
    values = {entry.name: entry.value for entry in squid.values}
    assert values == {
        "stage": {"x_um": 1.5, "y_um": -2, "homed": True},
        "journal": str(stage.journal),
    }


def test_of_values_set_fast_the_last_one_comes(
    agent: AgentProcess, controller: Controller, client: ControlClient
):
    for number in range(FAST):
        controller.publish_state("frame", number)
        controller.publish_state("even", number % 2 == 0)

    eventually(lambda: value_of(client, "Ti2", "frame") == FAST - 1, "the last frame")
    eventually(lambda: value_of(client, "Ti2", "even") is False, "the last value of even")


def test_subscribers_hear_each_change(
    agent: AgentProcess, controller: Controller, client: ControlClient
):
    for number in range(20):
        controller.publish_state("step", number)
        eventually(lambda number=number: value_of(client, "Ti2", "step") == number, "the step")


def test_an_agent_that_comes_late_is_told(idle_agent: AgentProcess, controller: Controller):
    for number in range(FAST):
        controller.publish_state("frame", number)
    assert not controller.connected
    eventually(lambda: "no agent answers" in controller.alarm, "an alarm")

    idle_agent.start()

    with ControlClient(idle_agent.address) as client:
        eventually(lambda: value_of(client, "Ti2", "frame") == FAST - 1, "the last frame")
    assert controller.connected
    assert controller.alarm == ""


def test_a_killed_agent_is_told_again(
    agent: AgentProcess, controller: Controller, client: ControlClient
):
    controller.publish_state("exposure_ms", 25)
    controller.on_command("snap", lambda: None)
    eventually(lambda: value_of(client, "Ti2", "exposure_ms") == 25, "the exposure")

    agent.kill()
    controller.publish_state("progress", 0.5)
    agent.start()

    with ControlClient(agent.address) as other:
        eventually(lambda: value_of(other, "Ti2", "progress") == 0.5, "the progress")
        assert value_of(other, "Ti2", "exposure_ms") == 25
        eventually(lambda: bool(other.find("Ti2").commands), "its commands")
    eventually(lambda: value_of(client, "Ti2", "progress") == 0.5, "the first subscriber, too")


def test_a_hanging_agent_stops_nobody_and_is_seen(
    agent: AgentProcess, controller: Controller, client: ControlClient
):
    controller.publish_state("frame", -1)
    eventually(lambda: value_of(client, "Ti2", "frame") == -1, "the first frame")

    agent.send(signal.SIGSTOP)
    for number in range(FAST):
        controller.publish_state("frame", number)
    seen = client.picture()
    while seen.agent != "silent":
        seen = client.wait_for_change(seen, timeout_s=30.0)
    assert seen.silent_s >= 3
    with pytest.raises(AgentUnreachableError, match="no agent answers"):
        client.picture(timeout_s=0.1)
    agent.send(signal.SIGCONT)

    eventually(lambda: controller.connected, "the agent is back")
    while seen.agent != "live":
        seen = client.wait_for_change(seen, timeout_s=30.0)
    eventually(lambda: value_of(client, "Ti2", "frame") == FAST - 1, "the last frame")


# ---------------------------------------------------------------- controllers that end


def test_a_killed_controller_is_gone_and_its_values_stay(
    stage: StageProcess, client: ControlClient
):
    stage.kill()

    part = wait_for_life(client, stage.process.pid, "gone")
    assert part.why == "its connection was closed"
    eventually(lambda: client.find("Squid").life == "gone", "the controller is gone")
    assert value_of(client, "Squid", "stage") == {"x_um": 1.5, "y_um": -2, "homed": True}


def test_a_hanging_controller_is_silent_until_it_goes_on(
    stage: StageProcess, client: ControlClient
):
    stage.send(signal.SIGSTOP)

    part = wait_for_life(client, stage.process.pid, "silent")
    assert part.silent_s >= 3
    eventually(lambda: client.find("Squid").life == "silent", "its values are stale")
    stage.send(signal.SIGCONT)

    wait_for_life(client, stage.process.pid, "live")
    eventually(lambda: client.find("Squid").life == "live", "its values are fresh")


def test_a_controller_that_hung_until_it_was_killed_is_gone(
    stage: StageProcess, client: ControlClient
):
    stage.send(signal.SIGSTOP)
    # By then ZeroMQ has given its connection up, which is no proof of death.
    eventually(
        lambda: (part := part_of(client, stage.process.pid)) is not None and part.silent_s > 5,
        "it is silent for long",
    )
    part = part_of(client, stage.process.pid)
    assert part is not None
    assert part.life == "silent"

    stage.kill()

    assert "is dead" in wait_for_life(client, stage.process.pid, "gone").why


def test_a_controller_says_goodbye(stage: StageProcess, client: ControlClient):
    stage.end()

    assert wait_for_life(client, stage.process.pid, "gone").why == "it said goodbye"


def test_values_set_just_before_the_end_arrive(agent: AgentProcess, client: ControlClient):
    with Controller("Ti2", agent=agent.address) as controller:
        controller.publish_state("last", "words")

    eventually(lambda: value_of(client, "Ti2", "last") == "words", "the last words")


def test_a_successor_takes_the_place_of_a_dead_controller(
    agent: AgentProcess, stage: StageProcess, client: ControlClient
):
    stage.kill()
    eventually(lambda: client.find("Squid").life == "gone", "it is gone")

    successor = StageProcess(agent)
    try:
        eventually(lambda: client.find("Squid").pid == successor.process.pid, "the successor")
        eventually(
            lambda: [one.name for one in client.picture().controllers] == ["Squid"],
            "the dead one is forgotten",
        )
    finally:
        successor.close()


# ---------------------------------------------------------------- of an acquisition


def test_an_acquisition_shows_its_state(
    agent: AgentProcess,
    start: Callable[..., Acquisition],
    client: ControlClient,
    subscriber: Subscriber,
):
    acquisition = start("plate 7")
    acquisition.publish_state("progress", "12 of 48")
    acquisition.on_command("pause", lambda: None)

    eventually(lambda: value_of(client, "plate 7", "progress") == "12 of 48", "the progress")
    summary = subscriber.summary(acquisition.id)
    assert summary is not None
    part = part_of(client, os.getpid())
    assert part is not None
    assert part.part.part == summary.owner == client.find("plate 7").controller
    assert [one for one in client.picture().parts if one.part.kind == "controller"] == [part]

    acquisition.close()
    eventually(lambda: client.find("plate 7").life == "gone", "it is gone")
    with pytest.raises(AcquisitionError, match="is closed"):
        acquisition.publish_state("progress", "48 of 48")


def test_an_acquisition_that_ended_shows_its_state_until_it_is_closed(
    agent: AgentProcess, start: Callable[..., Acquisition], client: ControlClient
):
    acquisition = start("plate 7")
    acquisition.publish_state("progress", "all planes")
    eventually(lambda: value_of(client, "plate 7", "progress") == "all planes", "the progress")
    picture = client.picture()
    acquisition.end()
    assert acquisition.wait_delivered(20.0)

    acquisition.publish_state("progress", "writing metadata")

    lives = set()
    while value_of(client, "plate 7", "progress") != "writing metadata":
        picture = client.wait_for_change(picture, timeout_s=20.0)
        lives |= {one.life for one in picture.controllers}
    assert lives <= {"live"}


# Newer Pythons warn of threads at a fork: this is about those who fork all the same.
FORK = """
import os, sys
from planecast_agent.controller import Controller
from planecast_protocol.errors import StateError

with Controller("Ti2", agent=sys.argv[1]) as controller:
    child = os.fork()
    if not child:
        try:
            controller.publish_state("frame", 1)
        except StateError as trouble:
            os._exit(7 if "this is a fork of it" in str(trouble) else 1)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
def test_a_fork_has_no_controller(idle_agent: AgentProcess):
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, idle_agent.address], check=False
    )

    assert child.returncode == 7


# ---------------------------------------------------------------- what can't be sent


BAD = {
    "not a number": float("nan"),
    "infinite": float("inf"),
    "beyond 64 bits": 2**70,
    "beyond 63 bits": 2**63,
    "text too long": "x" * (MAX_STATE_VALUE_BYTES + 1),
    "a map too large": {f"key {n}": "x" * 100 for n in range(60)},
    "a list too long": list(range(65)),
    "bytes": b"raw",
    "an object": object(),
    "nested": {"a": {"b": 1}},
    "a lone surrogate": "\ud800",
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
def test_a_value_that_cant_be_sent_is_refused(value: object):
    book = StateBook()
    book.set("stage", 1)

    with pytest.raises(StateError, match="state 'stage'"):
        book.set("stage", value)

    assert [entry.value for entry in book.since(0)[1]] == [1]


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_name_that_cant_be_is_refused(name: str):
    with pytest.raises(StateError, match="no name of a state"):
        StateBook().set(name, 1)


def test_names_are_bounded():
    book = StateBook()
    for number in range(MAX_STATE_VALUES):
        book.set(f"value {number}", number)

    with pytest.raises(StateError, match=f"{MAX_STATE_VALUES} names at most"):
        book.set("one more", 1)
    book.set("value 0", "changed")


def test_what_is_set_to_the_same_again_is_no_change():
    book = StateBook()
    book.set("on", 1)
    before = book.revision

    book.set("on", 1)
    assert book.revision == before
    book.set("on", True)
    assert book.revision == before + 1


def test_bytes_are_bounded(agent: AgentProcess, controller: Controller, client: ControlClient):
    text = "x" * (MAX_STATE_VALUE_BYTES - 3)
    room = MAX_STATE_BYTES // (MAX_STATE_VALUE_BYTES + 20)
    for number in range(room):
        controller.publish_state(f"value {number}", text)

    with pytest.raises(StateError, match=f"{MAX_STATE_BYTES} bytes at most"):
        [controller.publish_state(f"more {number}", text) for number in range(5)]
    eventually(lambda: value_of(client, "Ti2", f"value {room - 1}") == text, "all of them")


def test_numbers_of_numpy_are_plain_on_the_wire(
    agent: AgentProcess, controller: Controller, client: ControlClient
):
    numpy = pytest.importorskip("numpy")
    controller.publish_state("exposure_ms", numpy.float32(12.5))
    controller.publish_state("place", {"x": numpy.int64(3), "on": numpy.bool_(True)})
    controller.publish_state("corner", numpy.array([1, 2]))

    eventually(lambda: value_of(client, "Ti2", "corner") == [1, 2], "the corner")
    assert value_of(client, "Ti2", "exposure_ms") == 12.5
    assert value_of(client, "Ti2", "place") == {"x": 3, "on": True}


# ---------------------------------------------------------------- hostile reports


def report(revision: int, after: int, values: list[StateEntry]) -> ControllerReport:
    return ControllerReport(
        request=revision,
        controller="cd" * 16,
        name="odd",
        after=after,
        revision=revision,
        values=values,
    )


def test_a_report_with_a_gap_is_not_taken(raw: RawSender):
    entry = StateEntry(name="a", value=1, set_at=1.0)

    first = raw.ask(report(7, after=3, values=[entry]))

    assert isinstance(first, ReportTaken)
    assert first.revision == 0
    assert raw.snapshot().controllers[0].values == []
    second = raw.ask(report(7, after=0, values=[entry]))
    assert isinstance(second, ReportTaken)
    assert second.revision == 7
    assert raw.snapshot().controllers[0].values == [entry]


def test_an_older_report_changes_nothing(raw: RawSender):
    raw.ask(report(7, after=0, values=[StateEntry(name="a", value="new", set_at=2.0)]))

    raw.ask(report(5, after=0, values=[StateEntry(name="a", value="old", set_at=1.0)]))

    assert raw.snapshot().controllers[0].values[0].value == "new"


def test_an_agent_keeps_no_more_than_its_bounds(raw: RawSender):
    def tell(revision: int) -> ReportTaken:
        entries = [
            StateEntry(name=f"{revision}-{n}", value="x" * 4000, set_at=1.0) for n in range(100)
        ]
        answer = raw.ask(report(revision, after=revision - 1, values=entries))
        assert isinstance(answer, ReportTaken)
        return answer

    assert tell(1).why == ""
    refused = tell(2)

    assert "more than" in refused.why
    assert refused.revision == 1
    assert len(raw.snapshot().controllers[0].values) == 100
