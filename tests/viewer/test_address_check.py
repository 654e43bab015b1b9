"""Why no agent answers is found out, and said in the window."""

import os
import socket

import pytest

from planecast_agent.subscriber.news import LinkState
from planecast_viewer.address_check import SOMEBODY, AddressCheck, is_local, why_no_agent
from planecast_viewer.session import Session


@pytest.fixture
def closed_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


def test_a_port_where_nobody_listens_is_named(closed_port):
    why = why_no_agent(f"tcp://127.0.0.1:{closed_port}")
    assert why == f"nobody listens at port {closed_port} of 127.0.0.1"


def test_somebody_else_at_the_address_is_told_from_nobody():
    with socket.create_server(("127.0.0.1", 0)) as door:
        assert why_no_agent(f"tcp://127.0.0.1:{door.getsockname()[1]}") == SOMEBODY


def test_an_address_that_is_none_is_explained():
    assert "tcp://HOST:PORT" in why_no_agent("tcp://microscope")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no such sockets here")
def test_a_socket_of_before_is_told_from_one_that_never_was(tmp_path):
    path = tmp_path / "agent"
    assert why_no_agent(f"ipc://{path}") == "no agent was started there"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()
        assert why_no_agent(f"ipc://{path}") == SOMEBODY
    assert why_no_agent(f"ipc://{path}") == "the agent that was there has ended"


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may do all")
def test_a_socket_of_another_user_is_named(tmp_path):
    path = tmp_path / "agent"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        path.chmod(0)
        assert why_no_agent(f"ipc://{path}") == "it belongs to another user"


def test_it_is_found_out_in_a_thread_and_forgotten_when_the_agent_answers(qtbot, closed_port):
    session = Session(f"tcp://127.0.0.1:{closed_port}")
    check = AddressCheck(session)
    with qtbot.waitSignal(session.link_state_changed):
        check.look()
    assert session.agent_trouble.startswith("nobody listens")
    session.take_news([LinkState("live")])
    check.look()
    assert session.agent_trouble == ""
    check.close()


def test_only_an_agent_of_this_machine_can_be_started_here():
    assert is_local("ipc:///run/agent")
    assert is_local("tcp://127.0.0.1:5810")
    assert not is_local("tcp://microscope:5810")


def test_the_window_says_it(viewer):
    session, empty = viewer.session, viewer.window.empty
    address, session.agent_address = session.agent_address, "tcp://microscope:5810"
    session.take_news([LinkState("connecting")])
    session.set_agent_trouble("there is no computer named microscope")
    assert "does not answer yet: there is no computer named microscope" in empty.body.text()
    assert empty.command.text() == ""
    session.agent_address = address
    session.set_agent_trouble("no agent was started there")
    assert empty.command.text() == "planecast agent"
    session.set_agent_trouble("")
