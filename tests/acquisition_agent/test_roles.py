"""Who may do what at the agent's door."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from agent_rig import TIMEOUT_S, AgentProcess, Subscriber
from control_rig import RawSender, StageProcess, wait_until_declared
from zmq.auth.thread import ThreadAuthenticator

from planecast_agent.door import Door
from planecast_agent.roles import EVERYTHING, LOCAL, NO_COMMANDS, Roles, role_of
from planecast_agent.subscriber.control_client import ControlClient
from planecast_protocol.agent_messages import ListAcquisitions, Refused
from planecast_protocol.command_messages import SendCommand, TakeCommand
from planecast_protocol.errors import CommandRefusedError, NotPermittedError
from planecast_protocol.messages import encode
from planecast_protocol.retention_messages import ForgetAcquisition
from planecast_protocol.state_messages import FetchState

IDENTITY = "ab" * 16
ORDER = SendCommand(
    request=9, command=IDENTITY, boot="b", expires_at_s=1.0, controller=IDENTITY, name="go"
)


def test_by_default_who_reaches_the_door_may_do_everything():
    roles = Roles(EVERYTHING)

    for message in (ORDER, TakeCommand(request=1, controller=IDENTITY), FetchState(request=1)):
        roles.check(LOCAL, message)


def test_a_key_that_is_not_listed_may_do_nothing():
    roles = Roles(EVERYTHING)

    with pytest.raises(NotPermittedError, match="the key of mallory may not view here"):
        roles.check("mallory", FetchState(request=1))


def test_a_key_may_do_what_it_is_listed_for():
    roles = Roles({"alice": frozenset({"view"})})

    roles.check("alice", FetchState(request=1))
    with pytest.raises(NotPermittedError, match="the key of alice may not command here"):
        roles.check("alice", ORDER)
    with pytest.raises(NotPermittedError):
        roles.check(LOCAL, FetchState(request=1))


def test_deleting_takes_more_than_looking():
    assert role_of(ForgetAcquisition(request=1, acquisition="a")) == "publish"
    assert role_of(ListAcquisitions(request=1)) == "view"


def test_a_refusal_is_logged_once(caplog: pytest.LogCaptureFixture):
    roles = Roles(NO_COMMANDS)
    for _ in range(5):
        with pytest.raises(NotPermittedError):
            roles.check(LOCAL, ORDER)

    assert len(caplog.messages) == 1
    assert "who comes without a key may not command here" in caplog.messages[0]


# ---------------------------------------------------------------- an agent that allows no commands


@pytest.fixture
def strict_agent(home: Path) -> Iterator[AgentProcess]:
    """Start an agent that lets no commands through."""
    agent = AgentProcess(home)
    command = agent.command
    agent.command = lambda: [*command(), "--no-commands"]  # type: ignore[method-assign]
    yield agent.start()
    agent.kill()


def test_an_agent_can_refuse_all_commands(strict_agent: AgentProcess):
    stage, raw = StageProcess(strict_agent), RawSender(strict_agent.address)
    listener = Subscriber(strict_agent.address)
    try:
        with ControlClient(strict_agent.address) as client:
            wait_until_declared(client, "Squid")
            assert not client.picture().may_command
            with pytest.raises(CommandRefusedError, match="may not command here"):
                client.command("Squid", "set_exposure", {"ms": 1})
        refused = raw.ask(raw.order("set_exposure", {"ms": 1}))
        assert isinstance(refused, Refused)
        assert (refused.request, refused.code) == (2, "NotPermittedError")
        assert listener.heartbeat(lambda beat: beat.refused == 2).refused == 2
        assert stage.begun() == []
    finally:
        for one in (stage, raw, listener):
            one.close()
    assert strict_agent.log.read_text().count("may not command here") == 1


# ---------------------------------------------------------------- keys


def test_the_door_knows_whose_key_a_message_came_with():
    """By ZeroMQ's own word: what a handler of its authentication protocol names as the user."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    guard = ThreadAuthenticator(context)
    guard.start()
    guard.configure_plain(domain="*", passwords={"alice": "secret"})
    server = context.socket(zmq.ROUTER)
    server.plain_server = True
    port = server.bind_to_random_port("tcp://127.0.0.1")
    client = context.socket(zmq.DEALER)
    client.plain_username, client.plain_password = b"alice", b"secret"
    client.connect(f"tcp://127.0.0.1:{port}")
    try:
        client.send(encode(FetchState(request=1)))
        assert server.poll(TIMEOUT_S * 1000)
        door = Door(server)
        assert door.user == LOCAL
        assert [frames for _who, frames in door.receive()] == [[encode(FetchState(request=1))]]
        assert door.user == "alice"
    finally:
        guard.stop()
        context.destroy(linger=0)
