"""The controller's panel: state values, and commands that are asked for, confirmed, answered."""

import os
import signal

import msgspec
import pytest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit

from planecast_agent.controller import Controller
from planecast_agent.subscriber.control_picture import ControlPicture
from planecast_agent.subscriber.news import AcquisitionsListed
from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.command_messages import ArgumentSpec, CommandAnswer, CommandSpec
from planecast_protocol.state_messages import ControllerState, Part, PartState, StateEntry
from planecast_viewer.control_link import ControlLink
from planecast_viewer.link import AgentLink
from planecast_viewer.panels.controller import ControllerPanel, as_text
from planecast_viewer.session import Session

IDENTITY = "ab" * 16
EXPOSE = CommandSpec(
    name="set_exposure",
    arguments=[
        ArgumentSpec(name="ms", kind="float", minimum=0.1, maximum=1000.0),
        ArgumentSpec(
            name="channel", kind="choice", choices=["BF", "DAPI"], required=False, default="DAPI"
        ),
        ArgumentSpec(name="wait", kind="bool", required=False, default=True),
        ArgumentSpec(name="note", kind="str", required=False, default="none"),
    ],
    text="Expose for so long.",
)
HOME = CommandSpec(name="home", confirm=True)


def picture(life="live", *, agent="live", may_command=True, commands=(EXPOSE, HOME), name="Squid"):
    squid = ControllerState(
        controller=IDENTITY,
        name=name,
        host="pc",
        pid=7,
        life=life,
        values=[
            StateEntry(name="stage", value={"x_um": 1.5, "homed": True}, set_at=1.0),
            StateEntry(name="progress", value=0.25, set_at=2.0),
        ],
        commands=list(commands),
    )
    parts = (
        PartState(
            part=Part(part=IDENTITY, kind="controller", name=name, host="pc", pid=7),
            life=life,
            silent_s=0.0 if life == "live" else 4.4,
        ),
        PartState(part=Part(part="cd" * 16, kind="viewer", host="lab", pid=8), life="live"),
    )
    return ControlPicture(agent, 0.0, (squid,), parts, may_command=may_command)


@pytest.fixture
def session(qapp):
    return Session("ipc:///nowhere")


@pytest.fixture
def panel(qtbot, session):
    widget = ControllerPanel(session)
    qtbot.addWidget(widget)
    widget.show()
    return widget


@pytest.fixture
def wishes(session):
    found = []
    session.command_wanted.connect(found.append)
    return found


def cells(panel):
    table = panel.values
    return [
        (table.item(row, 0).text(), table.item(row, 1).text()) for row in range(table.rowCount())
    ]


# ---------------------------------------------------------------- state


def test_nothing_is_known_at_first(panel):
    assert panel.life.text() == "no controller shows its state"
    assert panel.values.isHidden()
    assert panel.form is None


def test_values_are_shown_by_name(panel, session):
    session.set_control(picture())

    assert cells(panel) == [("progress", "0.25"), ("stage x_um", "1.5"), ("stage homed", "yes")]
    assert panel.life.text() == "● Squid: controller live"
    assert not panel.values.item(0, 0).font().italic()
    assert panel.parts.text() == "viewer live · lab 8"


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (picture("silent"), "● Squid: controller silent for 4 s"),
        (picture("gone"), "● Squid: controller gone"),
        (picture(agent="silent"), "Squid: not known, the agent is away"),
    ],
    ids=["silent", "gone", "agent away"],
)
def test_values_that_may_be_old_are_greyed_and_nothing_can_be_sent(panel, session, shown, said):
    session.set_control(shown)

    assert panel.life.text() == said
    assert panel.values.item(0, 0).font().italic()
    assert panel.values.item(0, 0).toolTip().endswith(", stale")
    assert not panel.form.isEnabled()
    session.set_control(picture())
    assert not panel.values.item(0, 0).font().italic()
    assert panel.form.isEnabled()


def test_an_agent_that_lets_no_commands_through_is_named(panel, session):
    session.set_control(picture(may_command=False))

    assert "lets no commands through" in panel.life.text()
    assert not panel.form.isEnabled()


