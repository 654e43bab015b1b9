"""The sender against an agent that answers as no good agent would."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from agent_rig import TIMEOUT_S, eventually

from planecast_agent.sender import Sender
from planecast_agent.spool import Spool, create_spool
from planecast_protocol.agent_messages import (
    Ack,
    AgentMessage,
    Farewell,
    Hello,
    Nak,
    Publish,
    Refused,
    Welcome,
)
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.limits import BATCHES_IN_FLIGHT, MAX_BATCH_EVENTS
from planecast_protocol.messages import AnyMessage, decode, encode
from planecast_protocol.records import split_records
from planecast_protocol.sockets import server_socket

PUBLISHER = "cd" * 16


class FakeAgent:
    """A door that a test answers at by hand."""

    def __init__(self, address: str) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._door = server_socket(self._context, zmq.ROUTER, AgentAddress.parse(address).door)
        self._who = b""
        self.bodies: list[bytes] = []
        """Of the batch that was heard last."""

    def hear(self) -> AnyMessage:
        assert self._door.poll(TIMEOUT_S * 1000), "the sender is silent"
        self._who, frame, *payload = self._door.recv_multipart()
        if payload:
            self.bodies = list(split_records(payload[0], MAX_BATCH_EVENTS))
        return decode(frame)

    def hear_publish(self, first: int) -> Publish:
        """Wait for the batch from `first` on; saying hello meanwhile is allowed."""
        while True:
            message = self.hear()
            if isinstance(message, Publish) and message.first == first:
                return message

    def say(self, message: AgentMessage) -> None:
        self._door.send_multipart([self._who, encode(message)])

    def welcome(self, last: int, boot: str = "boot-1") -> None:
        """Wait for the next hello, and answer it."""
        while True:
            message = self.hear()
            if isinstance(message, Hello):
                self.say(Welcome(request=message.request, last=last, log="log", boot=boot))
                return

    def close(self) -> None:
        self._door.close()
        self._context.term()


@pytest.fixture
def fake(home: Path) -> Iterator[FakeAgent]:
    """Open a door that the test answers at."""
    one = FakeAgent(f"ipc://{home}/a")
    yield one
    one.close()


@pytest.fixture
def spool(home: Path) -> Spool:
    """Make a spool, which its sender closes."""
    return create_spool(home, "one", PUBLISHER)


@pytest.fixture
def sender(home: Path, spool: Spool) -> Iterator[Sender]:
    """Start a sender."""
    one = Sender(spool, f"ipc://{home}/a", "a test")
    yield one
    one.close()


def _append(spool: Spool, sender: Sender, first: int, last: int) -> None:
    for number in range(first, last + 1):
        spool.append(b"event %d" % number)
    sender.wake()


def test_says_hello_with_its_name_and_sends_what_is_missing(
    fake: FakeAgent, spool: Spool, sender: Sender
):
    _append(spool, sender, 1, 10)
    hello = fake.hear()
    assert isinstance(hello, Hello)
    assert (hello.publisher, hello.program) == (PUBLISHER, "a test")

    fake.say(Welcome(request=hello.request, last=4, log="log", boot="boot-1"))

    assert fake.hear_publish(5).count == 6
    assert fake.bodies[0] == b"event 5"
    fake.say(Ack(last=10, boot="boot-1"))
    assert sender.wait_delivered(TIMEOUT_S)


def test_an_answer_to_an_older_hello_is_void(fake: FakeAgent, spool: Spool, sender: Sender):
    _append(spool, sender, 1, 10)
    older, newer = fake.hear(), fake.hear()
    assert isinstance(older, Hello)
    assert isinstance(newer, Hello)

    fake.say(Welcome(request=older.request, last=8, log="log", boot="boot-1"))
    fake.welcome(last=0)

    assert fake.hear_publish(1).count == 10


def test_after_a_gap_it_asks_and_goes_back(fake: FakeAgent, spool: Spool, sender: Sender):
    _append(spool, sender, 1, 10)
    fake.welcome(last=0)
    fake.hear_publish(1)

    fake.say(Nak(last=3, boot="boot-1", why="gap"))
    fake.welcome(last=3)

    assert fake.hear_publish(4).count == 7


def test_silence_about_a_batch_is_asked_about(fake: FakeAgent, spool: Spool, sender: Sender):
    _append(spool, sender, 1, 10)
    fake.welcome(last=0)
    fake.hear_publish(1)

    fake.welcome(last=0)

    assert fake.hear_publish(1).count == 10


def test_an_ack_of_another_boot_is_void(fake: FakeAgent, spool: Spool, sender: Sender):
    _append(spool, sender, 1, 10)
    fake.welcome(last=0)
    fake.hear_publish(1)

    fake.say(Ack(last=10, boot="boot-2"))
    fake.welcome(last=0, boot="boot-2")

    assert fake.hear_publish(1).count == 10
    assert sender.acked == 0


def test_an_idle_sender_notices_that_the_journal_was_lost(
    fake: FakeAgent, spool: Spool, sender: Sender
):
    _append(spool, sender, 1, 10)
    fake.welcome(last=10)
    eventually(lambda: sender.acked == 10, "delivered")

    fake.welcome(last=0)

    assert fake.hear_publish(1).count == 10
    assert sender.acked == 0


def test_an_idle_hello_that_crosses_a_batch_sends_nothing_twice(
    fake: FakeAgent, spool: Spool, sender: Sender
):
    fake.welcome(last=0)
    hello = fake.hear()
    assert isinstance(hello, Hello)
    _append(spool, sender, 1, 10)
    fake.hear_publish(1)

    # The agent wrote this answer before the batch came.
    fake.say(Welcome(request=hello.request, last=0, log="log", boot="boot-1"))
    fake.say(Ack(last=10, boot="boot-1"))

    eventually(lambda: sender.acked == 10, "delivered")
    assert isinstance(fake.hear(), Hello)


def test_only_so_many_batches_are_in_flight(fake: FakeAgent, spool: Spool, sender: Sender):
    n_batches = BATCHES_IN_FLIGHT + 2
    _append(spool, sender, 1, n_batches * MAX_BATCH_EVENTS)
    fake.welcome(last=0)
    firsts = []
    while not isinstance(message := fake.hear(), Hello):
        assert isinstance(message, Publish)
        firsts.append(message.first)
    assert len(firsts) == BATCHES_IN_FLIGHT

    fake.say(Ack(last=2 * MAX_BATCH_EVENTS, boot="boot-1"))

    assert fake.hear_publish(firsts[-1] + MAX_BATCH_EVENTS)
    assert fake.hear_publish(firsts[-1] + 2 * MAX_BATCH_EVENTS)


def test_a_full_agent_is_told_in_the_alarm_and_asked_again(
    fake: FakeAgent, spool: Spool, sender: Sender
):
    _append(spool, sender, 1, 10)
    fake.welcome(last=0)
    fake.hear_publish(1)

    fake.say(Nak(last=0, boot="boot-1", why="full"))
    eventually(lambda: "disk is full" in sender.alarm, "the alarm")
    fake.welcome(last=0)
    fake.hear_publish(1)
    fake.say(Ack(last=10, boot="boot-1"))

    assert sender.wait_delivered(TIMEOUT_S)
    eventually(lambda: not sender.alarm, "no alarm any more")


def test_a_refusal_is_told_in_the_alarm(fake: FakeAgent, spool: Spool, sender: Sender):
    fake.hear()

    fake.say(Refused(code="VersionError", why="the agent speaks 9"))

    eventually(lambda: "the agent speaks 9" in sender.alarm, "the alarm")


def test_farewell_is_said_when_all_is_delivered(fake: FakeAgent, spool: Spool, sender: Sender):
    _append(spool, sender, 1, 10)
    fake.welcome(last=0)
    fake.hear_publish(1)
    sender.finish()
    fake.say(Ack(last=10, boot="boot-1"))

    while not isinstance(message := fake.hear(), Farewell):
        assert isinstance(message, Hello)
    assert message.publisher == PUBLISHER


def test_close_does_not_wait_for_an_agent_that_is_silent(
    fake: FakeAgent, spool: Spool, sender: Sender
):
    _append(spool, sender, 1, 10)

    sender.close()
    sender.close()

    assert not sender.wait_delivered(0)
