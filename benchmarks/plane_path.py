"""Planes through the worker against the libraries in the own process, on the same files, in turns.

Every figure is a ratio or a difference within one run: the machine's load falls on both sides.
The in-process side keeps its handle open, and both keep their last plane, as a viewer would.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.planes import rig
from benchmarks.planes.clients import clients
from benchmarks.planes.files import write_stack
from benchmarks.planes.floors import floors
from benchmarks.planes.killed_reader import reader_kill, reader_kills_in_a_row
from benchmarks.planes.libraries import czi, lif, nd2
from benchmarks.planes.many_planes import playback, scrub, small_in_flight, stack
from benchmarks.planes.one_plane import SIZE, cold_and_cached, cold_ratio, sizes

PLANES = 200
"""Of the two stacks: as many as somebody scrubs over."""
QUICK_S = 34.0
"""No further part is begun after that."""
CZI_ZSTD = "zstd1:ExplicitLevel=1;PreProcess=HiLoByteUnpack"
TORTURE = Path(__file__).parents[1] / "tests" / "reader_worker" / "torture.py"

Part = tuple[str, Callable[[], rig.Figures]]


def measure(*, quick: bool = False) -> rig.Figures:
    """Return the figures by name. `quick` takes about 45 s: what takes longer is left out."""
    figures: rig.Figures = {}
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="planecast-bench-") as folder:
        os.environ["PLANECAST_RUNTIME_DIR"] = f"{folder}/run"  # no other worker is to be joined
        rig.progress("writing files")
        rig.warm_memory()
        raw = write_stack(Path(folder) / "raw.ome.tif", SIZE, PLANES)
        packed = write_stack(Path(folder) / "packed.ome.tif", SIZE, PLANES, "zstd")
        parts = _parts(raw, packed, rounds=1 if quick else 4)
        parts += [("torture", lambda: _torture(6 if quick else 60))]
        for what, part in parts:
            rig.progress(what)
            figures |= part()
        for what, part in _more_parts(Path(folder), raw, packed):
            if quick and time.monotonic() - started > QUICK_S:
                rig.progress(f"left out, for time: {what} and what follows")
                break
            rig.progress(what)
            figures |= part()
    return figures


def _parts(raw: Path, packed: Path, rounds: int) -> list[Part]:
    quick = rounds == 1
    packed_places = 24 if quick else 60

    def raw_plane() -> rig.Figures:
        return cold_and_cached(raw, "uncompressed", rounds, others=not quick)

    def packed_plane() -> rig.Figures:
        return cold_and_cached(packed, "compressed", rounds, packed_places, others=not quick)

    return [
        ("floors", lambda: floors(raw, SIZE * SIZE * 2)),
        ("one plane, uncompressed", raw_plane),
        ("one plane, zstd", packed_plane),
        ("playback", lambda: playback(raw)),
        ("a stack, zstd", lambda: stack(packed, rounds)),
        ("scrubbing", lambda: scrub(raw, PLANES)),
        ("a killed reader", lambda: reader_kill(raw)),
    ]


def _more_parts(folder: Path, raw: Path, packed: Path) -> list[Part]:
    def codec(name: str) -> rig.Figures:
        path = write_stack(folder / f"{name}.ome.tif", SIZE, 34, name)
        return {f"cold_ratio_{name}": cold_ratio(path, 16)}

    def small() -> rig.Figures:
        return small_in_flight(write_stack(folder / "small.ome.tif", 512, PLANES))

    return [
        ("4 clients", lambda: clients(raw, "uncompressed", (4,))),
        ("512² and 4096²", lambda: sizes(folder, {"uncompressed": None}, 8)),
        ("CZI", lambda: czi(folder, "uncompressed", "")),
        ("ND2", nd2),
        ("LIF", lif),
        ("small planes in flight", small),
        ("playback, zstd", lambda: playback(packed, "_compressed")),
        ("readers killed in a row", lambda: reader_kills_in_a_row(raw)),
        ("1 client", lambda: clients(raw, "uncompressed", (1,))),
        ("1 client, then 4, zstd", lambda: clients(packed, "compressed")),
        ("512² and 4096², zstd", lambda: sizes(folder, {"compressed": "zstd"}, 16)),
        ("zlib", lambda: codec("zlib")),
        ("LZW", lambda: codec("lzw")),
        (
            "CZI, zstd",
            lambda: czi(folder, "zstd", CZI_ZSTD),
        ),
    ]


def _torture(seconds: float) -> rig.Figures:
    """Run the torture test: its counts, of which `wrong` and `leaked` must be 0."""
    done = subprocess.run(
        [sys.executable, str(TORTURE), "--seconds", str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout)
    kills = {f"torture_kills_{whom}": count for whom, count in told["kills"].items()}
    counts = {
        f"torture_{name}": told[name]
        for name in ("wrong", "leaked", "planes", "rechecked", "errors", "clients", "versions")
    }
    return {**counts, **kills}
