"""Those who only want to work: a controller, a well-behaved viewer, and twenty more.

    python -m benchmarks.attackers.victims controller AGENT SPOOL FILE PER_SECOND
    python -m benchmarks.attackers.victims viewer AGENT WORKER ACQUISITION
    python -m benchmarks.attackers.victims crowd AGENT WORKER ACQUISITION HOW_MANY

Each says `ready` (the controller its acquisition's id), ends when its input is closed, and then
prints what it found as one line of JSON.
"""

import json
import os
import queue
import sys
import threading
import time
from pathlib import Path

from benchmarks.attackers.attacks import NICE
from planecast_agent.acquisition import Acquisition
from planecast_agent.subscriber.follower import Follower
from planecast_agent.subscriber.news import PlaneRows
from planecast_agent.subscriber.subscription import Subscription
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.client import Answer, PixelAnswer, ReaderClient

N_FOVS = 96
PLANES = 8
ASK_EVERY = 5
"""The well-behaved viewer asks for each fifth plane: 10 a second."""
CROWD_ASKS_EVERY_S = 0.5
WAIT_S = 30.0


class _Over:
    """Set when the input is closed."""

    def __init__(self) -> None:
        self.event = threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        sys.stdin.read()
        self.event.set()


def controller(agent: str, spool: str, file: str, per_second: int) -> dict[str, object]:
    """Register planes until told to stop, then end; return how many."""
    labels = [f"A{number}:0" for number in range(N_FOVS)]
    acquisition = Acquisition.start(
        *("abuse", ["DAPI"], PLANES, 512, 512, labels),
        agent=agent,
        spool_dir=spool,
        roots={"data": Path(file).parent},
    )
    over = _Over()
    print(acquisition.id, flush=True)
    started, number = time.monotonic(), 0
    while not over.event.wait(max(0.0, started + number / per_second - time.monotonic())):
        fov, z = number // PLANES % N_FOVS, number % PLANES
        acquisition.register_image(number // (PLANES * N_FOVS), fov, z, 0, file)
        number += 1
    delivered = acquisition.wait_delivered(WAIT_S)
    acquisition.end()
    acquisition.close()
    return {"registered": number, "delivered": delivered}


class Viewer:
    """Follows an acquisition, and asks for planes as they come."""

    def __init__(self, agent: str, worker: str, acquisition: str) -> None:
        self.rows: list[tuple[float, float]] = []
        """When each plane was known, and how many ms after it was registered."""
        self.planes: list[tuple[float, float]] = []
        """When each plane that was asked for was there, and after how many ms."""
        self.failed = 0
        self.to_ask: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.follower = Follower(agent, Subscription(acquisition), self._take)
        self.reader = ReaderClient(worker)
        self.follower.start()

    def ask(self, number: int) -> None:
        """Ask for a plane, and wait."""
        started = time.perf_counter()
        answer = self.reader.request(_plane(number), WAIT_S, find=False)
        if isinstance(answer, PixelAnswer):
            self.planes.append((time.time(), 1000 * (time.perf_counter() - started)))
        else:
            self.failed += 1

    def ask_without_waiting(self, number: int) -> None:
        """Ask for a plane, and only count it."""
        self.reader.submit(_plane(number), self._on_answer)

    def close(self) -> None:
        """End the threads."""
        self.follower.close()
        self.reader.close()

    def _on_answer(self, answer: Answer) -> None:
        if isinstance(answer, PixelAnswer):
            self.planes.append((time.time(), 0.0))

    def _take(self, news: object) -> None:
        if isinstance(news, PlaneRows):
            now = time.time()
            for at in news.registered_at.tolist():
                self.rows.append((now, 1000 * (now - at)))
                if len(self.rows) % ASK_EVERY == 0:
                    self.to_ask.put(len(self.rows))


def viewer(agent: str, worker: str, acquisition: str) -> dict[str, object]:
    """Follow and ask until told to stop; return every lag."""
    one = Viewer(agent, worker, acquisition)
    one.ask(0)
    over = _Over()
    print("ready", flush=True)
    while not over.event.is_set():
        try:
            number = one.to_ask.get(timeout=0.1)
        except queue.Empty:
            continue
        one.ask(number)
    one.close()
    return {"rows": one.rows, "planes": one.planes[1:], "failed": one.failed}


def crowd(agent: str, worker: str, acquisition: str, how_many: int) -> dict[str, object]:
    """Be many viewers; return how many planes the slowest of them knows."""
    os.nice(NICE)
    viewers = [Viewer(agent, worker, acquisition) for _ in range(how_many)]
    over = _Over()
    print("ready", flush=True)
    number = 0
    while not over.event.wait(CROWD_ASKS_EVERY_S / how_many):
        viewers[number % how_many].ask_without_waiting(number)
        number += 1
    for one in viewers:
        one.close()
    return {
        "known": min(len(one.rows) for one in viewers),
        "planes": sum(len(one.planes) for one in viewers),
    }


def _plane(number: int) -> ReadPixels:
    return ReadPixels(request=0, path="data:raw.ome.tif", index={"Z": number % PLANES})


def main(name: str, *arguments: str) -> None:
    match name:
        case "controller":
            agent, spool, file, per_second = arguments
            found = controller(agent, spool, file, int(per_second))
        case "viewer":
            agent, worker, acquisition = arguments
            found = viewer(agent, worker, acquisition)
        case _:
            agent, worker, acquisition, how_many = arguments
            found = crowd(agent, worker, acquisition, int(how_many))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
