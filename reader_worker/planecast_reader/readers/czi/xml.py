"""The document XML of a CZI: channels, pixel sizes, objective, names of scenes."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite

from planecast_protocol.images import ChannelInfo
from planecast_protocol.metadata import Objective, StagePosition
from planecast_reader.readers.objectives import immersion_word

_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class CziDocument:
    """What the XML says; all of it may be absent."""

    channels: list[ChannelInfo] = field(default_factory=list)
    """A name is empty where the XML gives none."""
    pixel_size_um: dict[str, float | None] = field(
        default_factory=lambda: {"x": None, "y": None, "z": None}
    )
    objective: Objective | None = None
    scene_names: dict[int, str] = field(default_factory=dict)
    """The file's number of a scene to its name: the well's, where it has one."""
    acquisition_date: str | None = None
    time_interval_s: float | None = None
    significant_bits: int | None = None
    wells: dict[int, str] = field(default_factory=dict)
    """The file's number of a scene to its well."""
    positions: dict[int, list[StagePosition]] = field(default_factory=dict)
    """The file's number of a scene to where it was planned to be."""
    microscope: str | None = None
    software: str | None = None
    title: str | None = None


def parse_document(xml: bytes) -> CziDocument:
    """Parse the XML. Raises `ValueError` if it is damaged."""
    if not xml.strip(b"\0 \r\n"):
        return CziDocument()
    try:
        root = ET.fromstring(xml.rstrip(b"\0"))  # noqa: S314  expat bounds entities itself
    except ET.ParseError as error:
        raise ValueError(f"its metadata is damaged ({error})") from None
    metadata = root.find("Metadata")
    if metadata is None:
        return CziDocument()
    image = metadata.find("Information/Image")
    scenes = dict(_scenes(image))
    increment = _number(metadata, "Information/Image/Dimensions/T/Positions/Interval/Increment")
    return CziDocument(
        channels=list(_channels(metadata)),
        pixel_size_um=_pixel_sizes(metadata),
        objective=_objective(metadata, image),
        scene_names=_scene_names(scenes),
        acquisition_date=_date(image, metadata),
        time_interval_s=increment or None,
        significant_bits=_bits(image),
        wells={number: well for number, scene in scenes.items() if (well := _well(scene))},
        positions={number: _positions(scene) for number, scene in scenes.items()},
        microscope=_microscope(metadata),
        software=_software(metadata),
        title=_text(metadata, "Information/Document/Title")
        or _text(metadata, "Information/Document/Name"),
    )


def _text(element: ET.Element | None, path: str) -> str | None:
    text = None if element is None else element.findtext(path)
    return text.strip() or None if text else None


def _number(element: ET.Element | None, path: str) -> float | None:
    return _float(_text(element, path))


