"""Files for the tests of headless reading, and what they open them with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from readers_czi_files import put, writing
from worker_rig import Worker

from planecast_reader.client import ReaderClient
from planecast_reader.headless.image import Image, open_image

CHANNELS = ["DAPI", "GFP"]


@contextmanager
def client_of(worker: Worker) -> Iterator[ReaderClient]:
    client = ReaderClient(worker.address)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def opened(worker: Worker, path: Path) -> Iterator[Image]:
    with client_of(worker) as client, open_image(path, client) as image:
        yield image


def hyperstack(*shape: int, seed: int = 3) -> np.ndarray:
    """Random pixels, (…, y, x), none of them 0."""
    return np.random.default_rng(seed).integers(1, 4000, shape).astype(np.uint16)


def write_ome(path: Path, pixels: np.ndarray, axes: str, **metadata: Any) -> np.ndarray:
    """Write an OME-TIFF, 0.5 µm a pixel and 2 µm a plane; return its pixels."""
    known: dict[str, Any] = {"axes": axes}
    for axis, um in {"X": 0.5, "Y": 0.5, "Z": 2.0}.items():
        known[f"PhysicalSize{axis}"] = um
        known[f"PhysicalSize{axis}Unit"] = "µm"
    if "C" in axes:
        known["Channel"] = {"Name": CHANNELS[: pixels.shape[axes.index("C")]]}
    tifffile.imwrite(path, pixels, metadata={**known, **metadata}, ome=True)
    return pixels


def write_gaps(path: Path, stack: np.ndarray, missing: set[int]) -> None:
    """Write a CZI of one channel, (z, y, x), without the planes `missing`."""
    with writing(path) as document:
        for z, plane in enumerate(stack):
            if z not in missing:
                put(document, plane, {"C": 0, "T": 0, "Z": z})
