"""A subscriber without our package: a cursor for each acquisition, one question at a time.

python raw_subscriber.py DOOR BELL FOLDER NAME
"""

import json
import random
import struct
import sys
import time
import zlib
from pathlib import Path

import msgpack
import zmq
from raw_door import Door, Message, pack

ASK_AGAIN_S = 1.5


class Subscriber:
    """Follows all acquisitions with a cursor each; one question at a time."""

    def __init__(self, door: str, bell: str) -> None:
        self._door = Door(door)
        self._bell = zmq.Context.instance().socket(zmq.SUB)
        self._bell.setsockopt(zmq.RECONNECT_IVL, 50)
        self._bell.subscribe(b"")
        self._bell.connect(bell)
        self._log = ""
        self._heads: dict[str, int] = {}
        self._next: dict[str, int] = {}
        self.times: dict[str, list[int]] = {}
        self.wrong = 0
        """Planes whose path is of another plane."""
        self.alarms: set[str] = set()
        self._asked_at = 0.0
        self._request = 0
        self._asking = ""

    def step(self) -> None:
        """Ask for what is missing; take what comes."""
        now = time.monotonic()
        if self._asking and now - self._asked_at > ASK_AGAIN_S:
            self._door.renew()
            self._asking = ""
        if not self._asking:
            self._ask(now)
        poller = zmq.Poller()
        poller.register(self._bell, zmq.POLLIN)
        poller.register(self._door.socket, zmq.POLLIN)
        for socket, _flags in poller.poll(20):
            if socket is self._bell:
                self._hear(msgpack.unpackb(self._bell.recv()))
            else:
                answer = self._door.receive(0)
                assert answer is not None
                self._take(*answer)

    def has(self, heads: dict[str, int]) -> bool:
        """Whether all events up to these heads are here."""
        self._heads.update(heads)
        return all(self._next.get(name, 1) > head for name, head in heads.items())

    def _ask(self, now: float) -> None:
        behind = [name for name, head in self._heads.items() if self._next.get(name, 1) <= head]
        if not behind:
            return
        self._asking = random.choice(behind)
        self._request += 1
        self._asked_at = now
        first = self._next.get(self._asking, 1)
        self._door.send(pack("fetch", request=self._request, acquisition=self._asking, first=first))

    def _hear(self, message: Message) -> None:
        if message["k"] == "beat":
            self.alarms.add(message.get("alarm", "").partition(":")[0])
            self._take_heads({one["acquisition"]: one["head"] for one in message["running"]})
        elif message["k"] == "bell":
            self._take_heads(message["heads"])

    def _take_heads(self, heads: dict[str, int]) -> None:
        for name, head in heads.items():
            self._heads[name] = max(head, self._heads.get(name, 0))

    def _take(self, message: Message, payload: bytes) -> None:
        if message.get("request") != self._request:
            return
        acquisition, self._asking = self._asking, ""
        if message["k"] != "events" or message["first"] != self._next.get(acquisition, 1):
            return
        head, joined = map(zlib.decompress, msgpack.unpackb(payload))
        columns = msgpack.unpackb(head, strict_map_key=False)
        n_planes = columns["count"] - len(columns["others"])
        times = struct.unpack(f"<{len(columns['numbers'][0]) // 4}i", columns["numbers"][0])
        if len(times) == 1:  # the same in all rows
            times *= n_planes
        paths = joined.decode().split("\0") if n_planes else []
        self.wrong += sum(
            path != f"local:chaos/{acquisition}/{t}.tif"
            for t, path in zip(times, paths, strict=True)
        )
        self.times.setdefault(acquisition, []).extend(times)
        self._next[acquisition] = message["first"] + message["count"]


def follow_until_told(subscriber: Subscriber, folder: Path, name: str) -> None:
    """Follow; when `final.json` tells how far, go on until there, and write the view."""
    final = folder / "final.json"
    while not final.exists():
        subscriber.step()
    told = json.loads(final.read_text())
    deadline = time.monotonic() + told["within_s"]
    while not subscriber.has(told["heads"]) and time.monotonic() < deadline:
        subscriber.step()
    view = {
        "times": subscriber.times,
        "wrong": subscriber.wrong,
        "alarms": sorted(filter(None, subscriber.alarms)),
    }
    (folder / f"view-{name}.json").write_text(json.dumps(view))


if __name__ == "__main__":
    follow_until_told(Subscriber(*sys.argv[1:3]), Path(sys.argv[3]), sys.argv[4])
