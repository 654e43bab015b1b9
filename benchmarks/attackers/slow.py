"""Guests with a key, who ask for more than they read: 1 kB a second.

    python -m benchmarks.attackers.slow PORTS SECONDS EACH

Each is a real client behind a connection that is slow on one side: what it asks arrives at once,
what it is answered comes through a buffer of a few kB, at 1 kB a second.
"""

import contextlib
import json
import os
import selectors
import socket
import sys
import time
from dataclasses import dataclass

import zmq

from benchmarks.attackers.attacks import NICE
from benchmarks.attackers.ports import Ports, connect
from planecast_protocol.agent_messages import FetchEvents, ListAcquisitions
from planecast_protocol.keys.trust import client_keys
from planecast_protocol.messages import encode
from planecast_protocol.reader_messages import ReadPixels
from planecast_protocol.streams import frame

BYTES_PER_S = 1000
BUFFER_BYTES = 2048
TICK_S = 0.1
HANDSHAKE_BYTES = 2000
"""So many come at once: whoever is slow already in the handshake is cut off after 5 s."""


@dataclass
class _Way:
    near: socket.socket
    far: socket.socket
    passed: int = 0
    started: float = 0.0

    def may_pass(self, now: float) -> int:
        return int(HANDSHAKE_BYTES + (now - self.started) * BYTES_PER_S) - self.passed


class SlowLine:
    """A proxy whose way from the server to the client is slow."""

    def __init__(self, place: tuple[str, int]) -> None:
        self._place = place
        self._listener = socket.create_server(("127.0.0.2", 0))
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ways: dict[socket.socket, _Way] = {}
        self.port = int(self._listener.getsockname()[1])
        self.cut_off = 0
        """Connections that the server, or the client, gave up."""

    def turn(self) -> None:
        """Carry what may be carried now, and wait no longer than a moment."""
        now = time.monotonic()
        for way in list(self._ways.values()):
            if (n_bytes := way.may_pass(now)) > 0:
                self._carry(way, way.far, way.near, n_bytes)
        for key, _mask in self._selector.select(0):
            if key.fileobj is self._listener:
                self._accept()
            elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._ways:
                way = self._ways[key.fileobj]
                self._carry(way, way.near, way.far, 65536)

    def close(self) -> None:
        """End all."""
        for way in list(self._ways.values()):
            self._end(way)
        self._listener.close()
        self._selector.close()

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        try:
            far = connect(self._place, BUFFER_BYTES)
        except OSError:
            near.close()
            return
        near.setblocking(False)
        far.setblocking(False)
        self._ways[near] = _Way(near, far, started=time.monotonic())
        self._selector.register(near, selectors.EVENT_READ)

    def _carry(self, way: _Way, source: socket.socket, to: socket.socket, n_bytes: int) -> None:
        try:
            data = source.recv(n_bytes)
            if not data:
                self._end(way)
                return
            if source is way.far:
                way.passed += len(data)
            to.send(data)
        except BlockingIOError:
            return
        except OSError:
            self._end(way)

    def _end(self, way: _Way) -> None:
        self.cut_off += 1
        self._selector.unregister(way.near)
        del self._ways[way.near]
        way.near.close()
        way.far.close()


class SlowGuest:
    """Asks again and again, and never looks at an answer."""

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", kind: int, port: int, *questions: bytes
    ) -> None:
        self._questions = questions
        self._socket = context.socket(kind)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVHWM, 1)
        if kind == zmq.SUB:
            self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        address = f"tcp://127.0.0.2:{port}"
        keys = client_keys(address)
        assert keys is not None
        server, own = keys
        self._socket.setsockopt(zmq.CURVE_SERVERKEY, server)
        self._socket.setsockopt(zmq.CURVE_PUBLICKEY, own.public)
        self._socket.setsockopt(zmq.CURVE_SECRETKEY, own.secret)
        self._socket.connect(address)

    def ask(self) -> None:
        """Ask all questions that still leave."""
        for question in self._questions:
            if self._socket.poll(0, zmq.POLLOUT):
                self._socket.send(question, zmq.NOBLOCK)

    def close(self) -> None:
        """Go."""
        self._socket.close()


class SlowProgram:
    """A program of this machine, or one behind a forwarded port: a plain connection to the worker.

    It reads what it may at 1 kB a second, by a window that is as small.
    """

    def __init__(self, port: int, questions: list[ReadPixels]) -> None:
        self._stream = connect(("127.0.0.1", port), BUFFER_BYTES)
        self._stream.setblocking(False)
        self._questions = b"".join(map(frame, questions))
        self._unsent = b""

    def turn(self) -> None:
        """Ask for more, and read a little."""
        self._unsent = self._unsent or self._questions
        with contextlib.suppress(OSError):
            self._unsent = self._unsent[self._stream.send(self._unsent) :]
        with contextlib.suppress(OSError):
            self._stream.recv(int(BYTES_PER_S * TICK_S))

    def close(self) -> None:
        """Go."""
        self._stream.close()


def main(ports_text: str, seconds: str, each: str, acquisition: str) -> None:
    os.nice(NICE)
    ports = Ports.of_text(ports_text)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    door, bell, gateway = lines = [SlowLine((ports.host, port)) for port in ports.keyed]
    fetch = encode(FetchEvents(request=1, acquisition=acquisition, first=1))
    everything = (fetch, encode(ListAcquisitions(request=2)))
    asked = [
        ReadPixels(request=number, path="data:raw.ome.tif", index={"Z": number % 8})
        for number in range(1, 17)
    ]
    planes = list(map(encode, asked))
    guests = [SlowGuest(context, zmq.DEALER, door.port, *everything) for _ in range(int(each))]
    guests += [SlowGuest(context, zmq.SUB, bell.port) for _ in range(int(each))]
    guests += [SlowGuest(context, zmq.DEALER, gateway.port, *planes) for _ in range(int(each))]
    programs = [SlowProgram(ports.plain, asked) for _ in range(int(each))]
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        for guest in guests[: int(each)] + guests[-int(each) :]:
            guest.ask()
        for turning in [*lines, *programs]:
            turning.turn()
        time.sleep(TICK_S)
    counts = {
        "slow_readers": len(guests + programs),
        "cut_off": sum(line.cut_off for line in lines),
    }
    for one in [*guests, *programs, *lines]:
        one.close()
    context.destroy(linger=0)
    print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
