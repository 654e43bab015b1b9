"""Planes through the worker against tifffile in the own process, on the same file, in turns.

Ratios within one run: the machine's load falls on both sides alike.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from planecast_reader.client import ReaderClient
from planecast_reader.image import open_image

SIZE = 2048
PLANES = 12


def measure(*, quick: bool = False) -> dict[str, float]:
    """Return medians of ratios to in-process tifffile (handle open, file in page cache).

    A plane is 2048², uint16. `cold`: not in the plane cache; `cached`: asked for by message.
    """
    rounds = 3 if quick else 12
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="planecast-bench-") as folder:
        for compression in ("none", "zstd"):
            path = Path(folder) / f"{compression}.ome.tif"
            _write(path, compression)
            cold, cached, alone_ms = _compare(path, rounds)
            figures[f"cold_ratio_{compression}"] = round(statistics.median(cold), 3)
            figures[f"cached_ratio_{compression}"] = round(statistics.median(cached), 4)
            figures[f"in_process_ms_{compression}"] = round(statistics.median(alone_ms), 2)
    return figures


def _write(path: Path, compression: str) -> None:
    random = np.random.default_rng(0)
    stack = random.poisson(200, (PLANES, SIZE, SIZE)).astype(np.uint16)
    chosen = None if compression == "none" else compression
    tifffile.imwrite(path, stack, compression=chosen, metadata={"axes": "ZYX"}, ome=True)


def _compare(path: Path, rounds: int) -> tuple[list[float], list[float], list[float]]:
    cold: list[float] = []
    cached: list[float] = []
    alone_ms: list[float] = []
    with tifffile.TiffFile(path) as tiff:
        pages = [tiff.pages[z] for z in range(PLANES)]
        for _ in range(rounds):
            client = ReaderClient()  # a private worker, whose cache is empty
            with open_image(path, client) as image:
                image.read_plane(Z=0)
                for z in range(1, PLANES):
                    alone = _time(pages[z].asarray)
                    cold.append(_time(lambda z=z: image.read_plane(Z=z)) / alone)
                    cached.append(_time(lambda z=z: image.read_plane(Z=z)) / alone)
                    alone_ms.append(1000 * alone)
            client.close()
    return cold, cached, alone_ms


def _time(read: Callable[[], object]) -> float:
    started = time.perf_counter()
    kept = read()
    elapsed = time.perf_counter() - started
    del kept
    return elapsed
