"""A controller of the chaos test: numbered planes, until it is done, told to end, or killed.

    python chaos_controller.py JSON

For each `register_image` that has returned it appends the plane's t to its oracle file. The
wall clock that planecast sees jumps, by a year to either side.
"""

import json
import os
import random
import signal
import struct
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from planecast_agent.acquisition import Acquisition

NUMBER = struct.Struct("<I")
BURST_S = 0.004
JUMP_S = 400 * 86_400
STEADY_S = 3
GENERATION = 1_000_000
"""A controller that resumes an acquisition counts from the next million on."""


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What one controller is to do."""

    name: str
    agent: str
    spool_dir: str
    oracle_dir: str
    first_t: int
    n_planes: int
    per_second: float
    ending: Literal["wait", "quit"]
    """`wait`: until all is delivered; `quit`: end, and leave the rest to the agent."""
    resume: str | None = None
    """The acquisition of a killed controller, to go on with."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Oracle:
    """Says, in files of its own, what `Acquisition` has accepted."""

    def __init__(self, orders: Orders) -> None:
        folder = Path(orders.oracle_dir)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._accepted = os.open(folder / f"{orders.name}.accepted", flags)
        self._waiting = os.open(folder / f"{orders.name}.waiting", os.O_RDWR | os.O_CREAT)
        self._n_waiting = 0
        self._story = folder / f"{orders.name}.json"

    def tell(self, acquisition: str, *, ended: bool = False) -> None:
        hidden = self._story.with_suffix(".new")
        hidden.write_text(json.dumps({"acquisition": acquisition, "ended": ended}))
        hidden.rename(self._story)

    def accepted(self, t: int) -> None:
        os.write(self._accepted, NUMBER.pack(t))

    def waiting(self, n_events: int) -> None:
        """Tell how many events are in memory only: a kill would lose these."""
        if n_events != self._n_waiting:
            self._n_waiting = n_events
            os.pwrite(self._waiting, NUMBER.pack(n_events), 0)


def picture_path(acquisition: str, t: int) -> str:
    """Return the name of a plane's file, by which everybody can tell whose it is."""
    return f"/chaos/{acquisition}/{t}.tif"


def let_the_clock_jump() -> None:
    """Have `time.time` of this process be set to another year every few seconds."""
    clock = time.time

    def jumping() -> float:
        at_step = random.Random(time.monotonic() // STEADY_S)
        return max(0.0, clock() + at_step.choice((0, -JUMP_S, JUMP_S)))

    time.time = jumping


def begin(orders: Orders) -> Acquisition:
    """Start the acquisition; try again for as long as the disk is full."""
    where = {"agent": orders.agent, "spool_dir": orders.spool_dir}
    while True:
        try:
            if orders.resume is not None:
                return Acquisition.resume(orders.resume, **where)
            return Acquisition.start(orders.name, ["BF"], 1, 8, 8, ["A1:0"], **where)
        except OSError:
            time.sleep(0.1)


def run(orders: Orders) -> None:
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    let_the_clock_jump()
    oracle = Oracle(orders)
    acquisition = begin(orders)
    oracle.tell(acquisition.id)
    started = time.monotonic()
    for number in range(orders.n_planes):
        while not stopped and started + number / orders.per_second > time.monotonic():
            oracle.waiting(acquisition._spool.waiting)
            time.sleep(BURST_S)
        if stopped:
            break
        t = orders.first_t + number
        acquisition.register_image(t, 0, 0, "BF", picture_path(acquisition.id, t))
        oracle.accepted(t)
        oracle.waiting(acquisition._spool.waiting)
    while acquisition._spool.waiting:
        time.sleep(BURST_S)
    oracle.waiting(0)
    acquisition.end()
    oracle.tell(acquisition.id, ended=True)
    if orders.ending == "quit" and not stopped:
        os._exit(0)
    acquisition.wait_delivered(30)
    acquisition.close()


if __name__ == "__main__":
    run(Orders(**json.loads(sys.argv[1])))
