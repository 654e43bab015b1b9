"""The case that began it all: aicspylibczi at work while a Qt viewer shows an acquisition.

In one process the two crash. Here the tiles come through the worker, 2,000 of them, each
compared with what the library returns in a process of its own, and the viewer never notices.
"""

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from demo_rig import running_demo

from planecast_reader.client import ReaderClient
from planecast_reader.headless.image import Image, open_image

READS = 2000
DATA = Path(os.environ.get("PLANECAST_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")

pytest.importorskip("aicspylibczi", reason="aicspylibczi is not installed")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="uses Xvfb"),
    pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed"),
    pytest.mark.skipif(not (DATA / "czi").is_dir(), reason=f"no test data in {DATA}/czi"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]

TRUTH = """
import hashlib, itertools, json, sys
import numpy as np
from aicspylibczi import CziFile

tiles, rows = {}, {}
for path in sys.argv[1:]:
    czi = CziFile(path)
    if not czi.is_mosaic():
        continue
    rows[path] = len(czi.read_subblock_metadata())
    first = czi.get_dims_shape()[0]
    axes = [a for a in czi.dims if a not in "YXAM"]
    starts = {a: first[a][0] for a in axes}
    for shape in czi.get_dims_shape():
        for s in range(*shape.get("S", (0, 1))):
            for m in range(*shape["M"]):
                where = dict(starts, M=m, **({"S": s} if "S" in axes else {}))
                pixels = np.ascontiguousarray(np.squeeze(czi.read_image(**where)[0]))
                digest = hashlib.sha256(pixels.tobytes()).hexdigest()
                tiles[json.dumps([path, s, m])] = digest
json.dump([tiles, rows], sys.stdout)
"""


def test_tiles_and_planetables_are_right_while_the_viewer_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # By itself the worker reads uncompressed tiles faster than the library does, without it.
    monkeypatch.setenv("PLANECAST_READER_CZI", "aicspylibczi")
    files = [str(path) for path in sorted((DATA / "czi").glob("*.czi"))]
    truth = subprocess.run(
        [sys.executable, "-c", TRUTH, *files], capture_output=True, text=True, check=True
    )
    tiles, rows = json.loads(truth.stdout)
    assert len(tiles) >= 4
    assert len({json.loads(place)[0] for place in tiles}) >= 2
    with running_demo(planes=400) as demo:
        client = ReaderClient(f"unix://{demo.folder}/worker")
        try:
            images = {path: open_image(path, client) for path in rows}
            wrong = read_all(images, tiles, rows)
            assert aics_is_at_work(demo.pid("worker"))
        finally:
            client.close()
        report = demo.report()
    assert wrong == []
    assert (report["lost"], report["wrong"], report["problems"]) == (0, 0, [])
    assert report["restarts"]["viewer"] == 0
    assert report["restarts"]["worker"] == 0


def aics_is_at_work(worker: int) -> bool:
    """Whether a reader process of the worker has the native library mapped."""
    readers = psutil.Process(worker).children()
    return any("aicspylibczi" in Path(f"/proc/{r.pid}/maps").read_text() for r in readers)


def read_all(images: dict[str, Image], tiles: dict[str, str], rows: dict[str, int]) -> list[Any]:
    """Read tiles and planetables in turn; return those that differ from the truth."""
    wrong: list[Any] = []
    for n, (place, digest) in zip(range(READS), itertools.cycle(tiles.items()), strict=False):
        path, scene, tile = json.loads(place)
        pixels = images[path].read_tile(scene=scene, tile=tile)
        if hashlib.sha256(pixels.tobytes()).hexdigest() != digest:
            wrong.append((path, scene, tile))
        if n % 20 == 0:
            for image_path, count in rows.items():
                if len(images[image_path].planetable()) != count:
                    wrong.append((image_path, "planetable"))
    return wrong
