"""Sits between an agent and those who talk to it, and puts frames of its own among the agent's."""

import threading
from collections.abc import Iterator
from typing import Self

import zmq

from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.sockets import client_socket, server_socket

BURST = 32
"""Bent frames between two looks at what the agent and its peers say."""
PATIENCE_MS = 2000

Context = zmq.Context[zmq.Socket[bytes]]


class MiddleMan:
    """Forwards both ways; between that sends bent frames to all peers, by door and by bell."""

    def __init__(self, address: str, agent: str, frames: Iterator[bytes]) -> None:
        self._mine, self._agent = AgentAddress.parse(address), AgentAddress.parse(agent)
        self._frames = frames
        self.sent_by_door = self.sent_by_bell = 0
        self.done = threading.Event()
        """Set when all bent frames are sent."""
        self._closing = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="middle-man")
        self._thread.start()
        self._ready.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        context: Context = zmq.Context()
        door = server_socket(context, zmq.ROUTER, self._mine.door)
        door.setsockopt(zmq.ROUTER_MANDATORY, 1)
        bell = server_socket(context, zmq.XPUB, self._mine.bell)
        bell.setsockopt(zmq.XPUB_NODROP, 1)
        heard = client_socket(context, zmq.SUB, self._agent.bell)
        heard.subscribe(b"")
        peers: dict[bytes, zmq.Socket[bytes]] = {}
        self._ready.set()
        while not self._closing.is_set():
            self._forward(context, door, bell, heard, peers)
            if peers:
                self._inject(door, bell, peers)
        for socket in (door, bell, heard, *peers.values()):
            socket.close()
        context.term()

    def _forward(
        self,
        context: Context,
        door: "zmq.Socket[bytes]",
        bell: "zmq.Socket[bytes]",
        heard: "zmq.Socket[bytes]",
        peers: "dict[bytes, zmq.Socket[bytes]]",
    ) -> None:
        poller = zmq.Poller()
        for socket in (door, bell, heard, *peers.values()):
            poller.register(socket, zmq.POLLIN)
        ready = {socket for socket, _flags in poller.poll(2)}
        if bell in ready:
            bell.recv()  # a subscription
        if door in ready:
            identity, *frames = door.recv_multipart()
            if identity not in peers:
                peers[identity] = client_socket(context, zmq.DEALER, self._agent.door)
            peers[identity].send_multipart(frames)
        if heard in ready:
            bell.send_multipart(heard.recv_multipart())
        for identity, peer in list(peers.items()):
            if peer in ready:
                self._tell(door, peers, identity, peer.recv_multipart())

    def _tell(
        self,
        door: "zmq.Socket[bytes]",
        peers: "dict[bytes, zmq.Socket[bytes]]",
        identity: bytes,
        frames: list[bytes],
    ) -> bool:
        """Send to a peer; forget it if it is gone."""
        try:
            door.send_multipart([identity, *frames])
        except zmq.ZMQError:
            peers.pop(identity).close()
            return False
        return True

    def _inject(
        self,
        door: "zmq.Socket[bytes]",
        bell: "zmq.Socket[bytes]",
        peers: "dict[bytes, zmq.Socket[bytes]]",
    ) -> None:
        for _ in range(BURST):
            frame = next(self._frames, None)
            if frame is None:
                self.done.set()
                return
            bell.send(frame)
            self.sent_by_bell += 1
            for identity in list(peers):
                self.sent_by_door += self._tell(door, peers, identity, [frame, frame])
