"""What a TIFF says of pixel sizes, channels and the acquisition, whichever way it says it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import tifffile

from planecast_protocol.images import ChannelInfo
from planecast_reader.readers.tiff.lsm import lsm_channels
from planecast_reader.readers.tiff.ome import OmeDocument, OmeImage
from planecast_reader.readers.tiff.stk import stk_channels
from planecast_reader.readers.tiff.units import to_um

_RESOLUTION_UM = {3: 1e4, 4: 1e3, 5: 1.0}
"""Centimetre, and tifffile's millimetre and micrometre. Inches are dots on paper, not pixels."""
_PRINTERS_DPI = (72, 75, 90, 96, 100, 150, 180, 200, 300, 600, 1200)
"""Resolutions that picture software writes, in whatever unit, when it knows none."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Pixel sizes and channels of one scene."""

    pixel_size_um: dict[str, float | None] = field(
        default_factory=lambda: {"x": None, "y": None, "z": None}
    )
    channels: list[ChannelInfo] = field(default_factory=list)
    """A name is empty where the file gives none."""
    name: str | None = None


def calibrate(
    tiff: tifffile.TiffFile, series: tifffile.TiffPageSeries, image: OmeImage | None
) -> Calibration:
    """Return what the file says of `series`; `image` is its element of OME-XML, if any."""
    if image is not None:
        return Calibration(image.pixel_size_um, image.channels, image.name)
    if series.kind == "lsm":
        return _of_lsm(tiff.lsm_metadata or {})
    if series.kind == "stk":
        return _of_stk(tiff.stk_metadata or {})
    if series.kind == "mmstack":
        return _of_micromanager((tiff.micromanager_metadata or {}).get("Summary") or {})
    return _of_tags(series.keyframe, tiff.imagej_metadata)


def channel_infos(channels: Sequence[ChannelInfo], n_channels: int) -> list[ChannelInfo]:
    """Return one `ChannelInfo` for each of `n_channels`, all with names."""
    known = [*channels, *[ChannelInfo(name="")] * (n_channels - len(channels))]
    return [
        channel if channel.name else msgspec.structs.replace(channel, name=f"Channel {number}")
        for number, channel in enumerate(known[:n_channels])
    ]


def match_images(
    series: Sequence[tifffile.TiffPageSeries], document: OmeDocument | None
) -> list[OmeImage | None]:
    """Return the element of OME-XML of each series.

    tifffile leaves out images whose planes are all missing, so names decide where counts differ.
    """
    if document is None:
        return [None] * len(series)
    left = list(document.images)
    if len(left) == len(series):
        return list(left)
    found: list[OmeImage | None] = []
    for one in series:
        image = next((image for image in left if (image.name or "") == one.name), None)
        if image is not None:
            left.remove(image)
        found.append(image)
    return found


def _positive(value: Any, scale: float = 1.0) -> float | None:
    """Return a size in µm, `None` where it is no number or nowhere near a pixel's size."""
    try:
        size = float(value) * scale
    except (TypeError, ValueError):
        return None
    return size if 1e-6 < size < 1e6 else None


def _of_lsm(metadata: dict[str, Any]) -> Calibration:
    return Calibration(
        {axis: _positive(metadata.get(f"VoxelSize{axis.upper()}"), 1e6) for axis in "xyz"},
        lsm_channels(metadata),
    )


def _of_stk(metadata: dict[str, Any]) -> Calibration:
    unit = str(metadata.get("CalibrationUnits") or "")
    distances = metadata.get("ZDistance")
    z = _positive(distances[0]) if distances is not None and len(distances) else None
    calibrated = bool(metadata.get("SpatialCalibration"))
    return Calibration(
        {
            "x": to_um(_positive(metadata.get("XCalibration")), unit) if calibrated else None,
            "y": to_um(_positive(metadata.get("YCalibration")), unit) if calibrated else None,
            "z": z,
        },
        stk_channels(metadata),
    )


def _of_micromanager(summary: dict[str, Any]) -> Calibration:
    pixel = _positive(summary.get("PixelSize_um"))
    names = summary.get("ChNames") or []
    return Calibration(
        {"x": pixel, "y": pixel, "z": _positive(summary.get("z-step_um"))},
        [ChannelInfo(name=str(name)) for name in names],
    )


def _of_tags(page: tifffile.TiffPage, imagej: dict[str, Any] | None) -> Calibration:
    sizes: dict[str, float | None] = {"x": None, "y": None, "z": None}
    unit = str((imagej or {}).get("unit") or "")
    code = page.tags.valueof("ResolutionUnit")
    for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
        resolution = page.tags.valueof(tag)
        if not (isinstance(resolution, tuple) and len(resolution) == 2 and all(resolution)):
            continue
        length = resolution[1] / resolution[0]
        if imagej is not None:
            sizes[axis] = to_um(length, unit)
        elif code in _RESOLUTION_UM:
            size = _positive(length, _RESOLUTION_UM[code])
            sizes[axis] = None if size is None or _is_for_paper(size) else size
    if imagej is not None:
        sizes["z"] = to_um(_positive(imagej.get("spacing")), unit)
    return Calibration(sizes)


def _is_for_paper(size_um: float) -> bool:
    return any(abs(25400 / size_um - dpi) < 0.05 for dpi in _PRINTERS_DPI)
