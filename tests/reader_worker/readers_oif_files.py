"""Small OIF files with their folders."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

CODES = "XYCZTALPQ"
UNITS = {"Z": "nm", "T": "ms"}


def settings_text(sections: dict[str, dict[str, Any]]) -> bytes:
    lines = []
    for name, section in sections.items():
        lines.append(f"[{name}]")
        lines += [
            f'{key}="{value}"' if isinstance(value, str) else f"{key}={value}"
            for key, value in section.items()
        ]
    return b"\xff\xfe" + "\r\n".join([*lines, ""]).encode("utf-16le")


def write_oif(
    path: Path, order: str, pixels: npt.NDArray[Any], missing: tuple[tuple[int, ...], ...] = ()
) -> Path:
    """Write an acquisition; `order` is Olympus's, innermost first, that of `pixels` reversed."""
    sizes = dict(zip(order, pixels.shape[::-1], strict=True))
    sections: dict[str, dict[str, Any]] = {
        "ProfileSaveInfo": {"Name": "COFAImages", "Version": "2.0.0.0"},
        "Acquisition Parameters Common": {"ImageCaputreDate": "2020-02-03 04:05:06"},
        "Axis Parameter Common": {"AxisCount": len(order), "AxisOrder": order},
        "Reference Image Parameter": {
            "HeightConvertValue": 0.25, "HeightUnit": "um", "ValidBitCounts": 12,
            "WidthConvertValue": 0.5, "WidthUnit": "um",
        },
        "Version Info": {"SystemName": "FLUOVIEW FV1000", "SystemVersion": "1.0"},
        "Channel 1 Parameters": {"CH Name": "CH1", "DyeName": "Cy5", "Confocal": "ON"},
    }  # fmt: skip
    for number, code in enumerate(CODES):
        sections[f"Axis {number} Parameters Common"] = {
            "AxisCode": code, "MaxSize": sizes.get(code, 0), "Interval": 750,
            "UnitName": UNITS.get(code, "um"),
        }  # fmt: skip
    path.write_bytes(settings_text(sections))
    folder = path.with_name(f"{path.name}.files")
    folder.mkdir()
    outer = order[2:]
    for place in np.ndindex(pixels.shape[:-2]):
        if place in missing:
            continue
        values = dict(zip(outer[::-1], place, strict=True))
        name = "".join(f"{axis}{values[axis] + 1:03d}" for axis in outer)
        tifffile.imwrite(folder / f"s_{name}.tif", pixels[place], metadata=None)
        (folder / f"s_{name}.pty").write_bytes(settings_text(plane_properties(values)))
    return path


def plane_properties(index: dict[str, int]) -> dict[str, dict[str, Any]]:
    return {
        "Acquisition Parameters Common": {
            "ObjectiveLens Name": "UPLFLN   40X  NA:0.75", "Magnification": 40.0,
            "ObjectiveLens NAValue": 0.75,
        },
        "Axis 3 Parameters": {
            "AbsPositionUnitName": "nm", "AbsPositionValue": 1000.0 + 750 * index.get("Z", 0),
        },
        "Axis 4 Parameters": {
            "AbsPositionUnitName": "ms", "AbsPositionValue": 100.0 + 2000 * index.get("T", 0),
        },
    }  # fmt: skip
