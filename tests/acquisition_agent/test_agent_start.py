"""Starting and refusing to start: one sentence, and never another agent's socket."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_rig import TIMEOUT_S, AgentProcess, Subscriber

from planecast_agent.acquisition import Acquisition

Start = Callable[..., Acquisition]


def _refusal(agent: AgentProcess) -> str:
    """Start an agent that must not start; return its sentence."""
    ran = subprocess.run(
        agent.command(), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert ran.returncode == 1, ran.stdout
    assert ran.stdout == ""
    (sentence,) = ran.stderr.splitlines()
    assert sentence.startswith("planecast agent: ")
    return sentence


@pytest.fixture
def other_home(home: Path) -> Path:
    folder = home / "other"
    folder.mkdir()
    return folder


def test_a_second_agent_on_the_same_state_is_refused(agent: AgentProcess, home: Path):
    second = AgentProcess(home, f"ipc://{home}/b")

    assert f"{agent.state_dir} is in use by another agent" in _refusal(second)


def test_a_second_agent_on_the_same_spools_is_refused(agent: AgentProcess, other_home: Path):
    second = AgentProcess(other_home)
    second.spool_dir = agent.spool_dir

    assert f"{agent.spool_dir} is in use by another agent" in _refusal(second)


def test_a_second_agent_never_steals_a_live_socket(
    agent: AgentProcess, other_home: Path, start: Start, subscriber: Subscriber
):
    second = AgentProcess(other_home, agent.address)

    assert f"{agent.address} is in use by another agent" in _refusal(second)

    acquisition = start()
    assert subscriber.wait_for(acquisition.id, 1) == []


def test_a_taken_tcp_port_is_refused(other_home: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        sentence = _refusal(AgentProcess(other_home, f"tcp://127.0.0.1:{port}"))

    assert f"tcp://127.0.0.1:{port} is in use" in sentence


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "192.0.2.1", "example.org", "[::]"])
def test_an_address_that_others_can_reach_is_refused(other_home: Path, host: str):
    sentence = _refusal(AgentProcess(other_home, f"tcp://{host}:5810"))

    assert "refusing to listen" in sentence
    assert "ssh -L" in sentence


def test_a_socket_path_too_long_is_refused_with_the_way_out(other_home: Path):
    sentence = _refusal(AgentProcess(other_home, f"ipc://{other_home}/{'x' * 100}"))

    assert "at most 100 bytes" in sentence


def test_a_state_folder_that_cant_be_is_refused(other_home: Path):
    agent = AgentProcess(other_home)
    agent.state_dir.write_text("a file")

    assert "state" in _refusal(agent)


def test_an_agent_starts_over_what_a_killed_one_left(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    agent.kill()
    agent.start()
    acquisition = start()

    assert subscriber.wait_for(acquisition.id, 1) == []


def test_an_agent_may_listen_on_loopback_tcp(home: Path, start: Start):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    # The two ports were free a moment ago; the bell takes the one behind.
    agent = AgentProcess(home, f"tcp://127.0.0.1:{port if port < 65535 else port - 1}")
    agent.start()
    subscriber = Subscriber(agent.address)
    try:
        acquisition = start(agent=agent.address)
        assert subscriber.wait_for(acquisition.id, 1) == []
    finally:
        subscriber.close()
        agent.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_sockets_and_journal_are_the_users_own(agent: AgentProcess):
    files = [path for path in agent.folder.rglob("*") if path != agent.log]

    assert files
    open_to_others = [path for path in files if path.stat().st_mode & 0o077]
    assert open_to_others == []


def test_the_agent_imports_no_file_library_no_qt_and_no_numpy():
    program = (
        "import sys, planecast_agent.__main__; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=dict(os.environ),
    )

    heavy = {
        *("numpy", "pandas", "dask", "tifffile", "imagecodecs", "pylibCZIrw", "aicspylibczi"),
        *("czifile", "nd2", "liffile", "readlif", "zarr", "PySide6", "PyQt6", "qtpy", "ndv"),
        *("vispy", "typer", "rich", "planecast_reader", "planecast_viewer", "planecast"),
    }
    assert heavy.isdisjoint(ran.stdout.split())


def test_help_says_what_may_be_given():
    ran = subprocess.run(
        [sys.executable, "-m", "planecast_agent", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    for option in ("--address", "--state-dir", "--spool-dir", "--worker"):
        assert option in ran.stdout
