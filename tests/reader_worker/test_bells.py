"""Bells: which client hears what, and what becomes of those that nobody hears any more."""

import os
import socket
import sys
from collections.abc import Iterator

import msgspec
import pytest

from planecast_protocol.planes import SharedPlane
from planecast_protocol.reader_messages import PixelsSoon, ReadPixels
from planecast_protocol.streams import FrameDecoder
from planecast_reader.bells import bell_sockets
from planecast_reader.bells import client as bells_client
from planecast_reader.bells import reader as bells_reader
from planecast_reader.bells.client import BelledConnection
from planecast_reader.bells.front import BellsOut, ClientBell
from planecast_reader.bells.reader import BellsIn

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bells are for Linux")

SOON = PixelsSoon(
    request=3,
    shape=(4, 5),
    dtype="<u2",
    shared=SharedPlane(slot=1, generation=5, offset=0),
    reader=os.getpid(),
)
REQUEST = ReadPixels(request=4, path="data:a.tif", awake=True)


class Client:
    """A client's connection, and the front's end of it."""

    def __init__(self) -> None:
        self.bell = ClientBell()
        self.front, stream = socket.socketpair()
        heard = socket.socket(fileno=self.bell.to_hear.detach())
        self.connection = BelledConnection(stream, heard)
        self.bell_fd = self.connection.sockets[1].fileno()

    def leave(self) -> None:
        self.connection.close()
        self.front.close()


class Rig:
    """A front, one reader, and clients."""

    def __init__(self) -> None:
        front_end, reader_end = bell_sockets()
        self.front_tasks, self.reader_tasks = socket.socketpair()
        self.out = BellsOut(front_end)
        self.bells = BellsIn(reader_end, self.reader_tasks)
        self.clients = [Client(), Client()]

    def close(self) -> None:
        for client in self.clients:
            client.leave()
            client.bell.close()
        self.out.close()
        self.bells.close()
        self.front_tasks.close()
        self.reader_tasks.close()


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(bells_reader, "FRESH_NS", 60 * 10**9)  # however busy the machine
    monkeypatch.setattr(bells_client, "LATELY_S", 60.0)
    rig = Rig()
    yield rig
    rig.close()


def test_ring_is_heard_by_the_client_that_is_meant(rig: Rig) -> None:
    one, other = rig.clients
    assert rig.out.hand_over(one.bell)
    assert rig.out.hand_over(other.bell)
    assert rig.bells.ring(other.bell.number, SOON)
    assert other.connection.receive_at(other.bell_fd) == [(SOON, b"")]
    assert one.connection.receive_all() == []


def test_messages_of_the_front_are_heard_beside_the_bell(rig: Rig) -> None:
    one, _ = rig.clients
    rig.out.hand_over(one.bell)
    rig.bells.ring(one.bell.number, SOON)
    rig.bells.ring(one.bell.number, SOON)
    assert len(one.connection.receive_all()) == 1
    assert len(one.connection.receive_all()) == 1


def test_bell_that_was_not_handed_over_is_not_rung(rig: Rig) -> None:
    assert not rig.bells.ring(rig.clients[0].bell.number, SOON)


def test_bell_of_a_client_that_is_gone_is_not_rung_nor_handed_over(rig: Rig) -> None:
    one, other = rig.clients
    rig.out.hand_over(one.bell)
    rig.bells.ring(one.bell.number, SOON)
    one.leave()
    assert not rig.bells.ring(one.bell.number, SOON)
    other.bell.close()
    assert not rig.out.hand_over(other.bell)


def test_reader_keeps_no_bells_of_clients_that_are_gone(rig: Rig) -> None:
    one, other = rig.clients
    rig.out.hand_over(one.bell)
    assert rig.bells.ring(one.bell.number, SOON)
    one.bell.close()  # as the front does when a client is gone
    rig.out.hand_over(other.bell)
    assert rig.bells.ring(other.bell.number, SOON)
    assert not rig.bells.ring(one.bell.number, SOON)


def test_client_that_hears_nothing_stops_nobody(rig: Rig) -> None:
    one, _ = rig.clients
    rig.out.hand_over(one.bell)
    rung = [rig.bells.ring(one.bell.number, SOON) for _ in range(5000)]
    assert rung[0]
    assert not rung[-1]


