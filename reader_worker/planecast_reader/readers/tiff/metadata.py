"""Everything a TIFF says of its acquisition, whichever way it says it."""

from collections.abc import Sequence
from typing import Any

import tifffile

from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_protocol.metadata import (
    ImageMetadata,
    Objective,
    SceneMetadata,
    StagePosition,
    scene_metadata,
)
from planecast_reader.readers.objectives import objective_of_name
from planecast_reader.readers.plain import MAX_ITEMS, parse_xml_tree, plain_value
from planecast_reader.readers.tiff.lsm import lsm_bits, lsm_objective_name, lsm_timestamps_s
from planecast_reader.readers.tiff.ome import OmeDocument, OmeImage
from planecast_reader.readers.tiff.pages import keyframe_of
from planecast_reader.readers.tiff.stk import stk_date, stk_positions

_MM_PAGE_TAG = 51123
_IMAGE_DESCRIPTION = 270


def tiff_metadata(
    tiff: tifffile.TiffFile,
    document: OmeDocument | None,
    images: Sequence[OmeImage | None],
    info: ImageInfo,
) -> ImageMetadata:
    """Return the metadata of the file that `info` describes; one of `images` for each scene."""
    page = keyframe_of(tiff.pages[0])
    first = images[0] if images else None
    return ImageMetadata(
        acquisition_date=(first and first.acquisition_date) or _date(tiff, page),
        microscope=document.microscope if document else None,
        software=page.software or (document.creator if document else None),
        objective=_objective(tiff, document, first),
        scenes=[
            _scene(tiff, document, image, scene)
            for image, scene in zip(images, info.scenes, strict=True)
        ],
        vendor=_vendor(tiff),
        warnings=info.warnings,
    )


def _date(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> str | None:
    """Return MetaMorph's, Micro-Manager's or the tag's time; the last two have no time zone."""
    if tiff.is_stk and (found := stk_date(tiff.stk_metadata or {})):
        return found
    started = _mm_summary(tiff).get("StartTime")
    if started:
        return str(started)
    return None if page.datetime is None else page.datetime.isoformat()


def _objective(
    tiff: tifffile.TiffFile, document: OmeDocument | None, image: OmeImage | None
) -> Objective | None:
    if document is None:
        return objective_of_name(lsm_objective_name(tiff.lsm_metadata or {}))
    wanted = image.objective_id if image else None
    if wanted is None and len(document.objectives) == 1:
        wanted = next(iter(document.objectives))
    return document.objectives.get(wanted or "")


def _scene(
    tiff: tifffile.TiffFile,
    document: OmeDocument | None,
    image: OmeImage | None,
    scene: SceneInfo,
) -> SceneMetadata:
    n_times = scene.sizes.get("T", 1)
    if image is not None and document is not None:
        return scene_metadata(
            scene,
            significant_bits=image.significant_bits,
            well=document.wells.get(image.id),
            stage_positions=[image.planes.position] if image.planes.position else [],
            timestamps_s=image.planes.timestamps_s(n_times),
            time_interval_s=image.time_interval_s,
        )
    if tiff.is_lsm:
        metadata = tiff.lsm_metadata or {}
        stamps = lsm_timestamps_s(metadata)
        return scene_metadata(
            scene,
            significant_bits=lsm_bits(metadata),
            timestamps_s=stamps if len(stamps) == n_times else [],
            time_interval_s=float(metadata.get("TimeIntervall") or 0) or None,
        )
    if tiff.is_stk:
        return scene_metadata(scene, stage_positions=stk_positions(tiff.stk_metadata or {}))
    if tiff.is_micromanager:
        return _scene_of_micromanager(tiff, scene)
    interval = _number((tiff.imagej_metadata or {}).get("finterval"))
    return scene_metadata(scene, time_interval_s=interval or None)


def _scene_of_micromanager(tiff: tifffile.TiffFile, scene: SceneInfo) -> SceneMetadata:
    summary = _mm_summary(tiff)
    page = keyframe_of(tiff.pages[0]).tags.valueof(_MM_PAGE_TAG)
    plane = page if isinstance(page, dict) else {}
    x, y, z = (_number(plane.get(name)) for name in ("XPositionUm", "YPositionUm", "ZPositionUm"))
    interval_ms = _number(summary.get("Interval_ms"))
    known = any(value is not None for value in (x, y, z))
    return scene_metadata(
        scene,
        significant_bits=summary.get("BitDepth") or plane.get("BitDepth"),
        stage_positions=[StagePosition(x_um=x, y_um=y, z_um=z)] if known else [],
        time_interval_s=interval_ms / 1e3 if interval_ms else None,
    )


def _mm_summary(tiff: tifffile.TiffFile) -> dict[str, Any]:
    found = (tiff.micromanager_metadata or {}).get("Summary") if tiff.is_micromanager else None
    return found if isinstance(found, dict) else {}


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _vendor(tiff: tifffile.TiffFile) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if tiff.is_ome and tiff.ome_metadata:
        parts["ome"] = parse_xml_tree(tiff.ome_metadata)
    for name in ("imagej", "lsm", "stk", "micromanager"):
        if getattr(tiff, f"is_{name}") and (found := getattr(tiff, f"{name}_metadata")):
            parts[name] = plain_value(found)
    parts["tags"] = {
        tag.name: plain_value(tag.value)
        for tag in keyframe_of(tiff.pages[0]).tags
        if tag.count < MAX_ITEMS and not (tag.code == _IMAGE_DESCRIPTION and tiff.is_ome)
    }
    return parts
