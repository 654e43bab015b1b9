"""One process that reads planes, told to begin by a line: PATH ADDRESS SEED.

Without an address it reads the file itself. Says `0` when it is ready, then how many
milliseconds it took.
"""

import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.planes import rig
from benchmarks.planes.clients import PLANES
from planecast_reader.client import ReaderClient


def main(path: Path, address: str, seed: int) -> None:
    """Read all planes once."""
    order = np.random.default_rng(seed).permutation(PLANES).tolist()
    shown = rig.Stopwatch()
    if not address:
        with rig.in_process(path) as pages:
            started = _begin()
            for z in order:
                shown.time(pages[z].asarray)
    else:
        client = ReaderClient(address)
        while any(reader.state == "starting" for reader in rig.status(client).readers):
            time.sleep(0.05)
        rig.ask(client, rig.plane(path, PLANES))
        started = _begin()
        for z in order:
            shown.time(lambda z=z: rig.read(client, rig.plane(path, z)))
    print(1000 * (time.perf_counter() - started), flush=True)
    if address:
        client.close()


def _begin() -> float:
    print(0, flush=True)
    sys.stdin.readline()
    return time.perf_counter()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
