"""An OIB or OIF in the protocol's words."""

from datetime import datetime
from typing import Any

import oiffile

from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_protocol.metadata import ImageMetadata, Objective, StagePosition, scene_metadata
from planecast_reader.readers.oif.storage import (
    Planes,
    axis_settings,
    read_properties,
    settings_of,
)
from planecast_reader.readers.plain import plain_value

_UM = {"um": 1.0, "nm": 1e-3, "mm": 1e3}
_MAX_TIMES = 10_000
"""Each time point has a file of its own, which takes a while to read."""


def describe_scene(
    settings: dict[str, Any],
    planes: Planes,
    sizes: dict[str, int],
    dtype: str,
    colors: list[str | None],
) -> SceneInfo:
    """Describe the one image of the file."""
    return SceneInfo(
        name="image",
        sizes=sizes,
        dtype=dtype,
        channels=_channels(settings, colors),
        pixel_size_um=_pixel_sizes(settings, planes),
    )


def image_metadata(file: oiffile.OifFile, planes: Planes, info: ImageInfo) -> ImageMetadata:
    """Return the metadata of the file that `info` describes."""
    settings = file.mainfile
    first = read_properties(file, next(iter(planes.files.values())))
    system = settings_of(settings, "Version Info")
    bits = settings_of(settings, "Reference Image Parameter").get("ValidBitCounts")
    z_um = _position_um(first, settings, "Z")
    return ImageMetadata(
        acquisition_date=_date(settings),
        microscope=_text(system.get("SystemName")),
        software=" ".join(["FV10-ASW", str(system["SystemVersion"])])
        if "SystemVersion" in system
        else None,
        objective=_objective(first),
        scenes=[
            scene_metadata(
                info.scenes[0],
                significant_bits=bits if isinstance(bits, int) and bits > 0 else None,
                stage_positions=[] if z_um is None else [StagePosition(z_um=z_um)],
                timestamps_s=_timestamps_s(file, planes),
                time_interval_s=_interval(settings, planes),
            )
        ],
        vendor={"settings": plain_value(dict(settings)), "first_plane": plain_value(dict(first))},
        warnings=info.warnings,
    )


def _channels(settings: dict[str, Any], colors: list[str | None]) -> list[ChannelInfo]:
    infos = []
    for number, color in enumerate(colors):
        section = settings_of(settings, f"Channel {number + 1} Parameters")
        dye = _text(section.get("DyeName"))
        is_confocal = section.get("Confocal") == "ON"
        light = section.get("LightType")
        infos.append(
            ChannelInfo(
                name=_text(section.get("CH Name")) or f"Channel {number}",
                color=color,
                emission_nm=_positive(section.get("EmissionWavelength")),
                excitation_nm=_positive(section.get("ExcitationWavelength")),
                fluor=None if dye == "None" else dye,
                acquisition_mode="LaserScanningConfocalMicroscopy" if is_confocal else None,
                contrast_method="Fluorescence" if light == "Fluorescence" else None,
            )
        )
    return infos


def _pixel_sizes(settings: dict[str, Any], planes: Planes) -> dict[str, float | None]:
    sizes: dict[str, float | None] = {"x": None, "y": None, "z": None}
    reference = settings_of(settings, "Reference Image Parameter")
    for axis, side in zip(planes.plane_axes, ("Height", "Width"), strict=True):
        scale = _UM.get(str(reference.get(f"{side}Unit")))
        size = _positive(reference.get(f"{side}ConvertValue"))
        if axis.lower() in sizes and scale and size:
            sizes[axis.lower()] = size * scale
    if "Z" in planes.sizes:
        section = axis_settings(settings, "Z")
        scale, step = _UM.get(str(section.get("UnitName"))), section.get("Interval")
        if scale and isinstance(step, int | float) and step:
            sizes["z"] = abs(step) * scale
    return sizes


def _date(settings: dict[str, Any]) -> str | None:
    """Return when the image was captured; the file gives no zone. The misspelling is Olympus's."""
    section = settings_of(settings, "Acquisition Parameters Common")
    text, more = section.get("ImageCaputreDate"), section.get("ImageCaputreDate+MilliSec", 0)
    try:
        date = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    if isinstance(more, int) and 0 < more < 1000:
        return date.replace(microsecond=1000 * more).isoformat(timespec="milliseconds")
    return date.isoformat()


def _objective(properties: dict[str, Any]) -> Objective | None:
    section = settings_of(properties, "Acquisition Parameters Common")
    name = _text(section.get("ObjectiveLens Name"))
    if name is None:
        return None
    return Objective(
        name=" ".join(name.split()),
        magnification=_positive(section.get("Magnification")),
        numerical_aperture=_positive(section.get("ObjectiveLens NAValue")),
    )


def _position_um(properties: dict[str, Any], settings: dict[str, Any], axis: str) -> float | None:
    value, unit = _position(properties, settings, axis)
    scale = _UM.get(unit)
    return None if value is None or scale is None else value * scale


def _position(
    properties: dict[str, Any], settings: dict[str, Any], axis: str
) -> tuple[float | None, str]:
    """Return where a plane lies on an axis, and the unit of that."""
    for number in range(16):
        common = settings_of(settings, f"Axis {number} Parameters Common")
        if common.get("AxisCode") == axis:
            section = settings_of(properties, f"Axis {number} Parameters")
            value = section.get("AbsPositionValue")
            unit = str(section.get("AbsPositionUnitName"))
            return (float(value), unit) if isinstance(value, int | float) else (None, unit)
    return None, ""


def _timestamps_s(file: oiffile.OifFile, planes: Planes) -> list[float]:
    if not 1 < planes.sizes.get("T", 1) <= _MAX_TIMES:
        return []
    seconds = []
    for t in range(planes.sizes["T"]):
        place = tuple(t if axis == "T" else 0 for axis in planes.sizes)
        name = planes.files.get(place)
        value, unit = (
            (None, "")
            if name is None
            else _position(read_properties(file, name), file.mainfile, "T")
        )
        if value is None or unit != "ms":
            return []
        seconds.append(value / 1e3)
    return [value - seconds[0] for value in seconds]


def _interval(settings: dict[str, Any], planes: Planes) -> float | None:
    section = axis_settings(settings, "T")
    interval = _positive(section.get("Interval"))
    if "T" not in planes.sizes or interval is None or section.get("UnitName") != "ms":
        return None
    return interval / 1e3


def _positive(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _text(value: object) -> str | None:
    return (str(value).strip() or None) if value is not None else None