def test_reader_hears_what_a_client_asks_the_front_once_it_has_rung(rig: Rig) -> None:
    one, _ = rig.clients
    rig.out.hand_over(one.bell)
    one.connection.send(REQUEST)
    rig.bells.ring(one.bell.number, SOON)
    assert rig.bells.wait(0.0) is None, "said before anybody could hear it"
    one.connection.receive_all()
    one.connection.send(REQUEST)
    assert rig.bells.wait(1.0) == REQUEST
    asked = FrameDecoder().feed(one.front.recv(4096))
    assert [message for message, _payload in asked] == [REQUEST, REQUEST]


def test_reader_does_not_hear_what_nobody_waits_for(rig: Rig) -> None:
    one, _ = rig.clients
    rig.out.hand_over(one.bell)
    rig.bells.ring(one.bell.number, SOON)
    one.connection.receive_all()
    one.connection.send(ReadPixels(request=4, path="data:a.tif"))
    assert rig.bells.wait(0.0) is None


def test_the_front_goes_first(rig: Rig) -> None:
    one, _ = rig.clients
    rig.out.hand_over(one.bell)
    rig.bells.ring(one.bell.number, SOON)
    one.connection.receive_all()
    one.connection.send(REQUEST)
    rig.front_tasks.send(b"task")
    assert rig.bells.wait(1.0) is None
    rig.reader_tasks.recv(4)
    assert rig.bells.wait(1.0) == REQUEST


def test_what_was_said_long_ago_is_of_no_use(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = rig.clients
    rig.out.hand_over(one.bell)
    rig.bells.ring(one.bell.number, SOON)
    one.connection.receive_all()
    monkeypatch.setattr(bells_reader, "FRESH_NS", 0)
    one.connection.send(REQUEST)
    assert rig.bells.wait(1.0) is None
    assert rig.bells.ring(one.bell.number, SOON), "which is no fault of the client's"


def test_reader_hears_nothing_that_is_meant_for_another(rig: Rig) -> None:
    one, _ = rig.clients
    rig.out.hand_over(one.bell)
    rig.bells.ring(one.bell.number, msgspec.structs.replace(SOON, reader=1))
    one.connection.receive_all()
    one.connection.send(REQUEST)
    assert rig.bells.wait(0.2) is None
    assert rig.bells.ring(one.bell.number, SOON)


def test_readers_that_share_a_bell_keep_it_when_one_has_heard_what_was_said(rig: Rig) -> None:
    one, _ = rig.clients
    front_end, reader_end = bell_sockets()
    tasks, other_tasks = socket.socketpair()
    other, out = BellsIn(reader_end, tasks), BellsOut(front_end)
    try:
        for bells_out, bells in ((rig.out, rig.bells), (out, other)):
            bells_out.hand_over(one.bell)
            assert bells.ring(one.bell.number, SOON)
            one.connection.receive_all()
        one.connection.send(REQUEST)
        assert rig.bells.wait(1.0) == REQUEST
        # It woke the other, too, which came late.
        assert other._hear(one.bell.number) is None
        assert other.ring(one.bell.number, SOON)
        one.connection.receive_all()
        one.connection.send(REQUEST)
        assert other.wait(1.0) == REQUEST
    finally:
        other.close()
        out.close()
        tasks.close()
        other_tasks.close()


def test_bells_do_not_pile_up_where_nobody_rings(rig: Rig) -> None:
    one, _ = rig.clients
    for _ in range(2000):
        bell = ClientBell()
        assert rig.out.hand_over(bell)
        bell.close()
        assert rig.bells.wait(1.0) is None
    rig.out.hand_over(one.bell)
    assert rig.bells.ring(one.bell.number, SOON)


@pytest.mark.parametrize("garbage", [b"", b"short", b"\0" * 16 + b"\xc1garbage"])
def test_client_that_says_garbage_is_heard_no_more(rig: Rig, garbage: bytes) -> None:
    one, _ = rig.clients
    rig.out.hand_over(one.bell)
    rig.bells.ring(one.bell.number, SOON)
    rig.bells.wait(0.0)
    if garbage:
        one.connection.sockets[1].send(garbage)
    else:
        one.leave()
    assert rig.bells.wait(1.0) is None
    assert not rig.bells.ring(one.bell.number, SOON)
