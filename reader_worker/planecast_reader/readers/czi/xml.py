"""The document XML of a CZI: channels, pixel sizes, objective, names of scenes."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field

_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class CziChannel:
    """One channel, as the XML has it."""

    name: str | None = None
    color: str | None = None
    emission_nm: float | None = None
    excitation_nm: float | None = None
    exposure_ms: float | None = None


@dataclass(frozen=True, slots=True)
class CziDocument:
    """What the XML says; all of it may be absent."""

    channels: list[CziChannel] = field(default_factory=list)
    pixel_size_um: dict[str, float | None] = field(
        default_factory=lambda: {"x": None, "y": None, "z": None}
    )
    objective: dict[str, str | float | None] | None = None
    scene_names: dict[int, str] = field(default_factory=dict)
    """The file's number of a scene to its name: the well's, where it has one."""
    acquisition_date: str | None = None
    time_increment_s: float | None = None
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
    increment = _number(metadata, "Information/Image/Dimensions/T/Positions/Interval/Increment")
    return CziDocument(
        channels=list(_channels(metadata)),
        pixel_size_um=_pixel_sizes(metadata),
        objective=_objective(metadata, image),
        scene_names=_scene_names(image),
        acquisition_date=_text(image, "AcquisitionDateAndTime")
        or _text(metadata, "Information/Document/CreationDate"),
        time_increment_s=increment,
        microscope=_microscope(metadata),
        software=_software(metadata),
        title=_text(metadata, "Information/Document/Title")
        or _text(metadata, "Information/Document/Name"),
    )


def _text(element: ET.Element | None, path: str) -> str | None:
    text = None if element is None else element.findtext(path)
    return text.strip() or None if text else None


def _number(element: ET.Element | None, path: str) -> float | None:
    try:
        return float(_text(element, path) or "")
    except ValueError:
        return None


def _pixel_sizes(metadata: ET.Element) -> dict[str, float | None]:
    """Return µm by axis; the file has metres, and 0 where it is not calibrated."""
    sizes: dict[str, float | None] = {"x": None, "y": None, "z": None}
    for distance in metadata.iterfind("Scaling/Items/Distance"):
        axis, value = (distance.get("Id") or "").lower(), _number(distance, "Value")
        if axis in sizes and value is not None and 0 < value < 1:
            sizes[axis] = value * 1e6
    return sizes


def _channels(metadata: ET.Element) -> Iterator[CziChannel]:
    shown = {
        channel.get("Id"): channel
        for channel in metadata.iterfind("DisplaySetting/Channels/Channel")
    }
    for channel in metadata.iterfind("Information/Image/Dimensions/Channels/Channel"):
        display = shown.get(channel.get("Id"))
        exposure_ns = _number(channel, "ExposureTime")
        yield CziChannel(
            name=channel.get("Name") or (None if display is None else display.get("Name")),
            color=_color(_text(channel, "Color")) or _color(_text(display, "Color")),
            emission_nm=_number(channel, "EmissionWavelength"),
            excitation_nm=_number(channel, "ExcitationWavelength"),
            exposure_ms=None if exposure_ns is None else exposure_ns / 1e6,
        )


def _color(text: str | None) -> str | None:
    """Return `#rrggbb` of `#AARRGGBB` or `#RRGGBB`."""
    if not text or text[0] != "#" or len(text) not in (7, 9) or set(text[1:]) - _HEX_DIGITS:
        return None
    return f"#{text[-6:].lower()}"


def _objective(
    metadata: ET.Element, image: ET.Element | None
) -> dict[str, str | float | None] | None:
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
    return {
        "name": objective.get("Name") or _text(objective, "Manufacturer/Model"),
        "magnification": _number(objective, "NominalMagnification"),
        "na": _number(objective, "LensNA"),
        "immersion": _text(objective, "Immersion"),
    }


def _scene_names(image: ET.Element | None) -> dict[int, str]:
    if image is None:
        return {}
    names: dict[int, str] = {}
    for scene in image.iterfind("Dimensions/S/Scenes/Scene"):
        index = scene.get("Index", "")
        shape = scene.find("Shape")
        well = None if shape is None else shape.get("Name")
        name = well or _text(scene, "ArrayName") or scene.get("Name")
        if index.isdecimal() and name:
            # Several positions of a well share its name.
            is_new = name not in names.values()
            names[int(index)] = name if is_new else f"{name} {scene.get('Name') or index}"
    return names


def _microscope(metadata: ET.Element) -> str | None:
    microscope = metadata.find("Information/Instrument/Microscopes/Microscope")
    if microscope is None:
        return None
    return _text(microscope, "System") or microscope.get("Name")


def _software(metadata: ET.Element) -> str | None:
    application = metadata.find("Information/Application")
    parts = (_text(application, "Name"), _text(application, "Version"))
    return " ".join(part for part in parts if part) or None
