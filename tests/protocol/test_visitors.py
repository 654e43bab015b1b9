"""Connections to a listening socket are bounded, and the first who came stay."""

import contextlib
import socket as system_socket
from collections.abc import Iterator

import pytest
import zmq

from planecast_protocol.sockets import server_socket
from planecast_protocol.visitors import Visitors

TIMEOUT_S = 10.0


class Place:
    """A bound socket that is watched, and raw connections to it."""

    def __init__(self, most: int) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = server_socket(self.context, zmq.ROUTER, "tcp://127.0.0.1:*")
        address = self.socket.getsockopt(zmq.LAST_ENDPOINT)
        assert isinstance(address, bytes)
        self.port = int(address.rpartition(b":")[2])
        self.visitors = Visitors(self.socket, most, "here")
        self.opened: list[system_socket.socket] = []

    def connect(self) -> system_socket.socket:
        one = system_socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)
        self.opened.append(one)
        self.wait_for_news()
        return one

    def wait_for_news(self) -> None:
        assert self.visitors.news.poll(TIMEOUT_S * 1000)
        self.visitors.look()

    def close(self) -> None:
        for one in self.opened:
            one.close()
        self.visitors.close()
        self.socket.close()
        self.context.term()


@pytest.fixture
def place() -> Iterator[Place]:
    with contextlib.closing(Place(most=3)) as place:
        yield place


def _is_open(one: system_socket.socket) -> bool:
    """Tell by the greeting that libzmq says first, and by what follows it."""
    one.settimeout(0.2)
    try:
        while one.recv(64):
            pass
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False
    return False


def test_the_newest_is_closed_where_there_are_too_many(place: Place):
    first = [place.connect() for _ in range(3)]
    one_more = place.connect()

    assert not _is_open(one_more)
    assert all(_is_open(one) for one in first)
    assert place.visitors.count() >= 1


def test_there_is_room_again_when_one_has_gone(place: Place):
    for _ in range(3):
        place.connect()
    place.opened[0].close()
    while place.visitors.n_open == 3:
        place.wait_for_news()

    assert _is_open(place.connect())


def test_garbage_is_counted(place: Place):
    place.connect().sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00NOBODY" + bytes(100))
    counted = 0
    while not counted:
        assert place.visitors.news.poll(TIMEOUT_S * 1000)
        counted += place.visitors.count()

    assert counted == 1
