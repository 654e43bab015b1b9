"""Addresses: what may be used, and what is refused with the way out."""

import sys
from pathlib import Path

import pytest

from planecast_protocol.endpoints import (
    AgentAddress,
    check_worker_address,
    default_agent_address,
    default_worker_address,
    require_loopback,
    runtime_dir,
    split_tcp,
)
from planecast_protocol.errors import EndpointError

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="ipc is not there on Windows")


def test_an_agents_bell_is_beside_its_door():
    assert AgentAddress.parse("tcp://127.0.0.1:5810") == (
        "tcp://127.0.0.1:5810",
        "tcp://127.0.0.1:5811",
    )
    assert AgentAddress.parse("ipc:///run/agent") == (
        "ipc:///run/agent.door",
        "ipc:///run/agent.bell",
    )


@pytest.mark.parametrize(
    "address",
    [
        *("", "localhost:5810", "udp://127.0.0.1:1", "tcp://127.0.0.1", "tcp://:5810"),
        *("tcp://127.0.0.1:0", "tcp://127.0.0.1:65535", "tcp://127.0.0.1:70000"),
        *("tcp://127.0.0.1:abc", "ipc://relative/agent", "ipc:///" + "x" * 100),
    ],
)
def test_malformed_agent_addresses_are_refused(address: str):
    with pytest.raises(EndpointError):
        AgentAddress.parse(address)


@pytest.mark.parametrize("address", ["unix:///run/worker", "tcp://127.0.0.1:5815"])
def test_worker_addresses_pass(address: str):
    check_worker_address(address)


@pytest.mark.parametrize(
    "address", ["ipc:///run/worker", "unix://worker", "tcp://nowhere", "unix:///" + "x" * 100]
)
def test_malformed_worker_addresses_are_refused(address: str):
    with pytest.raises(EndpointError):
        check_worker_address(address)


@pytest.mark.parametrize(
    "address", ["ipc:///a", "tcp://127.0.0.1:1", "tcp://127.8.8.8:1", "tcp://[::1]:1"]
)
def test_loopback_is_allowed(address: str):
    require_loopback(address)


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "[::]", "192.0.2.1", "example.org", "localhost."])
def test_what_others_can_reach_is_refused_with_the_way_out(host: str):
    with pytest.raises(EndpointError, match="ssh -L"):
        require_loopback(f"tcp://{host}:5810")


def test_an_ipv6_host_keeps_its_brackets():
    assert split_tcp("tcp://[::1]:5810") == ("[::1]", 5810)


def test_named_addresses_win(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PLANECAST_AGENT", "tcp://127.0.0.1:1")
    monkeypatch.setenv("PLANECAST_WORKER", "tcp://127.0.0.1:2")

    assert default_agent_address() == "tcp://127.0.0.1:1"
    assert default_worker_address() == "tcp://127.0.0.1:2"


@posix_only
def test_defaults_lie_in_the_users_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PLANECAST_AGENT", raising=False)
    monkeypatch.delenv("PLANECAST_WORKER", raising=False)
    monkeypatch.setenv("PLANECAST_RUNTIME_DIR", str(tmp_path / "own"))

    assert default_agent_address() == f"ipc://{tmp_path}/own/agent"
    assert default_worker_address() == f"unix://{tmp_path}/own/worker"
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700


@posix_only
def test_a_folder_that_others_can_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv("PLANECAST_RUNTIME_DIR", str(shared))

    with pytest.raises(EndpointError, match="chmod 700"):
        runtime_dir()


@posix_only
def test_the_sessions_folder_is_used_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("PLANECAST_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    assert runtime_dir() == tmp_path / "planecast"
