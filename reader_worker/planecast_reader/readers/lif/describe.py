"""Leica images in the protocol's words."""

import xml.etree.ElementTree as ET

import liffile

from planecast_protocol.images import ChannelInfo, SceneInfo
from planecast_reader.readers.lif.layout import ImageLayout

_COLORS = {
    "gray": "#ffffff",
    "grey": "#ffffff",
    "red": "#ff0000",
    "green": "#00ff00",
    "blue": "#0000ff",
    "cyan": "#00ffff",
    "magenta": "#ff00ff",
    "yellow": "#ffff00",
}
"""Leica's names of look-up tables."""
_SETTING = "./Data/Image/Attachment/ATLConfocalSettingDefinition"
_CHANNELS = "./Data/Image/ImageDescription/Channels/ChannelDescription"
_DIMENSIONS = "./Data/Image/ImageDescription/Dimensions/DimensionDescription"
_DIMENSION_OF_AXIS = {"x": "1", "y": "2", "z": "3", "t": "4"}


def describe_scene(image: liffile.LifImage, layout: ImageLayout) -> SceneInfo:
    """Describe one image; its name has the folders it lies in."""
    return SceneInfo(
        name=image.path or image.name,
        sizes=layout.sizes,
        dtype=layout.dtype.str,
        channels=_channels(image.xml_element, layout.sizes.get("C", 1)),
        pixel_size_um={axis: _pixel_size_um(image.xml_element, axis) for axis in "xyz"},
    )


def confocal_setting(element: ET.Element) -> dict[str, str]:
    """Return the attributes of the confocal's setting; none for other microscopes."""
    found = element.find(_SETTING)
    return {} if found is None else dict(found.attrib)


def spacing(element: ET.Element, axis: str, unit: str) -> float | None:
    """Return the distance of two elements on an axis, if the file gives it in `unit`.

    Leica's length goes from the first element to the last.
    """
    for dimension in element.findall(_DIMENSIONS):
        if dimension.get("DimID") == _DIMENSION_OF_AXIS[axis] and dimension.get("Unit") == unit:
            n_steps = int(dimension.get("NumberOfElements", "1")) - 1
            length = abs(float(dimension.get("Length", "0")))
            return length / n_steps if n_steps > 0 and length > 0 else None
    return None


def _pixel_size_um(element: ET.Element, axis: str) -> float | None:
    size_m = spacing(element, axis, "m")
    return None if size_m is None else size_m * 1e6


def _channels(element: ET.Element, count: int) -> list[ChannelInfo]:
    known = element.findall(_CHANNELS)
    pinhole = float(confocal_setting(element).get("Pinhole", "0"))
    infos = []
    for number in range(count):
        # Samples of RGB are channels of their own there, and none here.
        channel = known[number] if len(known) == count else None
        name = None if channel is None else _property(channel, "DyeName")
        infos.append(
            ChannelInfo(
                name=name or f"Channel {number}",
                color=None if channel is None else _COLORS.get(channel.get("LUTName", "").lower()),
                fluor=name,
                pinhole_um=pinhole * 1e6 if pinhole > 0 else None,
            )
        )
    return infos


def _property(channel: ET.Element, key: str) -> str | None:
    """Return one of the properties that newer versions of the software write."""
    for element in channel.findall("./ChannelProperty"):
        if element.findtext("Key") == key:
            return (element.findtext("Value") or "").strip() or None
    return None
