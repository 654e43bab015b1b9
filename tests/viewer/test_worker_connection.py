"""Which reader worker is asked: the agent's for its acquisitions, the user's own for files."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from planecast_agent.subscriber.news import AcquisitionChosen, AcquisitionsListed
from planecast_protocol.errors import PlanecastError
from planecast_viewer.plane_table import PlaneTable
from planecast_viewer.planes import PlaneFeed
from planecast_viewer.session import Session
from planecast_viewer.thumbnail_feed import ThumbnailFeed
from planecast_viewer.worker import OWN, WorkerConnection


@pytest.fixture
def connection(qapp, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANECAST_RUNTIME_DIR", str(tmp_path / "run"))
    session = Session("ipc:///nobody")
    connection = WorkerConnection(session, PlaneFeed(), None)
    connection.session = session
    connection.add_feed(ThumbnailFeed(session.wishes))
    yield connection
    connection.close()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((3, 16, 16), np.uint16), imagej=True, metadata={"axes": "ZYX"})
    return path


def clients(connection):
    return {feed._client for feed in connection._feeds}


def test_agents_worker_is_asked_for_acquisitions_and_the_own_one_for_files(
    connection, path, acquired, tmp_path, qtbot
):
    session = connection.session
    agents = f"unix://{tmp_path / 'worker'}"
    session.take_news([AcquisitionsListed((), agents), *acquired.news((0, 0, 0, 0))])
    assert session.worker_in_use == agents
    answers = []
    connection.open_image(str(path), answers.append)
    qtbot.waitUntil(lambda: bool(answers), timeout=30_000)
    # The feeds have the other client before anybody asks for a plane of the file.
    assert clients(connection) == {connection._clients[OWN]}
    session.open_image(answers[0])
    assert session.worker_in_use == OWN
    session.expect("exp7")
    session.take_news([AcquisitionChosen("exp7")])
    assert clients(connection) == {connection._clients[agents]}
    assert not session.worker_connected


def test_listing_that_comes_while_a_file_is_shown_changes_nothing(connection, path, qtbot):
    session = connection.session
    answers = []
    connection.open_image(str(path), answers.append)
    qtbot.waitUntil(lambda: bool(answers), timeout=30_000)
    session.open_image(answers[0])
    session.take_news([AcquisitionsListed((), "unix:///elsewhere")])
    assert session.worker_in_use == OWN
    assert clients(connection) == {connection._clients[OWN]}


def test_of_files_opened_at_once_the_last_counts(connection, path, tmp_path, qtbot):
    first, last = [], []
    connection.open_image(str(tmp_path / "not there.tif"), first.append)
    connection.open_image(str(path), last.append)
    qtbot.waitUntil(lambda: bool(last), timeout=30_000)
    assert not first


def test_planetable_is_read_once_for_all_who_want_it(connection, qtbot, czi):
    wishes = connection.session.wishes
    answers = []
    connection.open_image(str(czi), answers.append)
    qtbot.waitUntil(lambda: bool(answers), timeout=30_000)
    told = []
    wishes.planetable_ready.connect(lambda path, answer: told.append((path, answer)))
    wishes.planetable_wanted.emit(answers[0].path)
    wishes.planetable_wanted.emit(answers[0].path)
    qtbot.waitUntil(lambda: bool(told), timeout=30_000)
    wishes.planetable_wanted.emit(answers[0].path)
    qtbot.waitUntil(lambda: len(told) == 2)
    table = told[0][1]
    assert isinstance(table, PlaneTable)
    assert told[1][1] is table
    assert table.n_rows == 18
    assert table.position(17)[0].z == 5


def test_file_without_a_planetable_is_an_answer(connection, path, qtbot):
    wishes = connection.session.wishes
    answers = []
    connection.open_image(str(path), answers.append)
    qtbot.waitUntil(lambda: bool(answers), timeout=30_000)
    with qtbot.waitSignal(wishes.planetable_ready, timeout=30_000) as told:
        wishes.planetable_wanted.emit(answers[0].path)
    assert isinstance(told.args[1], PlanecastError)
    assert "no planetable" in told.args[1].message


@pytest.fixture
def czi():
    """A file of 3 time points and 6 z planes."""
    default = Path(__file__).parents[3] / "shared" / "data"
    path = Path(os.environ.get("PLANECAST_TEST_DATA", default)) / "czi"
    path /= "celldivision_t3_z6_c1_zstd.czi"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path
