"""A controller says where to look, and the viewer goes there once."""

import msgspec
import pytest

from planecast_agent.subscriber.control_picture import ControlPicture
from planecast_agent.subscriber.known_planes import Position
from planecast_agent.subscriber.news import AcquisitionsListed
from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.event_messages import StartAcquisition
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_protocol.navigation import NAVIGATE, Move
from planecast_protocol.state_messages import ControllerState, StateEntry
from planecast_viewer.session import Session
from planecast_viewer.steering import Steering

START = StartAcquisition(
    acquisition="exp7",
    name="exp7",
    channels=["BF"],
    num_z=5,
    height=8,
    width=8,
    fov_labels=["A1:0", "A1:1", "B2:0"],
    started_at=0.0,
)


@pytest.fixture
def chosen():
    return []


@pytest.fixture
def session(qapp, chosen):
    one = Session("ipc:///nowhere")
    Steering(one, chosen.append)
    one.set_control(ControlPicture("live"))
    one.take_news([START])
    return one


def say(session, value, controller="0" * 32):
    entry = StateEntry(name=NAVIGATE, value=value, set_at=0.0)
    state = ControllerState(controller=controller, name="c", life="live", values=[entry])
    session.set_control(ControlPicture("live", controllers=(state,)))


def move(**where):
    return msgspec.to_builtins(Move(**where))


def test_viewer_goes_where_a_controller_points_and_stops_following(session):
    say(session, move(number=1, acquisition="exp7", fov=2, z=3))
    assert session.shown == Position(0, 2, 3)
    assert not session.following


def test_axes_that_are_left_out_stay(session):
    session.show(Position(0, 1, 4))
    say(session, move(number=1, fov=2))
    assert session.shown == Position(0, 2, 4)


def test_fov_is_found_by_its_label(session):
    say(session, move(number=1, label="B2:0"))
    assert session.shown.fov == 2


def test_each_move_is_obeyed_once(session):
    say(session, move(number=1, fov=2))
    session.show(Position(0, 0, 0))
    say(session, move(number=1, fov=2))
    assert session.shown.fov == 0, "a person has moved on"
    say(session, move(number=2, fov=2))
    assert session.shown.fov == 2, "the same place again is another move"


def test_move_in_an_acquisition_that_comes_later_waits_for_it(session):
    say(session, move(number=1, acquisition="exp8", fov=1))
    assert session.shown.fov == 0
    session.take_news([msgspec.structs.replace(START, acquisition="exp8", name="exp8")])
    assert session.shown.fov == 1


def test_what_was_said_before_the_viewer_came_is_of_the_past(qapp):
    late = Session("ipc:///nowhere")
    Steering(late, print)
    say(late, move(number=7, fov=2))
    late.take_news([START])
    assert late.shown.fov == 0
    assert late.following
    say(late, move(number=8, fov=1))
    assert late.shown.fov == 1


@pytest.mark.parametrize("value", [None, 5, {"fov": 2}, {"number": 1, "fov": "B2"}])
def test_what_can_not_be_understood_is_not_obeyed(session, value):
    say(session, value)
    assert session.shown == Position(0, 0, 0)
    assert session.following


def list_one_more(session, name):
    summary = AcquisitionSummary(
        acquisition=name, name=name, state="running", planes=0, head=1, started_at=0.0
    )
    session.take_news([AcquisitionsListed((*session.acquisitions, summary), "")])


def test_viewer_held_by_a_controller_goes_on_to_the_next_acquisition(session, chosen):
    list_one_more(session, "exp7")
    say(session, move(number=1, fov=2))
    list_one_more(session, "exp8")
    assert chosen == ["exp8"]


def test_viewer_held_by_a_person_stays(session, chosen):
    list_one_more(session, "exp7")
    say(session, move(number=1, fov=2))
    session.show(Position(0, 1, 0))
    say(session, move(number=2, fov=2))
    list_one_more(session, "exp8")
    assert chosen == []


def test_file_that_somebody_looks_at_is_left_alone(session):
    scene = SceneInfo(
        name="s", sizes={"Z": 5, "Y": 8, "X": 8}, dtype="<u2", channels=[ChannelInfo(name="c")]
    )
    info = ImageInfo(path="local:x.tif", format="tiff", reader="r", scenes=[scene])
    session.open_image(info)
    say(session, move(number=1, z=3))
    assert session.shown == Position(0, 0, 0)
