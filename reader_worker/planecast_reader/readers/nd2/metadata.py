"""Everything an ND2 says of its acquisition."""

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import nd2
import numpy as np
import numpy.typing as npt
from nd2.structures import FrameMetadata, NETimeLoop, TimeLoop, XYPosLoop

from planecast_protocol.images import ImageInfo
from planecast_protocol.metadata import ImageMetadata, SceneMetadata, StagePosition, scene_metadata
from planecast_reader.readers.nd2.describe import Contents, objective_of
from planecast_reader.readers.plain import plain_value

_UNIX_EPOCH_JULIAN_DAY = 2440587.5
_MICROSCOPE = re.compile(r"Microscope:\s*([^\r\n]+)")


def image_metadata(
    file: nd2.ND2File, contents: Contents, info: ImageInfo, times_ms: npt.NDArray[np.float64] | None
) -> ImageMetadata:
    """Return the metadata of the file that `info` describes; `times_ms` has one for each frame."""
    first = file.frame_metadata(0)
    frame = first if isinstance(first, FrameMetadata) else None
    microscope = _MICROSCOPE.search(contents.text.get("description", ""))
    scenes = [
        scene_metadata(
            scene,
            significant_bits=file.attributes.bitsPerComponentSignificant,
            stage_positions=_stage_position(file, number, frame),
            timestamps_s=_timestamps_s(contents, number, times_ms),
            time_interval_s=_time_interval_s(file),
        )
        for number, scene in enumerate(info.scenes)
    ]
    return ImageMetadata(
        acquisition_date=_started(frame),
        microscope=microscope[1].strip() if microscope else None,
        software=_software(file),
        objective=objective_of(contents.channels),
        scenes=scenes,
        vendor=_vendor(file, contents),
        warnings=info.warnings,
    )


def bare_metadata(info: ImageInfo, why: str) -> ImageMetadata:
    """Return what is left where the rest of the metadata can't be read."""
    scenes: list[SceneMetadata] = [scene_metadata(scene) for scene in info.scenes]
    return ImageMetadata(scenes=scenes, warnings=[*info.warnings, f"no metadata: {why}"])


def _started(frame: FrameMetadata | None) -> str | None:
    """Return when the acquisition began, UTC: the first frame's time less its delay."""
    if frame is None or not frame.channels:
        return None
    time = frame.channels[0].time
    if time.absoluteJulianDayNumber < 1:
        return None
    days = time.absoluteJulianDayNumber - _UNIX_EPOCH_JULIAN_DAY
    began = timedelta(days=days) - timedelta(milliseconds=time.relativeTimeMs)
    # A Julian day is good to some 40 microseconds here.
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=round(began.total_seconds(), 3))
    return moment.isoformat(timespec="milliseconds")


def _software(file: nd2.ND2File) -> str | None:
    known = {} if file.is_legacy else file.custom_data.get("AppInfo_V1_0", {})
    parts = [known.get("SWNameString"), known.get("VersionString")]
    return " ".join(str(part) for part in parts if part) or None


def _stage_position(
    file: nd2.ND2File, scene: int, frame: FrameMetadata | None
) -> list[StagePosition]:
    for loop in file.experiment:
        if isinstance(loop, XYPosLoop):
            if scene >= len(loop.parameters.points):
                return []
            place = loop.parameters.points[scene].stagePositionUm
            z_um = place.z if loop.parameters.isSettingZ else None
            return [StagePosition(x_um=place.x, y_um=place.y, z_um=z_um)]
    if frame is None or not frame.channels:
        return []
    place = frame.channels[0].position.stagePositionUm
    return [StagePosition(x_um=place.x, y_um=place.y, z_um=place.z)]


def _timestamps_s(
    contents: Contents, scene: int, times_ms: npt.NDArray[np.float64] | None
) -> list[float]:
    n_times = contents.loops.get("T", 1)
    if times_ms is None or contents.frame_number({"T": n_times - 1, "P": scene}) >= len(times_ms):
        return []
    frames = [contents.frame_number({"T": t, "P": scene}) for t in range(n_times)]
    seconds = (times_ms[frames] - times_ms[frames[0]]) / 1e3
    return [float(value) for value in seconds] if np.isfinite(seconds).all() else []


def _time_interval_s(file: nd2.ND2File) -> float | None:
    for loop in file.experiment:
        if isinstance(loop, TimeLoop) and loop.parameters.periodMs > 0:
            return loop.parameters.periodMs / 1e3
        if isinstance(loop, NETimeLoop):
            periods = {period.periodMs for period in loop.parameters.periods}
            return periods.pop() / 1e3 if len(periods) == 1 and min(periods) > 0 else None
    return None


def _vendor(file: nd2.ND2File, contents: Contents) -> dict[str, Any]:
    vendor: dict[str, Any] = {
        "version": ".".join(str(part) for part in file.version),
        "attributes": file.attributes._asdict(),
        "text_info": contents.text,
        "experiment": [dataclasses.asdict(loop) for loop in file.experiment],
        "channels": [dataclasses.asdict(channel) for channel in contents.channels],
    }
    plain: dict[str, Any] = plain_value(vendor)
    return plain
