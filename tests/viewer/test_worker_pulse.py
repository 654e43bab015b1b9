"""The reader worker in use is asked how it is; one that does not answer is silent."""

import pytest

from planecast_protocol.errors import CancelledError
from planecast_protocol.reader_messages import AskWorkerStatus
from planecast_viewer import worker_pulse
from planecast_viewer.session import Session
from planecast_viewer.worker_pulse import WorkerPulse
from tests.viewer.test_programs_panel import status


@pytest.fixture
def pulse(qapp, client):
    session = Session()
    pulse = WorkerPulse(session)
    pulse.session = session
    pulse.set_client(client)
    yield pulse
    pulse.close()


def test_nobody_is_asked_before_there_is_a_connection(pulse, client):
    pulse.ask()
    assert not client.asked
    pulse.session.set_worker_state(True, "connected")
    assert [type(one.message) for one in client.asked] == [AskWorkerStatus]


def test_one_question_is_out_at_a_time_and_its_answer_is_kept(pulse, client, qtbot):
    pulse.session.set_worker_state(True, "connected")
    pulse.ask()
    assert len(client.asked) == 1
    with qtbot.waitSignal(pulse.session.worker_status_changed):
        client.answer(client.asked[0], status(reads=5))
    assert pulse.session.worker_status.reads == 5
    pulse.ask()
    assert len(client.asked) == 2


def test_a_worker_that_hangs_is_silent_until_it_answers(pulse, client, qtbot, monkeypatch):
    told = []
    pulse.session.logged.connect(lambda _level, text: told.append(text))
    monkeypatch.setattr(worker_pulse, "SILENT_AFTER_S", 0.0)
    pulse.session.set_worker_state(True, "connected")
    pulse.ask()
    assert pulse.session.worker_silent_s > 0
    with qtbot.waitSignal(pulse.session.worker_status_changed):
        client.answer(client.asked[0], status())
    assert pulse.session.worker_silent_s == 0
    assert told[-2:] == ["reader worker is silent", "reader worker answers again"]


def test_the_answer_of_a_former_worker_is_dropped(pulse, client, qtbot):
    pulse.session.set_worker_state(True, "connected")
    former = client.asked[0]
    pulse.session.set_worker_state(False, "away")
    assert client.cancelled == [former.request]
    pulse.session.set_worker_state(True, "connected")
    client.answer(former, CancelledError("withdrawn"))
    with qtbot.waitSignal(pulse.session.worker_status_changed):
        client.answer(client.asked[1], status(reads=7))
    assert pulse.session.worker_status.reads == 7
