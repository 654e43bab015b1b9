"""Many planes: stepping through a stack, reading one, scrubbing, small planes in flight."""

import statistics
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks.planes import rig
from planecast_protocol.errors import CancelledError
from planecast_reader.client import ReaderClient
from planecast_reader.headless.image import open_image

STEP_S = 0.1
SCRUB_S = 2.0
STACK = 100


def playback(path: Path, name: str = "", steps: int = 25) -> rig.Figures:
    """Step through z at 10 planes a second, as a viewer: how long each plane is waited for."""
    ratios: list[float] = []
    alone = rig.Stopwatch()
    shown = rig.Stopwatch()
    with rig.in_process(path) as pages, rig.private_worker() as client:
        rig.ask(client, rig.plane(path, 150))
        due = time.perf_counter()
        for z in range(steps):
            request = rig.plane(path, z, priority="screen", view=1, turn=z + 1)
            waited = shown.time(lambda request=request: rig.read(client, request))
            ratios.append(waited / alone.time(pages[z].asarray))
            due += STEP_S
            time.sleep(max(0.0, due - time.perf_counter()))
    # The direction of travel shows at the third plane.
    return {f"playback_ratio{name}": round(statistics.median(ratios[2:]), 4)}


def stack(path: Path, rounds: int) -> rig.Figures:
    """Read 100 compressed planes of a stack one after the other, with two reader processes."""
    here, there = rig.Stopwatch(), rig.Stopwatch()
    with rig.in_process(path) as pages:
        for turn in range(rounds):
            if turn % 2:
                _time_stack(path, here)
            there.time(lambda: _last(pages[z].asarray() for z in range(STACK)))
            if not turn % 2:
                _time_stack(path, here)
    ratios = [alone / ours for alone, ours in zip(there.ms, here.ms, strict=True)]
    return {
        "stack_ratio_compressed_2_readers": round(statistics.median(ratios), 3),
        "stack_planes_per_s_compressed": round(1000 * STACK / here.median_ms, 1),
    }


def _time_stack(path: Path, watch: rig.Stopwatch) -> None:
    """Time the stack through a new worker, which has the file open, as the other side has."""
    with rig.private_worker() as client, open_image(path, client) as image:
        rig.ask(client, rig.plane(path, STACK))
        watch.time(lambda: _last(image.iter_planes(Z=slice(0, STACK))[0]))


def _last(planes: Iterable[rig.Plane]) -> rig.Plane:
    """Take all planes, one after the other; return the last."""
    return deque(planes, maxlen=1)[0]


def small_in_flight(path: Path, in_flight: int = 8, planes: int = 160) -> rig.Figures:
    """Read small planes with some in flight, against one after the other in this process."""
    ratios: list[float] = []
    with rig.in_process(path) as pages, rig.private_worker() as client:
        rig.ask(client, rig.plane(path, planes))
        for first in range(0, planes, planes // 4):
            places = range(first, first + planes // 4)
            alone, ours = rig.Stopwatch(), rig.Stopwatch()
            alone.time(lambda places=places: _last(pages[z].asarray() for z in places))
            ours.time(lambda places=places: _read_many(client, path, places, in_flight))
            ratios.append(ours.ms[0] / alone.ms[0])
    return {"small_planes_8_in_flight_ratio": round(statistics.median(ratios), 3)}


def _read_many(client: ReaderClient, path: Path, places: range, in_flight: int) -> rig.Plane:
    waiting: deque[rig.Waiting] = deque()
    for z in places:
        if len(waiting) >= in_flight:
            waiting.popleft().pixels()
        waiting.append(rig.Waiting(client, rig.plane(path, z, keep=False)))
    return [one.pixels() for one in waiting][-1]


def scrub(path: Path, planes: int, rounds: int = 3) -> rig.Figures:
    """Drag a slider over all planes in 2 s: how late the last is, and how many others were read.

    The wait for the last plane is compared with reading planes in this process at the same pace:
    after a pause a processor's caches are no longer one's own.
    """
    ratios: list[float] = []
    started: list[int] = []
    withdrawn: list[int] = []
    with rig.in_process(path) as pages, rig.seasoned_worker(path) as client:
        for seed in range(rounds):
            places = np.random.default_rng(seed).permutation(planes).tolist()
            reads_before = rig.wait_idle(client).reads
            asked = _drag(client, path, places, revision=rig.SEASONING + 1 + seed)
            started.append(rig.wait_idle(client).reads - reads_before - 1)
            alone = rig.Stopwatch(keep=rig.CACHE_PLANES)
            alone.keep(pages[z].asarray() for z in range(1 + rig.CACHE_PLANES))
            for z in places[-20:]:
                time.sleep(SCRUB_S / planes)
                alone.time(pages[z].asarray)
            ratios.append(asked[-1].took_ms / alone.median_ms)
            withdrawn.append(sum(isinstance(one.answer, CancelledError) for one in asked))
    return {
        "scrub_last_plane_ratio": round(statistics.median(ratios), 2),
        "scrub_started": statistics.median(started),
        "scrub_withdrawn": statistics.median(withdrawn),
    }


def _drag(client: ReaderClient, path: Path, places: list[int], revision: int) -> list[rig.Waiting]:
    """Ask for a plane after the other as a viewer does, and wait for the last.

    No plane of this `revision` was read before.
    """
    asked: list[rig.Waiting] = []
    due = time.perf_counter()
    for turn, z in enumerate(places):
        request = rig.plane(
            path, z, priority="screen", view=revision, turn=turn + 1, revision=revision
        )
        if asked:
            asked[-1].let_go()
        asked.append(rig.Waiting(client, request))
        due += SCRUB_S / len(places)
        if z != places[-1]:
            time.sleep(max(0.0, due - time.perf_counter()))
    asked[-1].pixels()
    return asked
