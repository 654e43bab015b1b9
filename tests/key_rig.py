"""Keys for tests: a server's folder, and guests that bring what a test says."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import zmq

from planecast_protocol.keys.folder import KeyFolder, OwnKey
from planecast_protocol.keys.guest_list import id_prefix
from planecast_protocol.keys.guests import Guest, check_roles
from planecast_protocol.keys.making import make_own_key
from planecast_protocol.messages import AnyMessage, decode, encode

TIMEOUT_S = 30.0
QUIET_MS = 400
"""Time in which one who is let in would long have been answered."""


def free_port() -> int:
    """Return a port whose next one is free too."""
    while True:
        with socket.socket() as one, socket.socket() as next_one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                next_one.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


class Keys:
    """The key folders of a server and its guests, beneath `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.server = KeyFolder(folder / "server")
        self.server_public = make_own_key(self.server).public

    def guest(self, name: str, *roles: str) -> KeyFolder:
        """Make the keys of a guest who trusts the server at 127.0.0.1; with roles, list it."""
        keys = KeyFolder(self._folder / name)
        own = make_own_key(keys)
        keys.put_server("127.0.0.1", self.server_public)
        if roles:
            self.server.put_guest(Guest(name, own.public, check_roles(list(roles))))
        return keys

    def revoke(self, name: str) -> None:
        guest = self.server.guests()[name]
        self.server.put_guest(Guest(name, guest.key, guest.roles, revoked=True))

    def allow(self, name: str) -> None:
        guest = self.server.guests()[name]
        self.server.put_guest(Guest(name, guest.key, guest.roles))


class RawGuest:
    """A DEALER and a SUB with the keys that a test says, and no more."""

    def __init__(self, port: int, server: bytes | None, own: OwnKey | None) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._keys = (server, own)
        self.door = self._connect(zmq.DEALER, port)
        self.bell = self._connect(zmq.SUB, port + 1)
        self.prefix = "" if own is None else id_prefix(own.public)

    def _connect(self, kind: int, port: int) -> "zmq.Socket[bytes]":
        server, own = self._keys
        one = self._context.socket(kind)
        one.setsockopt(zmq.LINGER, 0)
        one.setsockopt(zmq.RECONNECT_IVL, 50)
        if kind == zmq.SUB:
            one.setsockopt(zmq.SUBSCRIBE, b"")
        if server is not None and own is not None:
            one.setsockopt(zmq.CURVE_SERVERKEY, server)
            one.setsockopt(zmq.CURVE_PUBLICKEY, own.public)
            one.setsockopt(zmq.CURVE_SECRETKEY, own.secret)
        one.connect(f"tcp://127.0.0.1:{port}")
        return one

    def ask(self, message: AnyMessage, *payload: bytes) -> AnyMessage:
        """Ask, and again whenever the connection was lost meanwhile."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            self.door.send_multipart([encode(message), *payload])
            if self.door.poll(2000):
                return decode(self.door.recv_multipart()[0])
        raise AssertionError("no answer")

    def is_deaf(self, question: AnyMessage) -> bool:
        """Tell whether neither an answer nor the bell is heard."""
        with suppress(zmq.Again):  # libzmq has given up by itself
            self.door.send(encode(question), zmq.NOBLOCK)
        poller = zmq.Poller()
        poller.register(self.door, zmq.POLLIN)
        poller.register(self.bell, zmq.POLLIN)
        return not poller.poll(3 * QUIET_MS)

    def hears_bell(self) -> bool:
        return bool(self.bell.poll(TIMEOUT_S * 1000))

    def wait_until_cut_off(self) -> None:
        """Wait until the bell, which rings twice a second, is not heard any more."""
        deadline = time.monotonic() + TIMEOUT_S
        while self.bell.poll(4 * QUIET_MS):
            self.bell.recv_multipart()
            assert time.monotonic() < deadline, "still connected"
        while self.door.poll(0):
            self.door.recv_multipart()

    def close(self) -> None:
        self._context.destroy(linger=0)


@contextmanager
def killed_thread(thread: threading.Thread) -> Iterator[None]:
    """Kill a thread from outside, as an error in it would."""
    import ctypes

    assert thread.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
    )
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
    yield
