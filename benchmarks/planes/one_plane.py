"""How long one plane takes: not cached, cached, and found without a message."""

from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.planes import rig
from benchmarks.planes.files import write_stack
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.client import ReaderClient

PLANES = 120
SIZE = 2048
CACHED = 20
"""Planes that are asked for again: no more than the cache holds."""
BLOCKS = 3

Requests = dict[int, ReadPixels]


def cold_and_cached(
    path: Path, name: str, rounds: int, places: int = PLANES // 2, *, others: bool = True
) -> rig.Figures:
    """Compare `places` planes in random order, so that nothing is read ahead.

    Through `rounds` workers, one after the other. A plane that is cached is the same whatever its
    file's compression: it is looked at once, uncompressed. `others`: new workers, too, and a
    library's side that keeps nothing; and the processor time of compressed planes.
    """
    with_cached = name == "uncompressed"
    order = np.random.default_rng(1).permutation(np.arange(1, PLANES, 2)).tolist()[:places]
    again = order[-CACHED:]
    requests = {z: rig.plane(path, z) for z in range(PLANES)}
    cold, cached, found = (rig.Turns(keep=rig.CACHE_PLANES) for _ in range(3))
    alone_keeps_none, new, later = (rig.Turns() for _ in range(3))
    with rig.in_process(path) as pages:

        def alone(z: int) -> rig.Plane:
            return pages[z].asarray()

        for _ in range(rounds):
            with rig.seasoned_worker(path) as client:
                cold.fill(range(1 + rig.CACHE_PLANES), alone)
                cold.compare(order, partial(_read, client, requests), alone)
                if with_cached:
                    cached.fill(range(1 + rig.CACHE_PLANES), alone)
                    found.fill(range(1 + rig.CACHE_PLANES), alone)
                    for _ in range(BLOCKS):
                        cached.compare_blocks(again, partial(_ask, client, requests), alone)
                        found.compare_blocks(again, partial(_found, client, requests), alone)
                    later.compare(again, partial(_ask, client, requests), alone)
            if not others:
                continue
            with rig.seasoned_worker(path) as client:
                alone_keeps_none.compare(again, partial(_read, client, requests), alone)
            with rig.private_worker() as client:
                rig.ask(client, requests[0])
                new.compare(again, partial(_read, client, requests), alone)
    figures = {
        f"cold_ratio_{name}": cold.ratio,
        f"in_process_ms_{name}": round(cold.alone.median_ms, 2),
    }
    if others or with_cached:
        client_ms, worker_ms, alone_ms = _cpu_ms(path, places)
        figures[f"cpu_ms_{name}_client"] = round(client_ms, 2)
        figures[f"cpu_ms_{name}_worker"] = round(worker_ms, 2)
        figures[f"cpu_ms_{name}_in_process"] = round(alone_ms, 2)
    if others:
        figures[f"cold_ratio_{name}_alone_keeps_none"] = alone_keeps_none.ratio
        figures[f"cold_ratio_{name}_new_worker"] = new.ratio
    if with_cached:
        figures["cached_ratio"] = cached.ratio_of_medians
        figures["cached_lookup_ratio"] = found.ratio_of_medians
        figures["cached_ratio_after_other_work"] = later.ratio
    return figures


def _read(client: ReaderClient, requests: Requests, z: int) -> rig.Plane:
    return rig.read(client, requests[z])


def _ask(client: ReaderClient, requests: Requests, z: int) -> rig.Plane:
    return rig.ask(client, requests[z])


def _found(client: ReaderClient, requests: Requests, z: int) -> rig.Plane:
    pixels = client.find(requests[z])
    assert pixels is not None
    return pixels


def _cpu_ms(path: Path, places: int) -> tuple[float, float, float]:
    """Return the processor time of a cold plane: of the client, the worker, and in process."""
    order = np.random.default_rng(4).permutation(np.arange(0, PLANES, 2)).tolist()[:places]
    with rig.in_process(path) as pages, rig.seasoned_worker(path) as client:
        rig.ask(client, rig.plane(path, 1))
        clock = rig.CpuClock()
        for z in order:
            rig.read(client, rig.plane(path, z))
        here, there = clock.spent_ms()
        clock, kept = rig.CpuClock(), rig.Stopwatch()
        for z in order:
            kept.time(pages[z].asarray)
        alone, _ = clock.spent_ms()
    return here / len(order), there / len(order), alone / len(order)


def sizes(folder: Path, compressions: dict[str, str | None], places: int) -> rig.Figures:
    """Compare cold planes of other sizes."""
    figures: rig.Figures = {}
    for size in (512, 4096):
        for name, compression in compressions.items():
            path = write_stack(folder / f"{size}-{name}.ome.tif", size, 2 * places + 2, compression)
            figures[f"cold_ratio_{size}_{name}"] = cold_ratio(path, places)
            path.unlink()
    return figures


def cold_ratio(path: Path, places: int) -> float:
    """Return the median ratio of cold planes of a stack of 2 × `places` + 2."""
    order = (2 * np.random.default_rng(5).permutation(places) + 2).tolist()
    turns = rig.Turns()
    with rig.in_process(path) as pages, rig.private_worker() as client:
        rig.ask(client, rig.plane(path, 0))
        turns.compare(
            order,
            lambda z: rig.read(client, rig.plane(path, z)),
            lambda z: pages[z].asarray(),
        )
    return turns.ratio
