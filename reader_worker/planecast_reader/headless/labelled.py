"""Labelled lazy arrays. Imports xarray, which takes seconds: import this late."""

from typing import Any

import numpy as np
import xarray as xr

from planecast_protocol.images import ImageInfo
from planecast_protocol.metadata import ImageMetadata
from planecast_reader.headless.lazy import Chunks, to_dask
from planecast_reader.headless.selection import CHANNEL_AXES, TIME_AXES, scene_of

UNITS = {"X": "um", "Y": "um", "Z": "um", "z": "um", "T": "s", "time": "s"}


def to_xarray(
    info: ImageInfo,
    metadata: ImageMetadata,
    scene: int,
    chunks: Chunks = "plane",
    worker: str | None = None,
) -> xr.DataArray:
    """Return the scene with names of channels, and coordinates in µm and s.

    An axis whose calibration the file doesn't say has no coordinate.
    """
    facts = scene_of(info, scene)
    coords: dict[str, Any] = {}
    for axis, length in facts.sizes.items():
        values = _coordinate(info, metadata, scene, axis, length)
        if values is not None:
            unit = UNITS.get(axis)
            coords[axis] = (axis, values, {"units": unit} if unit else {})
    return xr.DataArray(
        to_dask(info, scene, chunks, worker),
        dims=tuple(facts.sizes),
        coords=coords,
        name=facts.name,
        attrs=_attributes(info, metadata, scene),
    )


def _coordinate(
    info: ImageInfo, metadata: ImageMetadata, scene: int, axis: str, length: int
) -> Any:
    facts = scene_of(info, scene)
    if axis in CHANNEL_AXES:
        return [channel.name for channel in facts.channels] or None
    if axis in TIME_AXES:
        return _times_s(metadata, scene, length)
    step_um = facts.pixel_size_um.get(axis.lower())
    return None if step_um is None else np.arange(length) * step_um


def _times_s(metadata: ImageMetadata, scene: int, length: int) -> Any:
    if scene >= len(metadata.scenes):
        return None
    facts = metadata.scenes[scene]
    if len(facts.timestamps_s) == length:
        return np.asarray(facts.timestamps_s, np.float64)
    if facts.time_interval_s:
        return np.arange(length) * facts.time_interval_s
    return None


def _attributes(info: ImageInfo, metadata: ImageMetadata, scene: int) -> dict[str, Any]:
    """Return plain values only, so that the array can be stored as netCDF or Zarr."""
    plain = metadata.as_dict()
    facts = plain["scenes"][scene] if scene < len(plain["scenes"]) else {}
    return {
        "path": info.path,
        "format": info.format,
        "scene": scene,
        "pixel_size_um": scene_of(info, scene).pixel_size_um,
        "channels": facts.get("channels", []),
        "objective": plain["objective"],
        "acquisition_date": plain["acquisition_date"],
        "microscope": plain["microscope"],
    }
