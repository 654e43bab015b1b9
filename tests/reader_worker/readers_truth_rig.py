"""What the tests of vendors' formats share: the truth of references, and reads at random."""

import hashlib
import itertools
import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from readers_contract import check_metadata, data_folder
from worker_rig import TIMEOUT_S, plane_request, running_worker

from planecast_protocol.images import SceneInfo
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.reader import PlaneReader, allocate_in_memory
from planecast_reader.readers import open_reader

N_CLIENTS = 4
N_READS = 2000
"""Of all clients together."""


def truth_of(kind: str) -> list[Any]:
    """Return the entries of a kind such as `nd2/`, as parameters of a test."""
    path = data_folder() / "truth.json"
    entries = json.loads(path.read_text())["entries"] if path.is_file() else []
    return [
        pytest.param(entry, id=entry["file"]) for entry in entries if entry["file"].startswith(kind)
    ]


def check_truth(folder: Path, entry: dict[str, Any]) -> None:
    """Compare names, sizes, calibration, channels and pixels with an entry."""
    reader = open_reader(folder / entry["file"])
    try:
        info = reader.describe()
        check_metadata_of(reader)
        assert len(info.scenes) == len(entry["scenes"])
        for number, expected in enumerate(entry["scenes"]):
            check_scene(info.scenes[number], expected)
            for plane in expected["planes"]:
                index = ordinals(plane["index"], expected.get("axis_values", {}))
                pixels = reader.read_plane(number, index, None, allocate_in_memory)
                assert pixels.dtype == np.dtype(plane["dtype"])
                assert list(pixels.shape) == plane["shape"]
                assert hashlib.sha256(pixels.tobytes()).hexdigest() == plane["sha256"]
    finally:
        reader.close()


def check_scene(scene: SceneInfo, expected: dict[str, Any]) -> None:
    assert scene.name == expected["name"]
    assert list(scene.sizes.items()) == list(expected["dims"].items())
    assert np.dtype(scene.dtype) == np.dtype(expected["dtype"])
    for axis in "xyz":
        size = expected["pixel_size_um"].get(axis)
        assert scene.pixel_size_um[axis] == (None if size is None else pytest.approx(size))
    if "channels" in expected:
        assert [channel.name for channel in scene.channels] == expected["channels"]


def check_metadata_of(reader: PlaneReader) -> None:
    check_metadata(reader.read_metadata(), reader.describe())


def ordinals(index: dict[str, Any], values: dict[str, list[Any]]) -> dict[str, int]:
    """Turn values on axes into their places."""
    return {axis: values[axis].index(one) if axis in values else one for axis, one in index.items()}


def all_planes(reader: PlaneReader) -> Iterator[tuple[int, dict[str, int]]]:
    """Yield scene and index of every plane, also of those that are missing."""
    for number, scene in enumerate(reader.describe().scenes):
        n_pixel_axes = 3 if list(scene.sizes)[-1] == "S" else 2
        axes = list(scene.sizes)[:-n_pixel_axes]
        for values in itertools.product(*(range(scene.sizes[axis]) for axis in axes)):
            yield number, dict(zip(axes, values, strict=True))


def read_in_order(path: Path) -> list[tuple[Path, int, dict[str, int], str]]:
    """Return path, scene, index and checksum of each plane."""
    reader = open_reader(path)
    try:
        return [
            (
                path,
                scene,
                index,
                checksum(reader.read_plane(scene, index, None, allocate_in_memory)),
            )
            for scene, index in all_planes(reader)
        ]
    finally:
        reader.close()


def checksum(pixels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def check_random_reads(paths: list[Path]) -> None:
    """Read planes of the files in any order by several clients at once, all checksums right."""
    planes = [plane for path in paths for plane in read_in_order(path)]
    wrong: list[object] = []
    done: list[int] = []

    def read_some(address: str, seed: int) -> None:
        client = ReaderClient(address)
        chosen = random.Random(seed).choices(planes, k=N_READS // N_CLIENTS)
        for path, scene, index, expected in chosen:
            request = plane_request(path, scene=scene, index=index)
            answer = client.request(request, TIMEOUT_S)
            if not isinstance(answer, PixelAnswer) or checksum(answer.pixels) != expected:
                wrong.append((path, scene, index, answer))
        done.append(len(chosen))
        client.close()

    # A small cache: most planes are read more than once.
    with running_worker("--cache-mib", "32") as worker:
        threads = [
            threading.Thread(target=read_some, args=(worker.address, seed))
            for seed in range(N_CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert sum(done) == N_READS
