"""The processes of `events.py`, each of which says `ready`, waits for a line and then works.

    python event_programs.py controller AGENT SPOOL_DIR N_PLANES PER_SECOND
    python event_programs.py camera FOLDER SECONDS
    python event_programs.py subscriber AGENT ACQUISITION N_PLANES
    python event_programs.py latency AGENT ACQUISITION N_PLANES

What each has measured it prints as one line of JSON. `PER_SECOND` 0 is as fast as it can.
"""

import gc
import json
import os
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import psutil

from planecast_agent.acquisition import Acquisition
from planecast_agent.subscriber.follower import Follower
from planecast_agent.subscriber.news import PlaneRows
from planecast_agent.subscriber.plane_index import RegisteredPlanes
from planecast_agent.subscriber.subscription import Subscription
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.event_messages import StartAcquisition

N_FOVS, N_Z, N_CHANNELS = 96, 25, 4
CHANNELS = ("BF", "DAPI", "GFP", "RFP")
LABELS = [f"{row}{column}:0" for row in "ABCDEFGH" for column in range(1, 13)]
FRAME_BYTES = 8 << 20
FRAMES_PER_S = 30
FRAMES_KEPT = 64
BURST_S = 0.001
TIMEOUT_S = 60.0


def planes() -> Iterator[tuple[PlaneIndex, str]]:
    """Yield planes without end, as a plate is imaged: (index, path of the file)."""
    t = 0
    while True:
        for fov in range(N_FOVS):
            for z in range(N_Z):
                for channel, name in enumerate(CHANNELS):
                    path = f"/data/plate7/{t}/{LABELS[fov][:-2]}_{fov}_{z}_{name}.tiff"
                    yield PlaneIndex(t=t, fov=fov, z=z, channel=channel), path
        t += 1


def wait_for_go(first_line: str = "ready") -> None:
    print(first_line, flush=True)
    sys.stdin.readline()


def controller(agent: str, spool_dir: str, n_planes: int, per_second: int) -> dict[str, object]:
    """Register planes; return what a call took, in µs, and events that were not delivered."""
    acquisition = Acquisition.start(
        *("bench", CHANNELS, N_Z, 2048, 2048, LABELS), agent=agent, spool_dir=spool_dir
    )
    todo = [next_one for next_one, _ in zip(planes(), range(n_planes), strict=False)]
    took = array("d", bytes(8 * n_planes))
    wait_for_go(acquisition.id)
    started = time.perf_counter()
    for number, (at, path) in enumerate(todo):
        if per_second and started + number / per_second - time.perf_counter() > 0:
            time.sleep(BURST_S)
        before = time.perf_counter()
        acquisition.register_image(at.t, at.fov, at.z, at.channel, path)
        took[number] = time.perf_counter() - before
    elapsed = time.perf_counter() - started
    acquisition.end()
    ordered = sorted(took)
    figures = {
        "p50": round(1e6 * ordered[n_planes // 2], 1),
        "p99": round(1e6 * ordered[n_planes * 99 // 100], 1),
        "max": round(1e6 * ordered[-1], 1),
        "calls_per_s": round(n_planes / elapsed),
    }
    print(json.dumps(figures), flush=True)
    sys.stdin.readline()
    acquisition.close()
    return {"undelivered": acquisition.undelivered}


def camera(folder: str, seconds: float) -> dict[str, object]:
    """Save frames of 8 MiB at 30 a second, or as fast as the disk takes them; keep the newest."""
    frame = os.urandom(FRAME_BYTES)
    wait_for_go()
    started = time.perf_counter()
    n_frames = 0
    while (now := time.perf_counter() - started) < seconds:
        Path(folder, f"{n_frames % FRAMES_KEPT}.raw").write_bytes(frame)
        n_frames += 1
        time.sleep(max(0.0, n_frames / FRAMES_PER_S - now))
    return {"mib_per_s": round(n_frames * FRAME_BYTES / 2**20 / seconds)}


class Viewer:
    """Follows one acquisition into an index, as a viewer does, without the window."""

    def __init__(self, agent: str, acquisition: str, n_planes: int) -> None:
        self._follower = Follower(agent, Subscription(acquisition), self._take)
        self._n_planes = n_planes
        self._index: RegisteredPlanes | None = None
        self._complete = threading.Event()
        self.keep_latencies = False
        self.latencies = array("d")
        """Seconds from the call to the index, of each plane; only if `keep_latencies`."""

    def follow(self) -> None:
        """Take news until all planes are in the index."""
        self._follower.start()
        if not self._complete.wait(TIMEOUT_S):
            found = 0 if self._index is None else self._index.n_planes
            raise TimeoutError(f"{found} of {self._n_planes} planes within {TIMEOUT_S:g} s")

    def close(self) -> None:
        """End the follower's thread."""
        self._follower.close()

    def _take(self, news: object) -> None:
        if isinstance(news, StartAcquisition):
            sizes = (len(news.fov_labels), news.num_z, len(news.channels))
            self._index = RegisteredPlanes(*sizes)
        elif isinstance(news, PlaneRows) and self._index is not None:
            self._index.add(news)
            if self.keep_latencies:
                now = time.time()
                self.latencies.extend(now - at for at in news.registered_at.tolist())
            if self._index.n_planes >= self._n_planes:
                self._complete.set()


def subscriber(agent: str, acquisition: str, n_planes: int) -> dict[str, object]:
    """Follow until all planes are in the index; return seconds, and bytes a plane."""
    viewer = Viewer(agent, acquisition, n_planes)
    gc.collect()
    before = psutil.Process().memory_info().rss
    wait_for_go()
    started = time.perf_counter()
    viewer.follow()
    took_s = time.perf_counter() - started
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    viewer.close()
    return {"s": took_s, "bytes_per_plane": grown / n_planes}


def latency(agent: str, acquisition: str, n_planes: int) -> dict[str, object]:
    """Follow until all planes are in the index; return ms from the call to the index."""
    viewer = Viewer(agent, acquisition, n_planes)
    viewer.keep_latencies = True
    wait_for_go()
    viewer.follow()
    viewer.close()
    ordered = sorted(viewer.latencies)
    p50, p99 = (ordered[len(ordered) * percent // 100] * 1000 for percent in (50, 99))
    return {"p50": round(p50, 2), "p99": round(p99, 2)}


def main(name: str, *arguments: str) -> None:
    match name:
        case "controller":
            agent, spool_dir, n_planes, per_second = arguments
            figures = controller(agent, spool_dir, int(n_planes), int(per_second))
        case "camera":
            folder, seconds = arguments
            figures = camera(folder, float(seconds))
        case _:
            agent, acquisition, n_planes = arguments
            follow = latency if name == "latency" else subscriber
            figures = follow(agent, acquisition, int(n_planes))
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
