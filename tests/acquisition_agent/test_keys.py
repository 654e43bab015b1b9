"""Other machines at the agent's door: who comes in, and what they may do."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from agent_rig import TIMEOUT_S, AgentProcess, Subscriber, eventually
from control_rig import StageProcess
from key_rig import Keys, RawGuest, free_port, killed_thread

from planecast_agent.acquisition import Acquisition
from planecast_agent.agent import Agent
from planecast_agent.settings import AgentSettings
from planecast_agent.subscriber.control_client import ControlClient
from planecast_agent.subscriber.control_follower import ControlFollower
from planecast_agent.subscriber.join import join
from planecast_agent.subscriber.journal_client import JournalClient
from planecast_protocol.agent_messages import (
    AcquisitionList,
    Hello,
    ListAcquisitions,
    Publish,
    Refused,
    Welcome,
)
from planecast_protocol.command_messages import SendCommand
from planecast_protocol.errors import CommandRefusedError, EndpointError, KeyFileError
from planecast_protocol.retention_messages import ForgetAcquisition
from planecast_protocol.state_messages import Part, PartBeat

DEAD_THREAD = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
QUESTION = ListAcquisitions(request=1)


class KeyedAgent(AgentProcess):
    """An agent for this machine, and with keys for others."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.keys = Keys(home)
        self.port = free_port()
        self.remote = f"tcp://127.0.0.1:{self.port}"
        self.more = ["--address", f"tcp://*:{self.port}", "--keys", str(self.keys.server.folder)]
        self.more += ["--worker", "tcp://*:5815"]
        self.keys.guest("eve", "view")  # somebody has to be on the list

    def start(self) -> "KeyedAgent":
        local, self.address = self.address, f"{self.address} tcp://*:{self.port}"
        command = self.command()
        command[command.index(self.address)] = local
        self.command = lambda: command  # type: ignore[method-assign]
        super().start()
        self.address = local
        return self


@pytest.fixture
def keyed(home: Path) -> Iterator[KeyedAgent]:
    agent = KeyedAgent(home)
    yield agent.start()
    agent.kill()


@pytest.fixture
def watcher(keyed: KeyedAgent) -> Iterator[Subscriber]:
    """Listen from this machine, which needs no key."""
    one = Subscriber(keyed.address)
    yield one
    one.close()


@pytest.fixture
def visit(keyed: KeyedAgent) -> Iterator[object]:
    """Let raw guests come; they leave in the end."""
    guests: list[RawGuest] = []

    def come(name: str, *roles: str) -> RawGuest:
        own = keyed.keys.guest(name, *roles).own()
        guests.append(RawGuest(keyed.port, keyed.keys.server_public, own))
        return guests[-1]

    yield come
    for guest in guests:
        guest.close()


@pytest.mark.parametrize("stranger", ["no key", "wrong server key", "unlisted key", "revoked key"])
def test_a_stranger_hears_nothing_and_is_counted_and_logged(
    keyed: KeyedAgent, watcher: Subscriber, stranger: str
):
    keys = keyed.keys
    own = keys.guest("mallory", *(["view"] if stranger == "revoked key" else [])).own()
    if stranger == "revoked key":
        keys.revoke("mallory")
    server = keys.guest("other").own().public if "wrong" in stranger else keys.server_public
    guest = RawGuest(keyed.port, server, None if stranger == "no key" else own)
    try:
        assert guest.is_deaf(QUESTION)
        assert watcher.heartbeat(lambda beat: beat.refused > 0)
    finally:
        guest.close()
    log = keyed.log.read_text()
    why = {"unlisted key": "is not on the list", "revoked key": "the key of mallory was revoked"}
    assert why.get(stranger, "refused a connection without a key") in log
    assert own.secret.hex() not in log


def test_a_guest_who_may_view_hears_everything_and_changes_nothing(
    keyed: KeyedAgent, watcher: Subscriber, visit
):
    stage = StageProcess(keyed)
    alice = visit("alice", "view")
    mine = alice.prefix + "ab" * 8
    try:
        listed = alice.ask(QUESTION)
        assert isinstance(listed, AcquisitionList)
        assert listed.worker == "tcp://*:5815"
        assert watcher.listing().worker == "unix:///nowhere"
        assert alice.hears_bell()
        order = SendCommand(
            request=2, command="ab" * 16, boot=listed.boot, expires_at_s=1e9,
            controller="ab" * 16, name="set_exposure",
        )  # fmt: skip
        for message in (
            Hello(request=3, publisher=mine, program="x"),
            Publish(publisher=mine, first=1, count=1, after=0),
            ForgetAcquisition(request=4, acquisition="a"),
            PartBeat(part=Part(part=mine, kind="controller")),
            order,
        ):
            answer = alice.ask(message)
            assert isinstance(answer, Refused), message
            assert answer.code == "NotPermittedError"
            assert "the key of alice may not" in answer.why
        assert watcher.heartbeat(lambda beat: beat.refused >= 5)
        assert not stage.begun()
        assert watcher.listing().acquisitions == []
    finally:
        stage.close()
    assert "the key of alice may not publish here" in keyed.log.read_text()
    assert "the key of alice may not command here" in keyed.log.read_text()