def test_one_of_several_controllers_is_chosen(panel, session, qtbot):
    squid = picture().controllers[0]
    other = msgspec.structs.replace(squid, controller="ef" * 16, name="Ti2", commands=[HOME])
    session.set_control(ControlPicture("live", 0.0, (squid, other), (), may_command=True))

    assert not panel.choice.isHidden()
    assert panel.controller.name == "Ti2"
    panel.choice.setCurrentIndex(0)
    panel.choice.activated.emit(0)
    assert panel.form.spec == EXPOSE
    session.set_control(ControlPicture("live", 0.0, (other, squid), (), may_command=True))
    assert panel.controller.name == "Squid"


def test_the_controller_that_acquires_what_is_shown_is_shown_until_another_is_picked(
    panel, session, make_acquired
):
    dead, live = (
        msgspec.structs.replace(picture(life).controllers[0], controller=identity, name=name)
        for life, identity, name in (("gone", "01" * 16, "old"), ("live", "02" * 16, "new"))
    )
    parts = tuple(
        PartState(part=Part(part=one.controller, kind="controller"), life=one.life)
        for one in (dead, live)
    )
    both = ControlPicture("live", 0.0, (live, dead), parts, may_command=True)
    session.set_control(both)
    assert panel.choice.currentText() == "new"  # the one that lives
    summaries = tuple(
        AcquisitionSummary(
            acquisition=name, name=name, state="done", controller="gone", head=1, planes=0,
            started_at=1.0, owner=one.controller,
        )
        for name, one in (("exp1", dead), ("exp2", live))
    )  # fmt: skip
    session.take_news([AcquisitionsListed(summaries, ""), *make_acquired("exp1").news()])
    assert panel.choice.currentText() == "old"
    panel.choice.setCurrentIndex(panel.choice.findText("new"))
    panel.choice.activated.emit(panel.choice.currentIndex())
    session.set_control(both)
    assert panel.choice.currentText() == "new"
    session.take_news(make_acquired("exp1").news())
    assert panel.choice.currentText() == "old"


def test_values_are_written_as_people_read_them():
    assert as_text(None) == "–"
    assert as_text(False) == "no"
    assert as_text([1, 2.50, "a"]) == "1, 2.5, a"
    assert as_text({"x_um": 12034.25}) == "x_um 12034.25"


# ---------------------------------------------------------------- commands


def test_the_form_has_a_field_for_each_argument(panel, session):
    session.set_control(picture())

    fields = panel.form.fields
    kinds = {name: type(field) for name, field in fields.items()}
    assert kinds == {"ms": QLineEdit, "channel": QComboBox, "wait": QCheckBox, "note": QLineEdit}
    assert fields["ms"].placeholderText() == "a number, 0.1 to 1000"
    assert fields["channel"].currentText() == "DAPI"
    assert fields["wait"].isChecked()
    assert fields["note"].placeholderText() == "text (none)"


def test_what_is_being_written_stays_when_values_change(panel, session):
    session.set_control(picture())
    panel.form.fields["ms"].setText("2")
    form = panel.form

    session.set_control(picture())

    assert panel.form is form
    assert form.fields["ms"].text() == "2"


def test_a_command_is_sent_and_its_answer_shown(panel, session, wishes, qtbot):
    session.set_control(picture())
    qtbot.keyClicks(panel.form.fields["ms"], "25")
    panel.form.send.click()

    (wish,) = wishes
    assert (wish.controller, wish.name) == (IDENTITY, "set_exposure")
    assert wish.arguments == {"ms": 25.0, "channel": "DAPI", "wait": True}
    assert panel.result.text() == "set_exposure …"
    answer = CommandAnswer(request=1, command=IDENTITY, boot="b", outcome="done", value=25.0)
    session.take_command_answer(wish, answer)
    assert panel.result.text() == "set_exposure: done: 25"


def test_why_a_command_was_refused_is_shown_and_logged(panel, session, wishes, qtbot):
    logged = []
    session.logged.connect(lambda *line: logged.append(line))
    session.set_control(picture())
    qtbot.keyClicks(panel.form.fields["ms"], "25\r")

    answer = CommandAnswer(request=1, command=IDENTITY, boot="b", outcome="refused", why="no light")
    session.take_command_answer(wishes[0], answer)

    assert panel.result.text() == "set_exposure: refused: no light"
    assert logged == [("warning", "set_exposure: refused: no light")]


