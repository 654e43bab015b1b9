"""The state that the panels look at."""

import pytest

from planecast_agent.subscriber.known_planes import Position
from planecast_agent.subscriber.news import (
    AcquisitionChosen,
    AcquisitionMissing,
    AcquisitionsListed,
    AgentNotice,
    LinkState,
)
from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.event_messages import ResumeAcquisition
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_viewer.session import Session
from planecast_viewer.who import controller_state


@pytest.fixture
def session(qapp):
    return Session("ipc:///nobody")


def summary(name, **more):
    facts = {"state": "running", "controller": "live", "head": 1, "planes": 0, "started_at": 1.0}
    return AcquisitionSummary(acquisition=name, name=name, **{**facts, **more})


def scene(name, **sizes):
    return SceneInfo(
        name=name,
        sizes=sizes,
        dtype="<u2",
        channels=[ChannelInfo(name=f"c{n}", emission_nm=520.0) for n in range(sizes.get("C", 1))],
        pixel_size_um={"x": 0.5, "y": 0.5, "z": None},
    )


def image(*scenes):
    return ImageInfo(path="local:d/x.czi", format="czi", reader="pylibCZIrw 5", scenes=list(scenes))


def test_acquisition_begins_and_grows(session, acquired, qtbot):
    with qtbot.waitSignals([session.acquisition_changed, session.extents_changed]):
        session.take_news(acquired.news((0, 0, 0, 0), (1, 0, 0, 0)))
    assert session.facts.name == "exp7"
    assert session.extents.t == 2
    assert (session.extents.fov, session.extents.z) == (2, 3)
    assert session.channel_visible == (True, True)
    assert session.running


def test_acquisition_that_the_agent_forgot_is_told_and_no_longer_shown(session, acquired, qtbot):
    session.take_news(acquired.news((0, 0, 0, 0)))
    with qtbot.waitSignal(session.logged) as logged:
        session.take_news([AcquisitionMissing("exp7"), AcquisitionChosen(None)])
    assert logged.args == ["warning", "the agent has no acquisition exp7 (any more)"]
    assert session.planes is None


def test_end_and_its_reason_are_kept(session, acquired, qtbot):
    session.take_news(acquired.news())
    with qtbot.waitSignal(session.state_changed):
        session.take_news([acquired.end("aborted")])
    assert (session.state, session.running) == ("aborted", False)


def test_choosing_by_hand_stops_following_and_stays_within_the_axes(session, acquired):
    session.take_news(acquired.news((0, 0, 0, 0)))
    session.show(Position(9, 9, 9))
    assert session.shown == Position(0, 1, 2)
    assert not session.following


def test_planes_that_come_while_holding_are_counted(session, acquired):
    session.take_news(acquired.news((0, 0, 0, 0)))
    session.set_following(False)
    session.take_news([acquired.rows((0, 0, 0, 1), (0, 0, 1, 0), (0, 0, 0, 0))])
    assert session.missed == 2
    session.set_following(True)
    assert session.missed == 0


def test_log_that_was_replaced_empties_the_session(session, acquired):
    session.take_news(acquired.news((0, 0, 0, 0)))
    session.take_news([AcquisitionChosen(None)])
    assert session.facts is None
    assert session.planes is None
    assert session.following


def test_plane_beyond_the_announced_axes_is_logged(session, acquired, qtbot):
    session.take_news(acquired.news())
    with qtbot.waitSignal(session.logged) as told:
        session.take_news([acquired.rows((0, 5, 0, 0))])
    assert told.args == ["warning", "1 planes lie outside of what was announced"]


def test_newer_acquisition_is_told_once(session, acquired, qtbot):
    session.take_news([AcquisitionsListed((summary("exp7"),), ""), *acquired.news()])
    with qtbot.waitSignal(session.newer_available) as told:
        session.take_news([AcquisitionsListed((summary("exp7"), summary("exp8")), "")])
    assert told.args[0].acquisition == "exp8"
    with qtbot.assertNotEmitted(session.newer_available):
        session.take_news([AcquisitionsListed((summary("exp7"), summary("exp8")), "")])


def test_first_listing_offers_nothing_newer(session, qtbot):
    with qtbot.assertNotEmitted(session.newer_available):
        session.take_news([AcquisitionsListed((summary("a"), summary("b")), "")])


def test_silence_of_the_agent_and_its_alarm_are_logged(session):
    lines = []
    session.logged.connect(lambda level, text: lines.append((level, text)))
    session.take_news([LinkState("live"), LinkState("silent", 3.0), LinkState("silent", 4.0)])
    session.take_news([LinkState("live"), AgentNotice("disk full", 0)])
    assert lines == [
        ("warning", "agent is silent"),
        ("info", "agent is back"),
        ("error", "agent: disk full"),
    ]