def test_nobody_writes_in_anothers_name(keyed: KeyedAgent, visit):
    bob, carol = visit("bob", "publish"), visit("carol", "publish", "view")
    own = bob.prefix + "01" * 8

    assert isinstance(bob.ask(Hello(request=1, publisher=own, program="bob")), Welcome)
    refused = carol.ask(Hello(request=1, publisher=own, program="carol"))
    assert isinstance(refused, Refused)
    assert "belongs to another key" in refused.why
    part = Part(part=own, kind="viewer")
    assert isinstance(carol.ask(PartBeat(part=part)), Refused)


def test_a_revoked_keys_connections_end_and_others_go_on(keyed: KeyedAgent, visit):
    alice, bob = visit("alice", "view"), visit("bob", "view")
    for guest in (alice, bob):
        assert isinstance(guest.ask(QUESTION), AcquisitionList)
        assert guest.hears_bell()

    keyed.keys.revoke("alice")

    alice.wait_until_cut_off()
    assert alice.is_deaf(QUESTION)
    assert isinstance(bob.ask(QUESTION), AcquisitionList)
    assert bob.hears_bell()
    assert "the key of alice was revoked" in keyed.log.read_text()


def test_a_role_that_is_taken_away_is_gone_at_once(keyed: KeyedAgent, visit):
    bob = visit("bob", "publish", "view")
    hello = Hello(request=1, publisher=bob.prefix + "01" * 8, program="bob")
    assert isinstance(bob.ask(hello), Welcome)

    guests = keyed.keys.server.guests()
    keyed.keys.server.put_guest(type(guests["bob"])("bob", guests["bob"].key, frozenset({"view"})))

    eventually(lambda: isinstance(bob.ask(hello), Refused), "publishing is refused")
    assert isinstance(bob.ask(QUESTION), AcquisitionList)


def test_a_damaged_list_lets_nobody_in(keyed: KeyedAgent, watcher: Subscriber, visit):
    alice = visit("alice", "view")
    assert isinstance(alice.ask(QUESTION), AcquisitionList)

    keyed.keys.server.allowed_file.write_text("[alice")

    alice.wait_until_cut_off()
    assert watcher.heartbeat(lambda beat: "allowed.toml" in beat.alarm)


# ---------------------------------------------------------------- the clients


def test_an_acquisition_travels_with_keys_end_to_end(
    keyed: KeyedAgent, monkeypatch: pytest.MonkeyPatch
):
    keys = keyed.keys.guest("lab", "publish", "view", "command")
    monkeypatch.setenv("PLANECAST_KEYS", str(keys.folder))
    acquisition = Acquisition.start(
        "far", channels=["BF"], num_z=1, height=8, width=8, fov_labels=["A1:0"],
        agent=keyed.remote, spool_dir=keyed.folder / "spool2", roots={"data": Path("/data")},
    )  # fmt: skip
    try:
        for t in range(20):
            acquisition.register_image(t, 0, 0, "BF", f"/data/{t}.tif")
        acquisition.end()
        assert acquisition.wait_delivered(TIMEOUT_S)
        with join("far", agent=keyed.remote) as joined:
            assert joined.n_planes == 20
            assert joined.source(3, 0, 0, "BF").path == "data:3.tif"
    finally:
        acquisition.close()


def accepts(client: ControlClient, command: str) -> bool:
    """Tell whether a controller is known to take this command: it is known before its commands."""
    return any(
        one.name == command
        for controller in client.picture().controllers
        for one in controller.commands
    )


def test_a_command_from_another_machine_needs_its_role(
    keyed: KeyedAgent, monkeypatch: pytest.MonkeyPatch
):
    stage = StageProcess(keyed)
    try:
        for name, roles in (("viewer", ["view"]), ("driver", ["view", "command"])):
            keys = keyed.keys.guest(name, *roles)
            monkeypatch.setenv("PLANECAST_KEYS", str(keys.folder))
            with ControlClient(keyed.remote) as client:
                may = "command" in roles
                eventually(lambda: accepts(client, "set_exposure"), "the stage's commands are seen")
                assert client.picture().may_command is may
                if may:
                    client.command("Squid", "set_exposure", {"ms": 7})
                else:
                    with pytest.raises(CommandRefusedError, match="may not command"):
                        client.command("Squid", "set_exposure", {"ms": 5})
        assert len(stage.begun()) == 1
    finally:
        stage.close()


def test_a_client_talks_to_no_machine_whose_key_it_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PLANECAST_KEYS", str(tmp_path))

    with pytest.raises(KeyFileError, match="planecast keys add scope-pc KEY --server"):
        JournalClient("tcp://scope-pc:5810")
    with pytest.raises(KeyFileError, match=r"the key of 192\.0\.2\.7 is not known"):
        Acquisition.start(
            "x", channels=["BF"], num_z=1, height=8, width=8, fov_labels=["A1:0"],
            agent="tcp://192.0.2.7:5810", spool_dir=tmp_path,
        )  # fmt: skip


