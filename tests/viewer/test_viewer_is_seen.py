"""A viewer that hangs or is killed is seen by whoever else asks the agent."""

import os
import signal
import subprocess
import sys

import pytest

from planecast_agent.acquisition import Acquisition
from planecast_agent.subscriber.control_client import ControlClient
from planecast_viewer import control_link
from planecast_viewer.control_link import ControlLink
from planecast_viewer.link import AgentLink
from planecast_viewer.session import Session


@pytest.fixture
def address(tmp_path, start_agent):
    address = f"ipc://{tmp_path / 'agent'}"
    start_agent(address)
    return address


@pytest.fixture
def window(address, tmp_path):
    """Start a viewer in a process of its own."""
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "PLANECAST_RUNTIME_DIR": str(tmp_path / "run"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "planecast_viewer", "--agent", address, "--canvas", "raster"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    yield process
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()
    process.stdout.close()


def test_it_is_live_silent_live_and_gone(address, window, tmp_path, qtbot):
    def state():
        parts = client.picture().parts
        return next((one for one in parts if one.part.pid == window.pid), None)

    def is_now(life):
        return lambda: (one := state()) is not None and one.life == life

    acquisition = Acquisition.start(
        "run", ["BF"], 1, 8, 8, ["A1:0"], agent=address, spool_dir=tmp_path / "spool"
    )
    with ControlClient(address) as client, acquisition:
        qtbot.waitUntil(is_now("live"), timeout=30_000)
        assert state().part.kind == "viewer"
        qtbot.waitUntil(lambda: state().part.shows == acquisition.id, timeout=30_000)

        window.send_signal(signal.SIGSTOP)
        qtbot.waitUntil(is_now("silent"), timeout=30_000)
        window.send_signal(signal.SIGCONT)
        qtbot.waitUntil(is_now("live"), timeout=30_000)

        window.send_signal(signal.SIGTERM)
        qtbot.waitUntil(is_now("gone"), timeout=30_000)
        assert state().why == "it said goodbye"


def test_a_window_whose_own_thread_hangs_says_nothing(address, qtbot, monkeypatch):
    session = Session(address)
    agent_link = AgentLink(address)
    link = ControlLink(address, session, agent_link)
    with ControlClient(address) as client:
        link.start()
        qtbot.waitUntil(lambda: bool(viewers(client)), timeout=30_000)
        # As if the timer of its life had not fired for so long.
        monkeypatch.setattr(control_link, "HANGS_AFTER_S", -1.0)
        qtbot.waitUntil(lambda: viewers(client)[0].life == "silent", timeout=30_000)
        monkeypatch.setattr(control_link, "HANGS_AFTER_S", 60.0)
        qtbot.waitUntil(lambda: viewers(client)[0].life == "live", timeout=30_000)
        link.close()
        qtbot.waitUntil(lambda: viewers(client)[0].life == "gone", timeout=30_000)


def viewers(client):
    return [one for one in client.picture().parts if one.part.kind == "viewer"]
