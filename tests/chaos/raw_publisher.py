"""A controller without our package and without a spool: it forgets what was acknowledged.

    python raw_publisher.py DOOR ORACLE_DIR NAME PER_SECOND

An ack that lies is therefore a loss. It runs until SIGTERM, and then until all is acknowledged.
"""

import json
import os
import signal
import sys
import time
import uuid
from collections import deque
from pathlib import Path

from raw_door import NUMBER, Door, Message, pack, record

BATCH = 16
IN_FLIGHT = 8
SILENCE_S = 0.5


class Publisher:
    """Publishes one acquisition after the other; keeps an event until it is acknowledged."""

    def __init__(self, door: str, oracle_dir: Path, name: str, per_second: float) -> None:
        self._door = Door(door)
        self._oracle_dir = oracle_dir
        self._name = name
        self._per_second = per_second
        self._n_acquisitions = 0
        self._stopping = False
        signal.signal(signal.SIGTERM, self._stop)
        self._begin()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _begin(self) -> None:
        """Start over under another name: after a start, and where an ack was a lie."""
        self._n_acquisitions += 1
        name = f"{self._name}-{self._n_acquisitions}"
        self._id, self._publisher = f"{name}-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
        self._oracle = os.open(self._oracle_dir / f"{name}.accepted", os.O_WRONLY | os.O_CREAT)
        story = {"acquisition": self._id, "ended": False}
        (self._oracle_dir / f"{name}.json").write_text(json.dumps(story))
        start = pack(
            "start",
            acquisition=self._id,
            name=name,
            channels=["BF"],
            fov_labels=["A1:0"],
            height=8,
            width=8,
            started_at=0.0,
        )
        self._kept = deque([start])
        self._acked = self._sent = 0
        self._made = 1
        self._boot = ""
        self._request = 0
        self._heard_at = time.monotonic()
        self._began_at = time.monotonic()

    def run(self) -> None:
        while not (self._stopping and not self._kept):
            if not self._stopping:
                self._make()
            self._publish()
            answer = self._door.receive(5)
            if answer is not None:
                self._take(answer[0])
            elif time.monotonic() - self._heard_at > SILENCE_S:
                self._ask()

    def _make(self) -> None:
        due = int((time.monotonic() - self._began_at) * self._per_second)
        while self._made < min(due, self._acked + BATCH * IN_FLIGHT):
            t = self._made - 1
            path = f"local:chaos/{self._id}/{t}.tif"
            self._kept.append(
                pack(
                    "image",
                    acquisition=self._id,
                    index=[t, 0, 0, 0],
                    source={"path": path},
                    registered_at=0.0,
                )
            )
            self._made += 1

    def _publish(self) -> None:
        while self._sent < self._made and self._boot:
            batch = list(self._kept)[self._sent - self._acked :][:BATCH]
            head = pack(
                "publish", publisher=self._publisher, first=self._sent + 1, count=len(batch)
            )
            self._door.send(head, b"".join(map(record, batch)))
            self._sent += len(batch)

    def _ask(self) -> None:
        self._door.renew()
        self._request += 1
        self._heard_at = time.monotonic()
        self._boot = ""
        self._door.send(pack("hello", request=self._request, publisher=self._publisher))

    def _take(self, message: Message) -> None:
        match message["k"]:
            case "welcome" if message["request"] == self._request and not self._boot:
                self._heard_at = time.monotonic()
                if message["last"] < self._acked:
                    self._begin()
                    return
                self._boot = message["boot"]
                self._forget(message["last"])
                self._sent = message["last"]
            case "ack" if message["boot"] == self._boot:
                self._heard_at = time.monotonic()
                self._forget(message["last"])
            case "nak" if message["boot"] == self._boot:
                self._heard_at, self._boot = time.monotonic(), ""

    def _forget(self, last: int) -> None:
        """The agent says that it has all up to `last`: believe it."""
        while self._acked < last:
            self._acked += 1
            self._kept.popleft()
            if self._acked > 1:
                os.write(self._oracle, NUMBER.pack(self._acked - 2))
        self._sent = max(self._sent, self._acked)


if __name__ == "__main__":
    Publisher(sys.argv[1], Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])).run()
