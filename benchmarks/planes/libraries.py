"""Other formats against their libraries in this process: pylibCZIrw, nd2, liffile."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.planes import rig
from benchmarks.planes.files import picture

CZI_SIZE = 2048
CZI_PLANES = 12
READS = 24


def czi(folder: Path, name: str, options: str) -> rig.Figures:
    """Compare cold planes of a CZI that pylibCZIrw wrote."""
    from pylibCZIrw import czi as pylibczi

    path = folder / f"{name}.czi"
    base = picture(CZI_SIZE)
    with pylibczi.create_czi(str(path), compression_options=options) as writer:
        for z in range(CZI_PLANES):
            writer.write(np.roll(base, z, axis=1)[..., None], plane={"C": 0, "T": 0, "Z": z})
    with pylibczi.open_czi(str(path)) as document:
        places = [{"Z": z} for z in range(CZI_PLANES)]
        figure = _cold(path, 0, places, lambda at: document.read(plane={"C": 0, "T": 0, **at}))
    path.unlink()
    return {f"czi_{name}_cold_ratio": figure}


def nd2() -> rig.Figures:
    """Compare cold planes, 512 × 512, of an ND2 from a microscope, if it is there."""
    import nd2

    path = _data_folder() / "nd2" / "di4anepps_microtubules_001_3ch_512.nd2"
    if not path.is_file():
        return {}
    with nd2.ND2File(path) as file:
        places = [{"C": c} for c in range(3)]
        figure = _cold(path, 0, places, lambda at: np.array(file.read_frame(0)[at["C"]]))
    return {"nd2_512_cold_ratio": figure}


def lif() -> rig.Figures:
    """Compare cold planes, 512 × 512, of a LIF from a microscope, if it is there."""
    import liffile

    path = _data_folder() / "lif" / "leica_xz_scan_2ch.lif"
    if not path.is_file():
        return {}
    with liffile.LifFile(path) as file:
        image = file.images[2]
        places = [{"C": c} for c in range(2)]
        figure = _cold(path, 2, places, lambda at: image.frame(**at))
    return {"lif_512_cold_ratio": figure}


def _data_folder() -> Path:
    default = Path(__file__).parents[3] / "shared" / "data"
    return Path(os.environ.get("PLANECAST_TEST_DATA", default))


def _cold(
    path: Path, scene: int, places: list[dict[str, int]], alone: Callable[[dict[str, int]], object]
) -> float:
    """Return the median ratio of reads that each ask for a revision that is not cached."""

    def ours(n: int) -> rig.Plane:
        request = rig.plane(path, 0, scene=scene, revision=n)
        index = places[n % len(places)]
        return rig.read(client, msgspec.structs.replace(request, index=index))

    with rig.private_worker() as client:
        ours(READS)
        turns = rig.Turns()
        turns.compare(range(READS), ours, lambda n: alone(places[n % len(places)]))
    return turns.ratio
