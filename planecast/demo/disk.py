"""How controllers write their files: late, in pieces, sometimes under another name first."""

import io
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
import tifffile

PIECES = 6
PAUSE_S = 0.004
"""Between two pieces. Readers that look in between see half a file."""


def tiff_bytes(plane: npt.NDArray[Any]) -> bytes:
    """Return a plane (y, x) as the bytes of an uncompressed TIFF file."""
    file = io.BytesIO()
    tifffile.imwrite(file, plane, photometric="minisblack", metadata=None)
    return file.getvalue()


def write_in_pieces(path: Path, data: bytes) -> None:
    """Write under the final name from the start, with pauses."""
    step = -(-len(data) // PIECES)
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(data), step):
            if start:
                time.sleep(PAUSE_S)
            file.write(data[start : start + step])


def write_by_rename(path: Path, data: bytes) -> None:
    """Write under a hidden name, then rename: the file appears whole."""
    hidden = path.with_name(f".{path.name}.part")
    hidden.write_bytes(data)
    hidden.replace(path)


def write_parameters(folder: Path, parameters: Mapping[str, object]) -> None:
    """Write the settings of the acquisition beside its files."""
    text = json.dumps(parameters, indent=1)
    (folder / "acquisition parameters.json").write_text(text, encoding="utf-8")


def write_coordinates(folder: Path, rows: list[tuple[str, int, int, float, float, float]]) -> None:
    """Write where the stage was: region, fov in it, z, x in mm, y in mm, z in µm."""
    lines = ["region,fov,z_level,x (mm),y (mm),z (um)"]
    lines += [",".join(str(value) for value in row) for row in rows]
    (folder / "coordinates.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
