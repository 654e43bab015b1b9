"""A reader process is killed in the middle of a read: how much later the plane comes."""

import os
import signal
import time
from pathlib import Path

from benchmarks.planes import rig
from planecast_reader.client import ReaderClient

PLACES = (5, 12, 20, 31)
"""No steps of one: nothing shall be read ahead."""


def reader_kill(path: Path) -> rig.Figures:
    """Return the worst of some kills, beyond what the same read takes as a rule."""
    return {"reader_kill_extra_ms": round(max(_kills(path, in_a_row=False)), 1)}


def reader_kills_in_a_row(path: Path) -> rig.Figures:
    """Like `reader_kill`, while those that take the place of the first still start."""
    return {"reader_kill_extra_ms_in_a_row": round(max(_kills(path, in_a_row=True)), 1)}


def _kills(path: Path, *, in_a_row: bool) -> list[float]:
    extra: list[float] = []
    with rig.private_worker() as client:
        rig.ask(client, rig.plane(path, 0))
        for z in PLACES:
            if not in_a_row:
                rig.wait_for_readers(client)
            extra.append(_kill(client, path, z))
    return extra


def _kill(client: ReaderClient, path: Path, z: int) -> float:
    usual = rig.Waiting(client, rig.plane(path, z))
    usual.pixels()
    pids = [reader.pid for reader in rig.status(client).readers]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    asked = rig.Waiting(client, rig.plane(path, z + 3))
    busy: list[int] = []
    while not busy:
        busy = [r.pid for r in rig.status(client).readers if r.state == "busy"]
    started = time.perf_counter()
    for pid in pids:
        os.kill(pid, signal.SIGCONT if pid not in busy else signal.SIGKILL)
    asked.pixels()
    return 1000 * (time.perf_counter() - started) - usual.took_ms
