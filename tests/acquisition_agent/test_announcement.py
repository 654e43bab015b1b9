"""Agents announce themselves if asked to, and others hear of it: on loopback, by real messages."""

import os
import queue
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from key_rig import Keys, free_port

from planecast_agent.announcement import Announcement
from planecast_agent.subscriber.agents_nearby import AgentsNearby, Found
from planecast_protocol.discovery import AnnouncedAgent, trusted_address
from planecast_protocol.errors import EndpointError
from planecast_protocol.keys.guest_list import id_prefix

zeroconf = pytest.importorskip("zeroconf")
TIMEOUT_S = 15.0
LOOPBACK = ["127.0.0.1"]


def _multicast_works() -> bool:
    """Send a question to ourselves; a system without multicast on loopback says no."""
    try:
        with zeroconf.Zeroconf(interfaces=LOOPBACK):
            return True
    except OSError:
        return False


pytestmark = pytest.mark.skipif(
    not _multicast_works(), reason="this machine has no multicast on its loopback interface"
)


class Ear:
    """Listens on loopback."""

    def __init__(self) -> None:
        self._heard: queue.Queue[Found] = queue.Queue()
        self.nearby = AgentsNearby(self._heard.put, LOOPBACK)

    def wait_for(self, port: int, *, there: bool = True) -> AnnouncedAgent | None:
        """Wait until an agent at a port has come, or has gone."""
        while True:
            found = self._heard.get(timeout=TIMEOUT_S)
            assert isinstance(found, list)
            at_port = [agent for agent in found if agent.port == port]
            if bool(at_port) == there:
                return at_port[0] if there else None


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.nearby.close()


def test_an_agent_appears_with_its_name_and_goes_again(ear: Ear, tmp_path: Path):
    keys, port = Keys(tmp_path), free_port()
    announcement = Announcement(f"tcp://127.0.0.1:{port}", keys.server)
    try:
        agent = ear.wait_for(port)
    finally:
        announcement.close()
        announcement.close()

    assert agent is not None
    assert agent.name == announcement.agent.name
    assert agent.address == f"tcp://127.0.0.1:{port}"
    assert agent.fingerprint == id_prefix(keys.server_public)
    assert ear.wait_for(port, there=False) is None


def test_no_secret_is_in_the_record(tmp_path: Path):
    keys = Keys(tmp_path)
    announcement = Announcement(f"tcp://127.0.0.1:{free_port()}", keys.server)
    announcement.close()
    texts = announcement.agent.texts()

    assert set(texts) == {"name", "version", "key"}
    assert keys.server.own().secret.hex() not in repr(texts)
    assert keys.server_public.hex() not in repr(texts)


def test_what_anybody_may_announce_stays_within_bounds():
    agent = AnnouncedAgent.of_record(
        ("192.0.2.9",), 5810, {b"name": b"\xff\x1b[31m" + b"x" * 10_000, b"key": None}
    )

    assert len(agent.name) <= 128
    assert agent.name.isprintable()
    assert not agent.fingerprint


@pytest.mark.parametrize(
    ("listed", "address"),
    [
        ("scope-pc", "tcp://scope-pc:5810"),
        ("scope-pc:5810", "tcp://scope-pc:5810"),
        ("scope-pc:5910", None),
        ("[fd00::2]", "tcp://[fd00::2]:5810"),
    ],
)
def test_an_agent_is_reached_by_the_name_that_its_key_is_known_by(listed: str, address: str | None):
    key = bytes(32)
    agent = AnnouncedAgent("scope", ("192.0.2.9",), 5810, "1", id_prefix(key))

    assert trusted_address(agent, {"other": b"x" * 32, listed: key}) == address
    assert trusted_address(agent, {"scope-pc": b"x" * 32}) is None


# ---------------------------------------------------------------- the programs


def _agent(folder: Path, keys: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "planecast_agent", "--address", f"ipc://{folder}/a"]
    command += ["--state-dir", f"{folder}/s", "--spool-dir", f"{folder}/p", "--keys", str(keys)]
    return subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _own_address() -> str | None:
    import ifaddr

    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if ip.is_IPv4 and not str(ip.ip).startswith("127."):
                return str(ip.ip)
    return None


@pytest.mark.skipif(sys.platform != "linux", reason="uses Unix sockets")
def test_a_started_agent_is_listed_by_the_command_line(tmp_path: Path):
    own = _own_address()
    if own is None:
        pytest.skip("this machine has no network but loopback")
    keys, port = Keys(tmp_path), free_port()
    keys.guest("alice", "view")
    with tempfile.TemporaryDirectory(prefix="pc", dir="/tmp") as name:
        options = ["--address", f"tcp://{own}:{port}", "--announce"]
        with _agent(Path(name), keys.server.folder, *options) as agent:
            try:
                assert agent.stdout is not None
                assert agent.stdout.readline().startswith("ready")
                listed = subprocess.run(
                    [sys.executable, "-m", "planecast", "agents", "--interface", own],
                    env={**os.environ, "PLANECAST_KEYS": str(tmp_path / "alice")},
                    capture_output=True, text=True, timeout=60, check=True,
                ).stdout  # fmt: skip
            finally:
                agent.terminate()

    # Alice trusts it at 127.0.0.1, by its key.
    assert f"tcp://127.0.0.1:{port}" in listed


@pytest.mark.skipif(sys.platform != "linux", reason="uses Unix sockets")
def test_an_agent_for_this_machine_alone_is_not_announced(tmp_path: Path):
    with tempfile.TemporaryDirectory(prefix="pc", dir="/tmp") as name:
        agent = _agent(Path(name), tmp_path, "--announce")
        _out, trouble = agent.communicate(timeout=60)

    assert agent.returncode == 1
    assert "other machines can't reach this agent" in trouble
    assert "--address tcp://*:5810 --announce" in trouble
    assert "Traceback" not in trouble


def test_an_address_of_another_machine_is_told(tmp_path: Path):
    with pytest.raises(EndpointError, match="no address of this machine"):
        Announcement("tcp://no-such-host.invalid:5810", Keys(tmp_path).server)