def test_controller_that_fell_silent_is_known(session, acquired):
    listed = AcquisitionsListed((summary("exp7", controller="silent"),), "")
    session.take_news([*acquired.news(), listed])
    assert controller_state(session) == "silent"


def test_file_is_a_session_whose_planes_are_all_there(session):
    session.open_image(image(scene("A1", T=2, C=2, Z=5, Y=10, X=20), scene("A2", Y=8, X=8)))
    facts, planes = session.facts, session.planes
    assert session.state == "file"
    assert not session.following
    assert facts.name == "x.czi"
    assert facts.fov_labels == ("A1", "A2")
    assert (session.extents.t, session.extents.fov, session.extents.z) == (2, 2, 5)
    assert (facts.pixel_size_um, facts.z_step_um) == (0.5, None)
    assert facts.channels[0].wavelength_nm == 520
    assert planes.n_planes == 21
    source = planes.source(PlaneIndex(1, 0, 4, 1))
    assert (source.path, source.scene, source.index) == (
        "local:d/x.czi",
        0,
        {"T": 1, "Z": 4, "C": 1},
    )
    assert planes.source(PlaneIndex(0, 1, 0, 0)).index == {}
    assert not planes.has(PlaneIndex(0, 1, 1, 0))
    assert "scenes differ in size" in facts.notes


def test_axis_without_a_slider_is_said(session):
    session.open_image(image(scene("A1", H=3, Z=2, Y=10, X=20)))
    assert session.facts.notes == ("axis H has 3 values; its first is shown",)


def test_file_is_not_followed(session):
    session.open_image(image(scene("A1", Z=2, Y=10, X=20)))
    session.set_following(True)
    assert not session.following


def test_rgb_file_is_known_as_such(session):
    session.open_image(image(scene("A1", Y=10, X=20, S=3)))
    assert session.facts.rgb


def test_position_is_named_as_people_do(session, acquired):
    session.take_news(acquired.news((0, 0, 0, 0), (3, 0, 0, 0)))
    assert session.describe(Position(3, 1, 2)) == "t 3  A1:1  z 2"


def test_events_of_acquisitions_are_void_while_a_file_is_shown(session, acquired):
    session.take_news(acquired.news((0, 0, 0, 0)))
    session.open_image(image(scene("A1", Z=2, Y=10, X=20)))
    session.take_news([acquired.rows((1, 0, 0, 0)), acquired.end("done")])
    session.take_news([AcquisitionChosen(None), *acquired.news((0, 0, 0, 0))])
    assert (session.facts.name, session.state) == ("x.czi", "file")


def test_acquisition_that_was_chosen_takes_the_place_of_a_file(session, acquired):
    session.open_image(image(scene("A1", Z=2, Y=10, X=20)))
    session.expect("exp7")
    session.take_news([AcquisitionChosen("other"), AcquisitionChosen("exp7")])
    assert (session.facts, session.state, session.following) == (None, "running", True)
    session.take_news(acquired.news((0, 0, 0, 0))[1:])
    assert (session.facts.name, session.planes.n_planes) == ("exp7", 1)


def test_acquisition_that_is_gone_is_told_although_a_file_is_shown(session, qtbot):
    session.open_image(image(scene("A1", Z=2, Y=10, X=20)))
    with qtbot.assertNotEmitted(session.logged):
        session.take_news([AcquisitionMissing("another")])
    session.expect("exp7")
    with qtbot.waitSignal(session.logged) as told:
        session.take_news([AcquisitionMissing("exp7")])
    assert told.args[1] == "the agent has no acquisition exp7 (any more)"
    assert session.state == "file"


def test_resumed_acquisition_is_told_and_goes_on(session, acquired, qtbot):
    session.take_news(acquired.news((0, 0, 0, 0)))
    resumed = ResumeAcquisition(acquisition="exp7", life=1, resumed_at=1000.0)
    assert resumed.source == "controller"
    with qtbot.waitSignals([session.logged, session.acquisition_resumed]):
        session.take_news([resumed, acquired.rows((1, 0, 0, 0))])
    assert session.resumed == (1000.0,)
    assert session.running
    session.take_news(acquired.news())
    assert session.resumed == ()


def test_planes_that_a_rescan_found_are_told_as_such(session, acquired, qtbot):
    session.take_news(acquired.news((0, 0, 0, 0)))
    rescan = ResumeAcquisition(acquisition="exp7", life=1, resumed_at=1000.0, source="rescan")
    with qtbot.waitSignal(session.logged) as told:
        session.take_news([rescan])
    assert "registers files that the controller did not" in told.args[1]