def _float(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if isfinite(value) else None


def _pixel_sizes(metadata: ET.Element) -> dict[str, float | None]:
    """Return µm by axis; the file has metres, and 0 where it is not calibrated."""
    sizes: dict[str, float | None] = {"x": None, "y": None, "z": None}
    for distance in metadata.iterfind("Scaling/Items/Distance"):
        axis, value = (distance.get("Id") or "").lower(), _number(distance, "Value")
        if axis in sizes and value is not None and 0 < value < 1:
            sizes[axis] = value * 1e6
    return sizes


def _channels(metadata: ET.Element) -> Iterator[ChannelInfo]:
    shown = {
        channel.get("Id"): channel
        for channel in metadata.iterfind("DisplaySetting/Channels/Channel")
    }
    for channel in metadata.iterfind("Information/Image/Dimensions/Channels/Channel"):
        display = shown.get(channel.get("Id"))
        exposure_ns = _number(channel, "ExposureTime")
        shown_name = None if display is None else display.get("Name")
        yield ChannelInfo(
            name=channel.get("Name") or shown_name or "",
            color=_color(_text(channel, "Color")) or _color(_text(display, "Color")),
            emission_nm=_number(channel, "EmissionWavelength"),
            excitation_nm=_number(channel, "ExcitationWavelength"),
            exposure_ms=None if exposure_ns is None else exposure_ns / 1e6,
            fluor=_text(channel, "Fluor"),
            acquisition_mode=_text(channel, "AcquisitionMode"),
            contrast_method=_text(channel, "ContrastMethod"),
            pinhole_um=_number(channel, "PinholeSize"),
        )


def _color(text: str | None) -> str | None:
    """Return `#rrggbb` of `#AARRGGBB` or `#RRGGBB`."""
    if not text or text[0] != "#" or len(text) not in (7, 9) or set(text[1:]) - _HEX_DIGITS:
        return None
    return f"#{text[-6:].lower()}"


def _objective(metadata: ET.Element, image: ET.Element | None) -> Objective | None:
    objectives = {
        objective.get("Id"): objective
        for objective in metadata.iterfind("Information/Instrument/Objectives/Objective")
    }
    reference = None if image is None else image.find("ObjectiveSettings/ObjectiveRef")
    if reference is not None:
        objective = objectives.get(reference.get("Id"))
    else:
        objective = next(iter(objectives.values())) if len(objectives) == 1 else None
    if objective is None:
        return None
    return Objective(
        name=objective.get("Name") or _text(objective, "Manufacturer/Model"),
        magnification=_number(objective, "NominalMagnification") or None,
        numerical_aperture=_number(objective, "LensNA") or None,
        immersion=immersion_word(
            _text(objective, "Immersion") or _text(image, "ObjectiveSettings/Medium")
        ),
    )


def _scenes(image: ET.Element | None) -> Iterator[tuple[int, ET.Element]]:
    """Yield the file's number of each scene, and its element."""
    if image is None:
        return
    for scene in image.iterfind("Dimensions/S/Scenes/Scene"):
        index = scene.get("Index", "")
        if index.isdecimal():
            yield int(index), scene


def _well(scene: ET.Element) -> str | None:
    shape = scene.find("Shape")
    return (None if shape is None else shape.get("Name")) or _text(scene, "ArrayName")


def _scene_names(scenes: Mapping[int, ET.Element]) -> dict[int, str]:
    names: dict[int, str] = {}
    for number, scene in scenes.items():
        name = _well(scene) or scene.get("Name")
        if name:
            # Several positions of a well share its name.
            is_new = name not in names.values()
            names[number] = name if is_new else f"{name} {scene.get('Name') or number}"
    return names


def _positions(scene: ET.Element) -> list[StagePosition]:
    """Return the planned positions: of each tile, or of the scene's centre."""
    found = [
        StagePosition(**{f"{axis.lower()}_um": _float(place.get(axis)) for axis in "XYZ"})
        for place in scene.iterfind("Positions/Position")
    ]
    if not found:
        x, _, y = (_text(scene, "CenterPosition") or "").partition(",")
        found = [StagePosition(x_um=_float(x), y_um=_float(y))]
    return [one for one in found if one.x_um is not None and one.y_um is not None]


def _bits(image: ET.Element | None) -> int | None:
    bits = _number(image, "ComponentBitCount")
    return int(bits) if bits and 0 < bits <= 64 else None


def _date(image: ET.Element | None, metadata: ET.Element) -> str | None:
    dates = (
        _text(image, "AcquisitionDateAndTime"),
        _text(image, "Dimensions/T/StartTime"),
        _text(metadata, "Information/Document/CreationDate"),
    )
    # Programs that know no date write the first day of year 1.
    return next((date for date in dates if date and not date.startswith("0001-")), None)


def _microscope(metadata: ET.Element) -> str | None:
    microscope = metadata.find("Information/Instrument/Microscopes/Microscope")
    if microscope is None:
        return None
    return _text(microscope, "System") or microscope.get("Name")


def _software(metadata: ET.Element) -> str | None:
    application = metadata.find("Information/Application")
    parts = (_text(application, "Name"), _text(application, "Version"))
    return " ".join(part for part in parts if part) or None
