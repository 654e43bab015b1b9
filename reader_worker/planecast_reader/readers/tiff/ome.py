"""OME-XML: what a reader needs of it, and what it must refuse before tifffile sees it."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import PurePath

MAX_PLANES = 10_000_000
"""tifffile builds a list with an entry for each plane that the XML declares."""

_UM = {
    "m": 1e6, "dm": 1e5, "cm": 1e4, "mm": 1e3, "µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3,
    "pm": 1e-6, "Å": 1e-4, "in": 25400.0, "inch": 25400.0, "ft": 304800.0,
    "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "\\u00B5m": 1.0,
}  # fmt: skip
_NM = {"nm": 1.0, "µm": 1e3, "μm": 1e3, "um": 1e3, "Å": 0.1, "m": 1e9, "mm": 1e6}
_MS = {"s": 1e3, "ms": 1.0, "µs": 1e-3, "μs": 1e-3, "ns": 1e-6, "min": 60e3, "h": 3600e3}


@dataclass(frozen=True, slots=True)
class OmeChannel:
    """One channel, as the XML has it."""

    name: str | None = None
    color: str | None = None
    emission_nm: float | None = None
    excitation_nm: float | None = None
    exposure_ms: float | None = None


@dataclass(frozen=True, slots=True)
class OmeImage:
    """One image: a scene."""

    name: str | None
    sizes: dict[str, int]
    pixel_size_um: dict[str, float | None]
    channels: list[OmeChannel]
    acquisition_date: str | None
    objective_id: str | None


@dataclass(frozen=True, slots=True)
class OmeDocument:
    """A whole OME-XML document."""

    images: list[OmeImage] = field(default_factory=list)
    files: frozenset[str] = frozenset()
    """Names of the files that hold the planes; empty where it is the file itself."""
    companion: str | None = None
    """Name of the file that has the XML, where this one only points to it."""
    objectives: dict[str, dict[str, str | float | None]] = field(default_factory=dict)
    microscope: str | None = None
    creator: str | None = None

    @property
    def n_planes(self) -> int:
        """Number of planes that all images declare."""
        return sum(image.sizes["Z"] * image.sizes["C"] * image.sizes["T"] for image in self.images)

    @property
    def files_are_beside(self) -> bool:
        """Whether every file named is a plain name: no way out of the folder."""
        return all(name and "\\" not in name and PurePath(name).name == name for name in self.files)


def to_um(value: float | None, unit: str | None) -> float | None:
    """Return a length in µm; `None` if the unit is unknown or the value no length."""
    factor = _UM.get(unit or "")
    if value is None or factor is None or not 0 < value < float("inf"):
        return None
    return value * factor


def parse_ome(xml: str | bytes) -> OmeDocument:
    """Parse OME-XML. Raises `ValueError` if it isn't any, or declares impossible sizes."""
    try:
        root = ET.fromstring(xml)  # noqa: S314  expat 2.4 stops entity bombs and reads no file
    except ET.ParseError as error:
        raise ValueError(f"OME-XML is damaged ({error})") from None
    binary_only = _child(root, "BinaryOnly")
    instrument = _child(root, "Instrument")
    return OmeDocument(
        images=[_image(element) for element in root if _tag(element) == "Image"],
        files=frozenset(
            element.get("FileName", "") for element in root.iter() if _tag(element) == "UUID"
            and element.get("FileName")
        ),
        companion=None if binary_only is None else binary_only.get("MetadataFile"),
        objectives=_objectives(instrument),
        microscope=_microscope(instrument),
        creator=root.get("Creator"),
    )  # fmt: skip


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: ET.Element | None, name: str) -> ET.Element | None:
    if element is None:
        return None
    return next((child for child in element if _tag(child) == name), None)


def _number(element: ET.Element, name: str) -> float | None:
    try:
        return float(element.get(name, ""))
    except ValueError:
        return None


def _image(element: ET.Element) -> OmeImage:
    pixels = _child(element, "Pixels")
    if pixels is None:
        raise ValueError("OME-XML has an Image without Pixels")
    sizes = {}
    for axis in "TCZYX":
        text = pixels.get("Size" + axis, "")
        if not text.strip().isdecimal() or not 0 < int(text) < 2**31:
            raise ValueError(f"OME-XML declares Size{axis}={text!r}")
        sizes[axis] = int(text)
    date = _child(element, "AcquisitionDate")
    objective = _child(element, "ObjectiveSettings")
    return OmeImage(
        name=element.get("Name"),
        sizes=sizes,
        pixel_size_um={
            axis: to_um(
                _number(pixels, f"PhysicalSize{axis.upper()}"),
                pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm"),
            )
            for axis in "xyz"
        },
        channels=_channels(pixels),
        acquisition_date=None if date is None else date.text,
        objective_id=None if objective is None else objective.get("ID"),
    )


def _channels(pixels: ET.Element) -> list[OmeChannel]:
    exposures: dict[int, float] = {}
    for plane in pixels:
        if _tag(plane) == "Plane" and (time := _number(plane, "ExposureTime")) is not None:
            scale = _MS.get(plane.get("ExposureTimeUnit", "s"))
            if scale is not None:
                exposures.setdefault(int(plane.get("TheC", "0")), time * scale)
    elements = [element for element in pixels if _tag(element) == "Channel"]
    return [
        OmeChannel(
            name=element.get("Name"),
            color=_color(element.get("Color")),
            emission_nm=_wavelength(element, "EmissionWavelength"),
            excitation_nm=_wavelength(element, "ExcitationWavelength"),
            exposure_ms=exposures.get(number),
        )
        for number, element in enumerate(elements)
    ]


def _wavelength(element: ET.Element, name: str) -> float | None:
    value, scale = _number(element, name), _NM.get(element.get(name + "Unit", "nm"))
    return None if value is None or scale is None else value * scale


def _color(text: str | None) -> str | None:
    """Return `#rrggbb` of OME's signed 32-bit RGBA."""
    try:
        value = int(text or "") & 0xFFFFFFFF
    except ValueError:
        return None
    return f"#{value >> 8:06x}"


def _objectives(instrument: ET.Element | None) -> dict[str, dict[str, str | float | None]]:
    if instrument is None:
        return {}
    return {
        element.get("ID", ""): {
            "name": element.get("Model"),
            "magnification": _number(element, "NominalMagnification"),
            "na": _number(element, "LensNA"),
            "immersion": element.get("Immersion"),
        }
        for element in instrument
        if _tag(element) == "Objective"
    }


def _microscope(instrument: ET.Element | None) -> str | None:
    microscope = _child(instrument, "Microscope")
    if microscope is None:
        return None
    parts = (microscope.get("Manufacturer"), microscope.get("Model"))
    return " ".join(part for part in parts if part) or None
