"""What no way of reading can beat: a copy in memory, and one out of the page cache."""

import os
from pathlib import Path

import numpy as np

from benchmarks.planes import rig


def floors(path: Path, nbytes: int) -> rig.Figures:
    """Return the milliseconds of a memcpy and of a read of the page cache, into warm memory."""
    source, target = np.ones(nbytes, np.uint8), np.ones(nbytes, np.uint8)
    copy, read = rig.Stopwatch(), rig.Stopwatch()
    with path.open("rb", buffering=0) as file:
        for n in range(20):
            copy.time(lambda: np.copyto(target, source))
            read.time(lambda n=n: os.preadv(file.fileno(), [target], 16 + n % 8 * nbytes))
    return {
        "floor_memcpy_ms": round(copy.median_ms, 3),
        "floor_page_cache_ms": round(read.median_ms, 3),
    }
