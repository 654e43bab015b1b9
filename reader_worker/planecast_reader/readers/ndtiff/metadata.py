"""What the TIFF files of an NDTiff folder say besides pixels, JSON throughout."""

import json
import struct
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any

from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_protocol.metadata import (
    ImageMetadata,
    Objective,
    SceneMetadata,
    StagePosition,
    scene_metadata,
)
from planecast_reader.readers.ndtiff.index import Entry
from planecast_reader.readers.objectives import objective_of_name
from planecast_reader.readers.plain import plain_value

_HEADER = struct.Struct("<2sHIIIIII")
_NDTIFF = 483729
_SUMMARY = 2355492
_MAX_BYTES = 16 << 20


def read_summary(folder: Path, entry: Entry) -> dict[str, Any]:
    """Return the summary metadata in front of the first plane of a file; none if it is damaged."""
    data = _read(folder / entry.file, 0, _HEADER.size)
    if len(data) < _HEADER.size:
        return {}
    _, _, _, magic, _, _, summary, n_bytes = _HEADER.unpack(data)
    if magic != _NDTIFF or summary != _SUMMARY or n_bytes > _MAX_BYTES:
        return {}
    return _parse(_read(folder / entry.file, _HEADER.size, n_bytes))


def read_plane_metadata(folder: Path, entry: Entry) -> dict[str, Any]:
    """Return the metadata of one plane; none if it is damaged."""
    if entry.metadata_bytes > _MAX_BYTES:
        return {}
    return _parse(_read(folder / entry.file, entry.metadata_offset, entry.metadata_bytes))


def image_metadata(
    info: ImageInfo, summary: dict[str, Any], scenes: list[SceneMetadata], first: dict[str, Any]
) -> ImageMetadata:
    """Return the metadata of the folder that `info` describes."""
    return ImageMetadata(
        acquisition_date=_date(summary.get("DateAndTime") or first.get("Time")),
        software="Micro-Manager" if "Core-Camera" in {**summary, **first} else None,
        objective=_objective(first),
        scenes=scenes,
        vendor={"summary": plain_value(summary), "first_plane": plain_value(first)},
        warnings=info.warnings,
    )


def scene_facts(
    scene: SceneInfo, first: dict[str, Any], times: list[dict[str, Any]]
) -> SceneMetadata:
    """Return one scene's metadata; `first` is its first plane's, `times` those along time."""
    stage = StagePosition(
        x_um=_number(first, "XPosition_um_Intended", "XPositionUm", "XPosition_um"),
        y_um=_number(first, "YPosition_um_Intended", "YPositionUm", "YPosition_um"),
        z_um=_number(first, "ZPosition_um_Intended", "ZPositionUm", "ZPosition_um"),
    )
    bits = first.get("BitDepth")
    return scene_metadata(
        scene,
        significant_bits=bits if isinstance(bits, int) and bits > 0 else None,
        stage_positions=[] if stage == StagePosition() else [stage],
        timestamps_s=_timestamps_s(times),
    )


def exposure_ms(plane: dict[str, Any]) -> float | None:
    """Return the exposure of a plane."""
    return _number(plane, "Exposure", "Exposure-ms")


def pixel_size_um(summary: dict[str, Any], plane: dict[str, Any]) -> float | None:
    """Return the size of a pixel, which Micro-Manager writes as 0 where it is not calibrated."""
    size = _number(summary, "PixelSize_um", "PixelSizeUm")
    size = size if size is not None else _number(plane, "PixelSizeUm", "PixelSize_um")
    return size or None


def z_step_um(summary: dict[str, Any]) -> float | None:
    """Return the step along z."""
    step = _number(summary, "z-step_um")
    return abs(step) or None if step is not None else None


def _timestamps_s(times: list[dict[str, Any]]) -> list[float]:
    elapsed = [_number(plane, "ElapsedTime-ms") for plane in times]
    first = elapsed[0] if elapsed else None
    if first is None or any(value is None for value in elapsed):
        return []
    return [(value - first) / 1e3 for value in elapsed if value is not None]


def _objective(plane: dict[str, Any]) -> Objective | None:
    for device in (
        "Objective",
        "ObjectiveTurret",
        "Nosepiece",
        "TINosePiece",
        "ZeissObjectiveTurret",
    ):
        label = plane.get(f"{device}-Label")
        if isinstance(label, str):
            return objective_of_name(label)
    return None


def _date(value: object) -> str | None:
    """Return a date such as `2022/12/26 16:25:52` in ISO 8601; it has no zone."""
    text = str(value or "").replace("/", "-")
    try:
        return datetime.fromisoformat(text[:19]).isoformat()
    except ValueError:
        return None


def _number(plane: dict[str, Any], *names: str) -> float | None:
    for name in names:
        value = plane.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def _read(path: Path, offset: int, count: int) -> bytes:
    try:
        with FileIO(path) as file:
            file.seek(offset)
            return file.read(count)
    except FileNotFoundError:
        return b""


def _parse(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
