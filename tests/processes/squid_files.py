"""How Squid saves, in each of its modes: the same files, in the same order of steps."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
import zarr
from adapter_rig import SIZE

Plane = npt.NDArray[np.uint16]
AXES_5D = ("t", "c", "z", "y", "x")
AXES_6D = ("fov", *AXES_5D)


def announced_path(experiment: Path, t: int, fov: str, z: int, channel: str) -> str:
    """Return the path by which Squid announces a plane, whether it writes it or not."""
    region, number = fov.split(":")
    name = f"{region}_{number}_{z}_{channel.replace(' ', '_')}.tiff"
    return str(experiment / str(t) / name)


def save_single(path: str, pixels: Plane) -> None:
    """Save one file a plane, whole at once."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    hidden = target.with_suffix(".tmp")
    tifffile.imwrite(hidden, pixels, photometric="minisblack")
    hidden.replace(target)


class OmeTiff:
    """One OME-TIFF a fov, preallocated with zeros and filled through a memory map."""

    def __init__(self, experiment: Path, n_t: int, n_z: int, channels: Sequence[str]) -> None:
        self._folder = experiment / "ome_tiff"
        self._shape = (n_t, n_z, len(channels), SIZE, SIZE)
        self._channels = list(channels)

    def save(self, fov: str, t: int, z: int, channel: int, pixels: Plane) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{fov.replace(':', '_')}.ome.tiff"
        if not path.exists():
            tifffile.imwrite(
                path,
                shape=self._shape,
                dtype=np.uint16,
                metadata={"axes": "TZCYX", "Channel": {"Name": self._channels}},
                ome=True,
            )
        stack = tifffile.memmap(path, dtype=np.uint16, mode="r+")
        stack.shape = self._shape
        stack[t, z, channel] = pixels
        stack.flush()


def append_page(path: str, fov: str, z: int, channel: str, pixels: Plane) -> None:
    """Append a plane to the multi-page file of its fov and time point."""
    folder = Path(path).parent
    folder.mkdir(parents=True, exist_ok=True)
    described = {"z_level": z, "channel": channel, "region_id": fov.partition(":")[0]}
    with tifffile.TiffWriter(folder / f"{fov.replace(':', '_')}_stack.tiff", append=True) as writer:
        writer.write(
            pixels,
            metadata=described,
            description=json.dumps(described),
            extratags=[(285, "s", 0, channel, False)],
        )


def create_store(
    path: Path, shape: tuple[int, ...], channels: Sequence[str], *, names: bool = True
) -> "zarr.Array[Any]":
    """Create a store as it is before the first plane: 5D below a group, 6D right there."""
    axes = AXES_6D if len(shape) == 6 else AXES_5D
    nested = len(shape) == 5
    array = zarr.create_array(
        str(path / "0" if nested else path),
        shape=shape,
        chunks=(*(1,) * (len(shape) - 2), *shape[-2:]),
        dtype="uint16",
        dimension_names=axes if names else None,
    )
    document = path / "zarr.json"
    found: dict[str, Any] = {"zarr_format": 3, "node_type": "group"}
    if not nested:
        found = json.loads(document.read_text())
    found["attributes"] = {
        "ome": {
            "version": "0.5",
            "multiscales": [
                {
                    "axes": [{"name": name} for name in axes],
                    "datasets": [{"path": "0" if nested else "."}],
                }
            ],
            "omero": {"channels": [{"label": name} for name in channels]},
        },
        "_squid": {"acquisition_complete": False},
    }
    document.write_text(json.dumps(found))
    return array
