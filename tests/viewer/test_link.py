"""The link against a real agent process, killed and started again."""

import threading

import pytest
from PySide6.QtCore import QThread
from PySide6.QtWidgets import QApplication

from planecast_agent.acquisition import Acquisition
from planecast_viewer.link import AgentLink
from planecast_viewer.session import Session


@pytest.fixture
def address(tmp_path):
    return f"ipc://{tmp_path / 'agent'}"


@pytest.fixture
def join(qapp, address):
    """Connect a session to the agent; closed after the test."""
    links = []

    def join(acquisition=None):
        session, link = Session(address), AgentLink(address, acquisition)
        link.news.delivered.connect(session.take_news)
        links.append(link)
        link.start()
        session.link = link
        return session

    yield join
    for link in links:
        link.close()


def begin(address, tmp_path, name="exp7"):
    return Acquisition.start(
        name=name,
        channels=["BF", "DAPI"],
        num_z=3,
        height=64,
        width=64,
        fov_labels=["A1:0"],
        agent=address,
        spool_dir=tmp_path / "spool",
    )


def register(acquisition, tmp_path, t):
    for z in range(3):
        for channel in range(2):
            acquisition.register_image(t, 0, z, channel, tmp_path / f"{t}_{z}_{channel}.tiff")


def n_planes(session):
    return 0 if session.planes is None else session.planes.n_planes


def test_acquisition_that_runs_is_joined_late_and_followed(
    address, join, start_agent, tmp_path, qtbot
):
    start_agent(address)
    with begin(address, tmp_path) as acquisition:
        register(acquisition, tmp_path, 0)
        session = join()
        qtbot.waitUntil(lambda: n_planes(session) == 6, timeout=20_000)
        register(acquisition, tmp_path, 1)
        qtbot.waitUntil(lambda: n_planes(session) == 12, timeout=20_000)
        assert session.link_state.state == "live"
    qtbot.waitUntil(lambda: session.state == "done", timeout=20_000)


def test_agent_killed_and_started_again_loses_nothing(address, join, start_agent, tmp_path, qtbot):
    agent = start_agent(address)
    with begin(address, tmp_path) as acquisition:
        session = join()
        register(acquisition, tmp_path, 0)
        qtbot.waitUntil(lambda: n_planes(session) == 6, timeout=20_000)
        agent.kill()
        agent.wait()
        register(acquisition, tmp_path, 1)
        qtbot.waitUntil(lambda: session.link_state.state == "silent", timeout=20_000)
        start_agent(address)
        qtbot.waitUntil(lambda: n_planes(session) == 12, timeout=20_000)
        qtbot.waitUntil(lambda: session.link_state.state == "live", timeout=20_000)
        assert session.facts.name == "exp7"


def test_agent_with_another_log_starts_the_session_over(
    address, join, start_agent, tmp_path, qtbot
):
    agent = start_agent(address)
    with begin(address, tmp_path) as acquisition:
        register(acquisition, tmp_path, 0)
        session = join()
        qtbot.waitUntil(lambda: n_planes(session) == 6, timeout=20_000)
        changes = []
        session.acquisition_changed.connect(lambda: changes.append(session.facts is None))
        agent.kill()
        agent.wait()
        start_agent(address, state="another")
        qtbot.waitUntil(lambda: bool(changes) and n_planes(session) == 6, timeout=20_000)
        assert changes[0]


def test_agent_that_starts_later_is_found(address, join, start_agent, tmp_path, qtbot):
    session = join()
    with begin(address, tmp_path) as acquisition:
        register(acquisition, tmp_path, 0)
        start_agent(address)
        qtbot.waitUntil(lambda: n_planes(session) == 6, timeout=20_000)


def test_another_acquisition_is_chosen(address, join, start_agent, tmp_path, qtbot):
    start_agent(address)
    with begin(address, tmp_path, "first") as first:
        register(first, tmp_path, 0)
    with begin(address, tmp_path, "second") as second:
        assert second.wait_delivered(10)
        session = join()
        qtbot.waitUntil(lambda: session.facts is not None, timeout=20_000)
        assert session.facts.name == "second"
        register(second, tmp_path, 0)
        qtbot.waitUntil(lambda: len(session.acquisitions) == 2, timeout=20_000)
        session.link.choose(session.acquisitions[0].acquisition)
        qtbot.waitUntil(
            lambda: session.facts is not None and session.facts.name == "first", timeout=20_000
        )
        qtbot.waitUntil(lambda: session.state == "done", timeout=20_000)


def test_news_is_taken_in_the_gui_thread(address, join, start_agent, tmp_path, qtbot):
    start_agent(address)
    session = join()
    threads = []
    session.acquisitions_changed.connect(lambda: threads.append(QThread.currentThread()))
    qtbot.waitUntil(lambda: bool(threads), timeout=20_000)
    assert threads[0] == QApplication.instance().thread()


def test_nobody_there_is_said_and_close_ends_the_thread(address, join, qtbot):
    before = set(threading.enumerate())
    session = join()
    assert session.link_state.state == "connecting"
    (thread,) = (t for t in set(threading.enumerate()) - before if t.name == "agent-link")
    session.link.close()
    session.link.close()
    # It may take longer than `close` waits, on a machine that is busy.
    qtbot.waitUntil(lambda: not thread.is_alive(), timeout=20_000)
