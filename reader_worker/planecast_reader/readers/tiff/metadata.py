"""Everything a TIFF says of its acquisition, JSON-able."""

from typing import Any

import numpy as np
import tifffile

from planecast_protocol.images import ImageInfo, Metadata
from planecast_reader.readers.tiff.ome import OmeDocument
from planecast_reader.readers.tiff.pages import keyframe_of

MAX_ITEMS = 1000
"""Of one list in the vendor's part."""


def tiff_metadata(
    tiff: tifffile.TiffFile, document: OmeDocument | None, info: ImageInfo
) -> Metadata:
    """Return the metadata of the file that `info` describes."""
    page = keyframe_of(tiff.pages[0])
    image = document.images[0] if document and document.images else None
    objectives = document.objectives if document else {}
    objective_id = image.objective_id if image else None
    if objective_id is None and len(objectives) == 1:
        objective_id = next(iter(objectives))
    return {
        "acquisition_date": (image.acquisition_date if image else None) or _date(page),
        "objective": objectives.get(objective_id or ""),
        "microscope": document.microscope if document else None,
        "software": page.software or (document.creator if document else None),
        "scenes": [
            {
                "name": scene.name,
                "sizes": scene.sizes,
                "pixel_size_um": scene.pixel_size_um,
                "channels": [
                    {
                        "name": channel.name,
                        "color": channel.color,
                        "emission_nm": channel.emission_nm,
                        "excitation_nm": channel.excitation_nm,
                        "exposure_ms": channel.exposure_ms,
                    }
                    for channel in scene.channels
                ],
            }
            for scene in info.scenes
        ],
        "vendor": _vendor(tiff),
    }


def _date(page: tifffile.TiffPage) -> str | None:
    """Return the tag DateTime in ISO 8601; it has no time zone."""
    date = page.datetime
    return None if date is None else date.isoformat()


def _vendor(tiff: tifffile.TiffFile) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if tiff.is_ome and tiff.ome_metadata:
        parts["ome_xml"] = tiff.ome_metadata
    for name in ("imagej", "lsm", "stk", "micromanager"):
        if getattr(tiff, f"is_{name}") and (found := getattr(tiff, f"{name}_metadata")):
            parts[name] = plain(found)
    page = keyframe_of(tiff.pages[0])
    parts["tags"] = {
        tag.name: plain(tag.value)
        for tag in page.tags
        if tag.count < MAX_ITEMS and not (tag.code == 270 and tiff.is_ome)
    }
    return parts


def plain(value: Any, depth: int = 0) -> Any:
    """Return `value` in JSON's types: numbers, text, lists, maps; the rest as text."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist() if value.size <= MAX_ITEMS else f"{value.size} values"
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item, depth + 1) for key, item in value.items() if depth < 12}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value[:MAX_ITEMS] if depth < 12]
    if isinstance(value, int | float):
        # Enums of tifffile are ints too.
        number = int(value) if isinstance(value, int) else float(value)
        return number if np.isfinite(number) else None
    return value[:MAX_ITEMS].decode("latin-1") if isinstance(value, bytes) else str(value)
