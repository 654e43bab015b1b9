"""The panel of all programs: who lives, who lost what, how late pictures are."""

import os
import socket

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication

from planecast_agent.subscriber.control_picture import ControlPicture
from planecast_agent.subscriber.known_planes import Position
from planecast_agent.subscriber.news import AgentNotice, LinkState
from planecast_protocol.reader_messages import ReaderProcessStatus, WorkerStatus
from planecast_protocol.state_messages import Part, PartState
from planecast_viewer.frame import Frame, FramePlane
from planecast_viewer.lateness import Lateness
from planecast_viewer.panels.programs import ProgramsPanel
from planecast_viewer.program_facts import describe_programs
from planecast_viewer.session import Session


def status(**changes):
    facts = {
        "request": 1, "uptime_s": 7300.0, "clients": 2, "requests": 9, "reads": 30,
        "cache_hits": 90, "pending": 1, "queued": 4, "readers_replaced": 2,
        "quarantined": ["data:poison.czi"], "arena_bytes": 1 << 30, "arena_used_bytes": 1 << 29,
        "leased_slots": 3, "pid": 77, "last_loss": "reader 5 was killed by SIGSEGV",
        "readers": [ReaderProcessStatus(pid=6, state="busy", path="data:a.tif", reads=12)],
    }  # fmt: skip
    return WorkerStatus(**{**facts, **changes})


@pytest.fixture
def session(qapp):
    return Session("tcp://microscope:5810")


def facts(session):
    sections = describe_programs(session)
    return {(one.title, fact.name): fact for one in sections for fact in one.facts}


def test_worker_and_its_readers_say_what_they_did(session):
    session.set_worker_state(True, "connected")
    session.set_worker_status(status(), 0.0)
    told = facts(session)
    worker = {name: fact.text for (title, name), fact in told.items() if title == "Reader worker"}
    assert worker["runs"] == "process 77, since 2.0 h"
    assert worker["found in the cache"] == "75 % of 120 planes"
    assert worker["cache"] == "512 of 1,024 MiB, 3 planes in use"
    assert (worker["waiting for a reader"], worker["waiting for their file"]) == ("4", "1")
    assert (worker["readers replaced"], worker["the last"]) == (
        "2",
        "reader 5 was killed by SIGSEGV",
    )
    assert worker["set aside for a while"] == "data:poison.czi"
    assert told["Reader processes", "process 6"].text == "busy · 12 reads · data:a.tif"


def test_a_worker_that_is_silent_or_away_is_told_and_counted(session):
    session.set_worker_state(True, "connected")
    session.set_worker_status(status(), 4.2)
    state = facts(session)["Reader worker", "state"]
    assert (state.text, state.tone) == ("connected, but silent for 4 s", "bad")
    session.set_worker_status(None, 0.0)
    session.set_worker_state(False, "no reader worker answers at unix:///w")
    assert facts(session)["Reader worker", "state"].text == "no reader worker answers at unix:///w"
    assert facts(session)["Reader worker", "was away"].text == "once"


def test_agent_its_losses_and_the_others_are_told(session):
    session.take_news([LinkState("live"), AgentNotice("", 3)])
    session.take_news([LinkState("silent", 4.0), LinkState("live")])
    mine = Part(
        part="ab" * 16, kind="viewer", pid=os.getpid(), host=socket.gethostname(),
        shows="exp7", behind=5,
    )  # fmt: skip
    other = Part(part="cd" * 16, kind="viewer", pid=8, host="office", behind=70)
    parts = (PartState(part=mine, life="live"), PartState(part=other, life="silent", silent_s=9.0))
    session.set_control(ControlPicture("live", parts=parts))
    told = facts(session)
    assert told["Agent", "state"].tone == "good"
    assert told["Agent", "was away"].text == "once"
    assert told["Agent", "events put aside"].text == "3"
    assert told["This viewer", "behind the agent"].text == "5 events"
    assert told["Others", "viewer"].text == (
        "silent for 9 s · 70 events behind · process 8 · on office"
    )


def test_an_agent_that_does_not_answer_says_why(session):
    session.set_agent_trouble("there is no computer named microscope")
    assert facts(session)["Agent", "why"].text == "there is no computer named microscope"


def test_a_viewer_of_files_has_no_agent(qapp):
    assert {title for title, _name in facts(Session(None))} == {"This viewer", "Reader worker"}


def frame(number, *registered_at):
    planes = tuple(FramePlane(np.zeros((1, 1)), None, at) for at in registered_at)
    return Frame(number, Position(0, 0, 0), planes, tuple(range(len(planes))))


def test_planes_that_newer_ones_have_overtaken_are_counted_and_history_is_not():
    late = Lateness()
    late.registered(np.array([1.0, 2.0, 3.0]))  # of before this viewer came
    late.shown(frame(1, 3.0), 5000.0, following=True)
    late.registered(np.array([3.0, 4.0, 5.0, 6.0]))
    late.shown(frame(2, 4.0), 20.0, following=True)
    late.shown(frame(3, 4.0), 90.0, following=True)  # the same plane, drawn again
    late.shown(frame(4, 6.0), 40.0, following=True)
    assert (late.n_followed, late.n_shown, late.n_left_out) == (3, 2, 1)
    assert (late.delay_ms(0.0), late.delay_ms(0.95)) == (20.0, 40.0)
    assert late.n_pictures == 4


@pytest.fixture
def panel(session, qtbot):
    widget = ProgramsPanel(session)
    widget.resize(900, 300)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def test_panel_follows_while_it_is_open(panel, session, qtbot):
    session.set_worker_state(True, "connected")
    session.set_worker_status(status(), 0.0)
    qtbot.waitUntil(lambda: "512 of 1,024 MiB" in panel.text.toPlainText())
    panel.hide()
    session.set_worker_status(status(arena_used_bytes=0), 0.0)
    assert not panel._timer.isActive()
    panel.show()
    assert "0 of 1,024 MiB" in panel.text.toPlainText()


def test_all_of_it_can_be_copied_as_text(panel, session, qtbot):
    session.set_worker_state(True, "connected")
    session.set_worker_status(status(), 0.0)
    panel.copy.click()
    text = QGuiApplication.clipboard().text()
    assert "Reader worker\n  state: ready\n" in text
    assert "  process 6: busy" in text
