"""Tiles and planetables of real CZI files, read by four client processes at once.

Each answer is compared with what aicspylibczi says in a process of its own.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

DATA = Path(os.environ.get("PLANECAST_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
CLIENTS = 4
READER_RIG = Path(__file__).parents[1] / "reader_worker"

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="uses a Unix socket"),
    pytest.mark.skipif(
        importlib.util.find_spec("aicspylibczi") is None, reason="aicspylibczi is not installed"
    ),
    pytest.mark.skipif(not (DATA / "czi").is_dir(), reason=f"no test data in {DATA}/czi"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]

TRUTH = """
import hashlib, itertools, json, sys
import numpy as np
from aicspylibczi import CziFile

def subblocks(czi):
    rows = []
    for where, _xml in czi.read_subblock_metadata():
        where = dict(where)
        rows.append([where.get(axis, 0) for axis in "SMTCZ"])
    return sorted(rows)

facts = {}
for path in sys.argv[1:]:
    czi = CziFile(path)
    rows = subblocks(czi)
    tiles = {}
    if czi.is_mosaic():
        axes = [axis for axis in czi.dims if axis in "STCZ"]
        lows = {a: czi.get_dims_shape()[0][a][0] for a in czi.dims if a not in "YXAMSTCZ"}
        for s, m, t, c, z in rows:
            where = {a: v for a, v in zip("STCZ", (s, t, c, z)) if a in axes}
            pixels = np.ascontiguousarray(np.squeeze(czi.read_image(M=m, **where, **lows)[0]))
            digest = hashlib.sha256(pixels.tobytes()).hexdigest()
            tiles[json.dumps([s, m, t, c, z])] = digest
    facts[path] = [rows, tiles]
json.dump(facts, sys.stdout)
"""

CLIENT = """
import hashlib, json, random, sys
from planecast_reader.client import ReaderClient
from planecast_reader.headless.image import open_image

address, truth_path, seed = sys.argv[1:]
truth = json.load(open(truth_path))
client = ReaderClient(address)
work = []
for path, (rows, tiles) in truth.items():
    work += [(path, None)] * 10
    work += [(path, place) for place in tiles]
random.Random(int(seed)).shuffle(work)
images = {path: open_image(path, client) for path in truth}
wrong = []
for path, place in work:
    image = images[path]
    if place is None:
        table = image.planetable_columns()
        # aicspylibczi leaves out what a file does not have; our tables say None.
        rows = sorted([n or 0 for n in row] for row in zip(*(table[a] for a in "SMTCZ")))
        if rows != truth[path][0]:
            wrong.append([path, "planetable"])
        continue
    s, m, t, c, z = json.loads(place)
    pixels = image.read_tile(scene=s, tile=m, T=t, C=c, Z=z)
    if hashlib.sha256(pixels.tobytes()).hexdigest() != truth[path][1][place]:
        wrong.append([path, place])
client.close()
print(json.dumps({"reads": len(work), "wrong": wrong}))
"""


@pytest.mark.parametrize("reader", ["pylibCZIrw", "aicspylibczi"])
def test_four_clients_get_what_aicspylibczi_gets(
    monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    monkeypatch.setenv("PLANECAST_READER_CZI", reader)
    monkeypatch.syspath_prepend(str(READER_RIG))
    from worker_rig import running_worker

    files = [str(path) for path in sorted((DATA / "czi").glob("*.czi"))]
    truth = subprocess.run(
        [sys.executable, "-c", TRUTH, *files], capture_output=True, text=True, check=True
    ).stdout
    with running_worker() as worker, tempfile.NamedTemporaryFile("w", suffix=".json") as facts:
        facts.write(truth)
        facts.flush()
        clients = [
            subprocess.Popen(
                [sys.executable, "-c", CLIENT, worker.address, facts.name, str(seed)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for seed in range(CLIENTS)
        ]
        results = [json.loads(client.communicate()[0]) for client in clients]
    assert [result["wrong"] for result in results] == [[]] * CLIENTS
    known = json.loads(truth)
    tiles = sum(len(tiles) for _rows, tiles in known.values())
    assert tiles > 300
    assert [result["reads"] for result in results] == [10 * len(files) + tiles] * CLIENTS
