"""A reader process is killed in the middle of a read: how much later the plane comes."""

import os
import signal
import time
from pathlib import Path

from benchmarks.planes import rig


def reader_kill(path: Path) -> rig.Figures:
    """Return the worst of some kills, beyond what the same read takes as a rule."""
    extra: list[float] = []
    with rig.private_worker() as client:
        rig.ask(client, rig.plane(path, 0))
        for z in (5, 12, 20, 31):  # no steps of one: nothing shall be read ahead
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
            extra.append(1000 * (time.perf_counter() - started) - usual.took_ms)
    return {"reader_kill_extra_ms": round(max(extra), 1)}
