"""The status line names who is silent, gone or away."""

import pytest

from planecast_agent.subscriber.control_picture import ControlPicture
from planecast_agent.subscriber.news import AcquisitionsListed, LinkState
from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.state_messages import Part, PartState
from planecast_viewer.part_text import describe_part

OWNER, WORKER = "ab" * 16, "unix:///run/worker"


def state(kind, life, silent_s=0.0, why="", name=""):
    part = Part(part=OWNER if kind == "controller" else "cd" * 16, kind=kind, name=name, pid=7)
    return PartState(part=part, life=life, silent_s=silent_s, why=why)


@pytest.fixture
def running(viewer, make_acquired):
    """Show an acquisition that runs."""
    acquired = make_acquired()
    session = viewer.session
    session.take_news(acquired.news((0, 0, 0, 0)))
    summary = AcquisitionSummary(
        acquisition=session.facts.identity,
        name="run",
        state="running",
        controller="live",
        head=1,
        planes=1,
        started_at=1.0,
        owner=OWNER,
    )
    session.take_news([LinkState("live"), AcquisitionsListed((summary,), "")])
    session.set_control(ControlPicture("live"))
    yield viewer
    session.set_control(ControlPicture())
    session.worker_in_use = ""


def test_the_controller_of_what_is_shown_is_named(running):
    session, label = running.session, running.window.status.controller
    assert label.text() == "● controller: live"

    session.set_control(ControlPicture("live", parts=(state("controller", "silent", 4.2),)))
    assert label.text() == "● controller silent for 4 s"
    session.set_control(ControlPicture("live", parts=(state("controller", "gone", why="dead"),)))
    assert label.text() == "● controller gone: dead"
    session.set_control(ControlPicture("live", parts=(state("controller", "live"),)))
    assert label.text() == "● controller: live"


def test_without_an_agent_its_controller_is_not_known(running):
    running.session.take_news([LinkState("silent", 5.0)])

    assert running.window.status.agent.text() == "● agent: away for 5 s"
    assert running.window.status.controller.text() == "● controller: not known"


def test_an_acquisition_that_ended_needs_no_controller(running, make_acquired):
    running.session.take_news([make_acquired().end("done")])

    assert running.window.status.controller.text() == ""


def test_a_worker_that_hangs_is_named_if_it_is_ours(running):
    session, label = running.session, running.window.status.worker
    session.set_worker_state(True, "connected")
    session.worker_in_use = WORKER
    hangs = ControlPicture("live", parts=(state("worker", "silent", 3.4, name=WORKER),))
    session.set_control(hangs)
    assert label.text() == "● reader silent for 3 s"

    session.worker_in_use = "unix:///another"
    session.set_control(hangs)

    assert label.text() == "● reader: ready"
    session.set_worker_state(False, "not connected")


def test_who_comes_and_goes_is_logged(running):
    logged = []
    running.session.logged.connect(lambda *line: logged.append(line))

    for life, silent_s in (("live", 0.0), ("silent", 3.1), ("silent", 3.6), ("live", 0.0)):
        part = state("controller", life, silent_s)
        running.session.set_control(ControlPicture("live", parts=(part,)))

    assert logged == [("warning", "controller silent for 3 s"), ("info", "controller live")]


def test_the_panel_opens_when_a_controller_has_something_to_show(running):
    from test_controller_panel import picture

    dock = running.window.docks["controller"]
    running.session.set_control(picture())
    assert not dock.isHidden()
    dock.hide()

    running.session.set_control(picture("silent"))

    assert dock.isHidden()


def test_a_part_is_said_in_words():
    assert describe_part(state("worker", "live")) == "reader live"
    assert describe_part(state("viewer", "gone")) == "viewer gone"