def test_a_late_answer_to_another_command_is_not_taken_for_this_one(panel, session, wishes, qtbot):
    session.set_control(picture())
    panel.form.fields["ms"].setText("25")
    panel.form.send.click()
    panel.form.send.click()

    late = CommandAnswer(request=1, command=IDENTITY, boot="b", outcome="failed", why="late")
    session.take_command_answer(wishes[0], late)

    assert panel.result.text() == "set_exposure …"


@pytest.mark.parametrize("text", ["", "far", "0", "1e9"])
def test_what_does_not_fit_is_said_and_not_sent(panel, session, wishes, qtbot, text):
    session.set_control(picture())
    qtbot.keyClicks(panel.form.fields["ms"], text)
    panel.form.send.click()

    assert wishes == []
    assert not panel.form.trouble.isHidden()
    assert "ms" in panel.form.trouble.text()


def test_what_moves_something_is_asked_for_twice(panel, session, wishes, qtbot):
    session.set_control(picture(commands=[HOME]))
    form = panel.form
    form.send.click()
    assert wishes == []
    assert form.question.text() == "home?"
    assert form.send.isHidden()

    form.cancel.click()
    assert wishes == []
    assert not form.send.isHidden()

    form.send.click()
    form.confirm.click()
    assert [wish.name for wish in wishes] == ["home"]
    assert form.question.isHidden()


def test_what_was_confirmed_is_what_was_read(panel, session, wishes, qtbot):
    move = CommandSpec(
        name="move_stage", confirm=True, arguments=[ArgumentSpec(name="x_um", kind="float")]
    )
    session.set_control(picture(commands=[move]))
    form = panel.form
    qtbot.keyClicks(form.fields["x_um"], "1")
    form.send.click()
    assert form.question.text() == "move_stage: x_um = 1.0?"

    qtbot.keyClicks(form.fields["x_um"], "0")

    assert form.confirm.isHidden()
    assert wishes == []


# ---------------------------------------------------------------- a real controller and agent


@pytest.fixture
def joined(qtbot, session, start_agent, tmp_path):
    """Connect the session to an agent process, and a controller of this process too."""
    address = f"ipc://{tmp_path / 'agent'}"
    agent = start_agent(address)
    control = ControlLink(address, session, AgentLink(address))
    control.start()
    with Controller("Ti2", agent=address) as controller:
        yield session, controller, agent
    control.close()


def test_state_and_commands_go_the_whole_way(panel, joined, qtbot):
    _session, controller, _agent = joined

    def set_exposure(ms: float) -> float:
        return ms * 2

    controller.publish_state("exposure_ms", 3.5)
    controller.on_command("set_exposure", set_exposure)
    qtbot.waitUntil(lambda: cells(panel) == [("exposure_ms", "3.5")], timeout=20_000)
    qtbot.waitUntil(lambda: panel.form is not None, timeout=20_000)
    qtbot.keyClicks(panel.form.fields["ms"], "12\r")
    qtbot.waitUntil(lambda: panel.result.text() == "set_exposure: done: 24", timeout=20_000)

    controller.publish_state("exposure_ms", 12)
    qtbot.waitUntil(lambda: cells(panel) == [("exposure_ms", "12")], timeout=20_000)


def test_a_viewer_is_seen_by_the_others(panel, joined, qtbot):
    session, _controller, _agent = joined

    def own() -> list[Part]:
        return [one.part for one in session.control.parts if one.part.kind == "viewer"]

    qtbot.waitUntil(lambda: [one.pid for one in own()] == [os.getpid()], timeout=20_000)
    qtbot.waitUntil(lambda: "viewer live" in panel.parts.text(), timeout=20_000)


def test_an_agent_that_hangs_greys_everything(panel, joined, qtbot):
    session, controller, agent = joined
    controller.publish_state("on", True)
    qtbot.waitUntil(lambda: cells(panel) == [("on", "yes")], timeout=20_000)

    agent.send_signal(signal.SIGSTOP)
    qtbot.waitUntil(lambda: session.control.agent == "silent", timeout=20_000)
    assert panel.values.item(0, 0).font().italic()
    agent.send_signal(signal.SIGCONT)
    qtbot.waitUntil(lambda: session.control.agent == "live", timeout=20_000)

    assert not panel.values.item(0, 0).font().italic()
