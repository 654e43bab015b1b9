"""OME-XML: what a reader needs of it, and what it must refuse before tifffile sees it."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import PurePath

from planecast_protocol.images import ChannelInfo
from planecast_protocol.metadata import Objective
from planecast_reader.readers.objectives import immersion_word
from planecast_reader.readers.tiff.ome_planes import OmePlanes, read_planes
from planecast_reader.readers.tiff.units import (
    MICROMETRES,
    NANOMETRES,
    SECONDS,
    number,
    quantity,
    to_um,
)

MAX_PLANES = 10_000_000
"""tifffile builds a list with an entry for each plane that the XML declares."""


@dataclass(frozen=True, slots=True)
class OmeImage:
    """One image: a scene."""

    id: str
    name: str | None
    sizes: dict[str, int]
    pixel_size_um: dict[str, float | None]
    channels: list[ChannelInfo]
    """A name is empty where the XML gives none."""
    acquisition_date: str | None
    objective_id: str | None
    significant_bits: int | None
    time_interval_s: float | None
    planes: OmePlanes


@dataclass(frozen=True, slots=True)
class OmeDocument:
    """A whole OME-XML document."""

    images: list[OmeImage] = field(default_factory=list)
    files: frozenset[str] = frozenset()
    """Names of the files that hold the planes; empty where it is the file itself."""
    companion: str | None = None
    """Name of the file that has the XML, where this one only points to it."""
    objectives: dict[str, Objective] = field(default_factory=dict)
    microscope: str | None = None
    creator: str | None = None
    wells: dict[str, str] = field(default_factory=dict)
    """ID of an image to the well it was taken in."""

    @property
    def n_planes(self) -> int:
        """Number of planes that all images declare."""
        return sum(image.sizes["Z"] * image.sizes["C"] * image.sizes["T"] for image in self.images)

    @property
    def files_are_beside(self) -> bool:
        """Whether every file named is a plain name: no way out of the folder."""
        return all(name and "\\" not in name and PurePath(name).name == name for name in self.files)


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
        wells=_wells(root),
    )  # fmt: skip


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: ET.Element | None, name: str) -> ET.Element | None:
    if element is None:
        return None
    return next((child for child in element if _tag(child) == name), None)


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
    planes = read_planes(pixels)
    bits = pixels.get("SignificantBits", "")
    return OmeImage(
        id=element.get("ID", ""),
        name=element.get("Name"),
        sizes=sizes,
        pixel_size_um={
            axis: to_um(
                number(pixels, f"PhysicalSize{axis.upper()}"),
                pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm"),
            )
            for axis in "xyz"
        },
        channels=_channels(pixels, planes),
        acquisition_date=None if date is None else date.text,
        objective_id=None if objective is None else objective.get("ID"),
        significant_bits=int(bits) if bits.isdecimal() and 0 < int(bits) <= 64 else None,
        time_interval_s=quantity(pixels, "TimeIncrement", SECONDS, "s"),
        planes=planes,
    )


def _channels(pixels: ET.Element, planes: OmePlanes) -> list[ChannelInfo]:
    elements = [element for element in pixels if _tag(element) == "Channel"]
    return [
        ChannelInfo(
            name=element.get("Name") or "",
            color=_color(element.get("Color")),
            emission_nm=quantity(element, "EmissionWavelength", NANOMETRES, "nm"),
            excitation_nm=quantity(element, "ExcitationWavelength", NANOMETRES, "nm"),
            exposure_ms=planes.exposures_ms.get(number),
            fluor=element.get("Fluor"),
            acquisition_mode=element.get("AcquisitionMode"),
            contrast_method=element.get("ContrastMethod"),
            pinhole_um=quantity(element, "PinholeSize", MICROMETRES, "µm"),
        )
        for number, element in enumerate(elements)
    ]


def _color(text: str | None) -> str | None:
    """Return `#rrggbb` of OME's signed 32-bit RGBA."""
    try:
        value = int(text or "") & 0xFFFFFFFF
    except ValueError:
        return None
    return f"#{value >> 8:06x}"


def _objectives(instrument: ET.Element | None) -> dict[str, Objective]:
    if instrument is None:
        return {}
    return {
        element.get("ID", ""): Objective(
            name=element.get("Model"),
            magnification=number(element, "NominalMagnification") or None,
            numerical_aperture=number(element, "LensNA") or None,
            immersion=immersion_word(element.get("Immersion")),
        )
        for element in instrument
        if _tag(element) == "Objective"
    }


def _wells(root: ET.Element) -> dict[str, str]:
    """Return the well of each image that a plate refers to, as `A1`."""
    wells: dict[str, str] = {}
    for well in (element for element in root.iter() if _tag(element) == "Well"):
        row, column = well.get("Row", ""), well.get("Column", "")
        if not (row.isdecimal() and column.isdecimal()):
            continue
        name = f"{_letters(int(row))}{int(column) + 1}"
        for reference in (element for element in well.iter() if _tag(element) == "ImageRef"):
            wells.setdefault(reference.get("ID", ""), name)
    return wells


def _letters(row: int) -> str:
    """Return the letters of a row: A … Z, AA …."""
    return chr(65 + row) if row < 26 else _letters(row // 26 - 1) + chr(65 + row % 26)


def _microscope(instrument: ET.Element | None) -> str | None:
    microscope = _child(instrument, "Microscope")
    if microscope is None:
        return None
    parts = (microscope.get("Manufacturer"), microscope.get("Model"))
    return " ".join(part for part in parts if part) or None
