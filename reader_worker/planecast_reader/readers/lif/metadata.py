"""Everything a Leica file says of its acquisition."""

import xml.etree.ElementTree as ET
from typing import Any

import liffile
import numpy as np

from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_protocol.metadata import (
    ImageMetadata,
    Objective,
    SceneMetadata,
    StagePosition,
    scene_metadata,
)
from planecast_reader.readers.lif.describe import confocal_setting, spacing
from planecast_reader.readers.lif.layout import ImageLayout
from planecast_reader.readers.objectives import immersion_word
from planecast_reader.readers.plain import xml_tree

_HARDWARE = './Data/Image/Attachment[@Name="HardwareSetting"]'


def image_metadata(
    file: liffile.LifFile, images: list[tuple[liffile.LifImage, ImageLayout]], info: ImageInfo
) -> ImageMetadata:
    """Return the metadata of the images, in the order of `info`'s scenes."""
    first = images[0][0].xml_element
    setting = confocal_setting(first)
    hardware = first.find(_HARDWARE)
    facts = {} if hardware is None else dict(hardware.attrib)
    vendor: dict[str, Any] = {
        "type": file.type.name,
        "version": file.version,
        "images": {image.path or image.name: xml_tree(image.xml_element) for image, _ in images},
    }
    return ImageMetadata(
        acquisition_date=_date(file, images[0][0]),
        microscope=facts.get("SystemTypeName") or setting.get("MicroscopeModel") or None,
        software=facts.get("Software") or None,
        objective=_objective(setting),
        scenes=[
            _scene_metadata(image, layout, scene)
            for (image, layout), scene in zip(images, info.scenes, strict=True)
        ],
        vendor=vendor,
        warnings=info.warnings,
    )


def _scene_metadata(
    image: liffile.LifImage, layout: ImageLayout, scene: SceneInfo
) -> SceneMetadata:
    channel = image.xml_element.find("./Data/Image/ImageDescription/Channels/ChannelDescription")
    bits = 0 if channel is None else int(channel.get("Resolution", "0"))
    return scene_metadata(
        scene,
        significant_bits=bits or None,
        stage_positions=_stage_positions(image),
        timestamps_s=_timestamps_s(image, layout),
        time_interval_s=spacing(image.xml_element, "t", "s"),
    )


def _date(file: liffile.LifFile, image: liffile.LifImage) -> str | None:
    """Return the first time stamp of the first image, else when the file was begun; UTC."""
    stamps = image.timestamps
    if stamps is not None and len(stamps):
        return f"{np.datetime_as_string(stamps.min(), unit='ms')}+00:00"
    begun = file.datetime
    return None if begun is None else begun.isoformat()


def _objective(setting: dict[str, str]) -> Objective | None:
    name = setting.get("ObjectiveName", "").strip()
    if not name:
        return None
    return Objective(
        name=" ".join(name.split()),
        magnification=_positive(setting.get("Magnification")),
        numerical_aperture=_positive(setting.get("NumericalAperture")),
        immersion=_immersion(setting.get("Immersion")),
    )


def _immersion(word: str | None) -> str | None:
    return immersion_word(word.lower()) if word else None


def _positive(text: str | None) -> float | None:
    value = float(text) if text else 0.0
    return value if value > 0 else None


def _stage_positions(image: liffile.LifImage) -> list[StagePosition]:
    """Return where each tile of a tile scan lies, else where the stage stood."""
    scan = image.tilescan
    if scan is not None:
        return [
            StagePosition(
                x_um=float(tile["pos_x"]) * 1e6,
                y_um=float(tile["pos_y"]) * 1e6,
                z_um=float(tile["pos_z"]) * 1e6,
            )
            for tile in scan.tiles
        ]
    setting = confocal_setting(image.xml_element)
    if "StagePosX" not in setting or "StagePosY" not in setting:
        return []
    x_um, y_um = (float(setting[f"StagePos{axis}"]) * 1e6 for axis in "XY")
    return [StagePosition(x_um=x_um, y_um=y_um, z_um=_z_um(image.xml_element))]


def _z_um(element: ET.Element) -> float | None:
    """Return the position of the drive that moved the whole stage or objective."""
    for drive in element.iter("AdditionalZPosition"):
        if drive.get("ZUseModeName") == "z-wide" and drive.get("Valid") == "1":
            return float(drive.get("ZPosition", "0")) * 1e6
    return None


def _timestamps_s(image: liffile.LifImage, layout: ImageLayout) -> list[float]:
    """Return the time of each T; Leica has one for each frame, T outermost."""
    n_times = layout.sizes.get("T", 1)
    stamps = image.timestamps
    outer = next((axis for axis in layout.sizes if axis not in layout.plane_axes), "T")
    if stamps is None or not len(stamps) or len(stamps) % n_times or outer != "T":
        return []
    firsts = stamps[:: len(stamps) // n_times]
    seconds = (firsts - firsts[0]) / np.timedelta64(1, "ms") / 1e3
    return [float(value) for value in seconds]