def test_who_was_refused_gets_in_by_itself_once_it_is_listed(
    keyed: KeyedAgent, visit, monkeypatch: pytest.MonkeyPatch
):
    bob = visit("bob", "publish")
    hello = Hello(request=1, publisher=bob.prefix + "01" * 8, program="bob")
    assert isinstance(bob.ask(hello), Welcome)
    keys = keyed.keys.guest("alice", "view")
    keyed.keys.revoke("alice")
    monkeypatch.setenv("PLANECAST_KEYS", str(keys.folder))
    follower = ControlFollower(keyed.remote, on_change=lambda: None)
    follower.start()
    try:
        eventually(lambda: "key of alice" in keyed.log.read_text(), "alice is refused")
        assert follower.picture.agent == "connecting"
        keyed.keys.allow("alice")
        eventually(lambda: follower.picture.agent == "live", "alice is in")
    finally:
        follower.close()


# ---------------------------------------------------------------- listening


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "[::]", "192.0.2.1", socket.gethostname()])
def test_without_keys_nothing_listens_to_other_machines(home: Path, host: str):
    settings = AgentSettings(
        address=f"ipc://{home}/a", remote=f"tcp://{host}:{free_port()}", keys=home / "none",
        state_dir=home / "state", spool_dir=home / "spool",
    )  # fmt: skip
    with pytest.raises(EndpointError, match=r"planecast keys init.*ssh -L"):
        Agent(settings)


def test_without_a_guest_nothing_listens_to_other_machines(home: Path):
    keys = Keys(home)
    command = AgentProcess(home).command()
    command += ["--address", f"tcp://*:{free_port()}", "--keys", str(keys.server.folder)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    assert done.returncode == 1
    assert "allowed.toml lists nobody" in done.stderr
    assert "planecast keys add NAME KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_secret_that_others_may_read_is_not_used(home: Path):
    keys = Keys(home)
    keys.guest("alice", "view")
    keys.server.own_file.chmod(0o640)
    settings = AgentSettings(
        address=f"ipc://{home}/a", remote=f"tcp://*:{free_port()}", keys=keys.server.folder,
        state_dir=home / "state", spool_dir=home / "spool",
    )  # fmt: skip

    with pytest.raises(EndpointError, match=r"others may read it .mode 0640.; chmod 600"):
        Agent(settings)


@DEAD_THREAD
def test_when_nobody_checks_keys_any_more_the_doors_close(home: Path):
    keys, port = Keys(home), free_port()
    own = keys.guest("alice", "view").own()
    settings = AgentSettings(
        address=f"ipc://{home}/a", remote=f"tcp://*:{port}", keys=keys.server.folder,
        state_dir=home / "state", spool_dir=home / "spool",
    )  # fmt: skip
    ready = threading.Event()
    agents: list[Agent] = []

    def serve() -> None:
        with Agent(settings) as agent:
            agents.append(agent)
            ready.set()
            agent.run()

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(TIMEOUT_S)
    alice = RawGuest(port, keys.server_public, own)
    late = None
    local = Subscriber(settings.address)
    try:
        assert isinstance(alice.ask(QUESTION), AcquisitionList)
        entrance = agents[0]._entrance
        assert entrance is not None
        with killed_thread(entrance.gatekeeper.thread):
            alice.wait_until_cut_off()
            late = RawGuest(port, keys.server_public, own)
            assert late.is_deaf(QUESTION)
            assert alice.is_deaf(QUESTION)
            assert local.heartbeat(lambda beat: "nobody checks keys" in beat.alarm)
            assert isinstance(local.listing(), AcquisitionList)
            with socket.socket() as one, pytest.raises(OSError):  # noqa: PT011
                one.connect(("127.0.0.1", port))
    finally:
        for one in (alice, late, local):
            if one is not None:
                one.close()
        agents[0].stop()
        thread.join(TIMEOUT_S)


@DEAD_THREAD
def test_before_the_doors_are_closed_a_dead_gatekeeper_lets_nobody_in(home: Path):
    """By libzmq's own rule: a domain that is enforced, and nobody to ask."""
    from planecast_protocol.keys.gatekeeper import Gatekeeper
    from planecast_protocol.sockets import server_socket

    keys, port = Keys(home), free_port()
    own = keys.guest("alice", "view").own()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    gatekeeper = Gatekeeper(context, keys.server)
    door = server_socket(context, zmq.ROUTER, f"tcp://127.0.0.1:{port}", own=keys.server.own())
    with killed_thread(gatekeeper.thread):
        alice = RawGuest(port, keys.server_public, own)
        try:
            assert alice.is_deaf(QUESTION)
            assert not door.poll(0)
        finally:
            alice.close()
            context.destroy(linger=0)
