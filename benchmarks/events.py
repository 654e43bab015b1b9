"""What `register_image` costs the controller, and how fast events reach the journal."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from planecast_agent.acquisition import Acquisition

EVENTS = 20_000


def measure(*, quick: bool = False) -> dict[str, float]:
    """Return microseconds of a call, with an agent and without, and events per second stored."""
    count = EVENTS // 4 if quick else EVENTS
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="pcbench", dir="/tmp") as folder:
        figures |= _register(Path(folder), count, "agent_absent")
        address = f"ipc://{folder}/agent"
        command = [sys.executable, "-m", "planecast_agent", "--address", address]
        command += ["--state-dir", f"{folder}/state", "--spool-dir", f"{folder}/spool"]
        agent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert agent.stdout is not None
        agent.stdout.readline()
        try:
            figures |= _register(Path(folder), count, "agent_up")
        finally:
            agent.terminate()
            agent.communicate()
    return figures


def _register(folder: Path, count: int, name: str) -> dict[str, float]:
    acquisition = Acquisition.start(
        *("bench", ["BF"], 1, 2048, 2048, ["A1:0"]),
        agent=f"ipc://{folder}/agent",
        spool_dir=folder / "spool",
    )
    took = np.empty(count)
    started = time.perf_counter()
    for t in range(count):
        before = time.perf_counter()
        acquisition.register_image(t, 0, 0, "BF", f"/data/{t}/A1_0_0_BF.tiff")
        took[t] = time.perf_counter() - before
    figures = {
        f"register_us_p50_{name}": round(float(np.percentile(took, 50)) * 1e6, 1),
        f"register_us_p99_{name}": round(float(np.percentile(took, 99)) * 1e6, 1),
        f"register_us_max_{name}": round(float(took.max()) * 1e6, 1),
    }
    acquisition.end()
    if name == "agent_up" and acquisition.wait_delivered(60):
        figures["events_per_s"] = round(count / (time.perf_counter() - started))
    acquisition.close()
    return figures
