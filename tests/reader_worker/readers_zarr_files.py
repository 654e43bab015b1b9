"""OME-Zarr that the tests write, in both versions of zarr."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr

UNITS = {"t": "second", "z": "micrometer", "y": "nanometer", "x": "micrometer"}
KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
SCALE = {"t": 30.0, "c": 1.0, "z": 1.5, "y": 650.0, "x": 0.65}


def noise(*shape: int, dtype: str = "uint16") -> np.ndarray:
    return np.random.default_rng(7).integers(1, 250, shape).astype(dtype)


def axes_of(names: str) -> list[dict[str, str]]:
    return [
        {"name": name, "type": KINDS[name]} | ({"unit": UNITS[name]} if name in UNITS else {})
        for name in names
    ]


def multiscales(names: str, paths: Sequence[str]) -> list[dict[str, Any]]:
    scale = [SCALE[name] for name in names]
    return [
        {
            "version": "0.4",
            "axes": axes_of(names),
            "datasets": [
                {
                    "path": path,
                    "coordinateTransformations": [{"type": "scale", "scale": scale}],
                }
                for path in paths
            ],
        }
    ]


def attributes_of(zarr_format: int, ome: dict[str, Any]) -> dict[str, Any]:
    """Return attributes where that version has them: OME-Zarr 0.5 is a step deeper."""
    return {"ome": {"version": "0.5"} | ome} if zarr_format == 3 else ome


def write_image(
    folder: Path,
    pixels: np.ndarray,
    names: str,
    zarr_format: int,
    *,
    n_levels: int = 1,
    omero: dict[str, Any] | None = None,
    more: dict[str, Any] | None = None,
    **options: Any,
) -> None:
    """Write an image; each level has every second pixel of the one before, in y and x."""
    group = zarr.open_group(folder, mode="w", zarr_format=zarr_format)
    chunks = options.pop("chunks", (1,) * (len(names) - 2) + (16, 16))
    for level in range(n_levels):
        step = 2**level
        group.create_array(str(level), data=pixels[..., ::step, ::step], chunks=chunks, **options)
    ome: dict[str, Any] = {
        "multiscales": multiscales(names, [str(level) for level in range(n_levels)])
    }
    if omero is not None:
        ome["omero"] = omero
    group.attrs.update(attributes_of(zarr_format, ome) | (more or {}))


def write_plate(folder: Path, fields: dict[str, np.ndarray], zarr_format: int) -> None:
    """Write a plate; `fields` has images (c, y, x) by row/column/field."""
    plate = zarr.open_group(folder, mode="w", zarr_format=zarr_format)
    wells = sorted({path.rpartition("/")[0] for path in fields})
    plate.attrs.update(
        attributes_of(
            zarr_format,
            {"plate": {"wells": [{"path": well} for well in wells], "rows": [], "columns": []}},
        )
    )
    for well in wells:
        paths = sorted(path.rpartition("/")[2] for path in fields if path.startswith(f"{well}/"))
        group = zarr.open_group(folder / well, mode="w", zarr_format=zarr_format)
        images = [{"path": path} for path in paths]
        group.attrs.update(attributes_of(zarr_format, {"well": {"images": images}}))
    for path, pixels in fields.items():
        write_image(folder / path, pixels, "cyx", zarr_format)


def remove_chunks(array_folder: Path, prefix: str) -> int:
    """Remove the files of chunks whose numbers begin with `prefix`; return how many."""
    n_removed = 0
    for path in sorted(array_folder.rglob("*")):
        key = path.relative_to(array_folder).as_posix().removeprefix("c/").replace("/", ".")
        if path.is_file() and key.startswith(prefix) and "zarr" not in key:
            path.unlink()
            n_removed += 1
    return n_removed
