"""The files within an OIB or beside an OIF, and which plane each TIFF of them holds."""

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import oiffile

_PLANE = re.compile(r"^s_((?:[A-Z]\d+)*)\.tif$", re.IGNORECASE)
_PART = re.compile(r"([A-Z])(\d+)", re.IGNORECASE)
MAX_SIZE = 2**31 - 1

DAMAGE = (
    KeyError, ValueError, TypeError, IndexError, AttributeError, NotImplementedError, OSError,
    struct.error,
)  # fmt: skip
"""What oiffile raises on content that is missing or damaged."""


@dataclass
class Planes:
    """Axes of the acquisition, and the file of each plane."""

    plane_axes: tuple[str, str]
    """Y and X as a rule; T and X of a line scan."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Of the other axes, outermost first."""
    files: dict[tuple[int, ...], str] = field(default_factory=dict)
    """Index on the axes of `sizes`, from 0, to name."""


def settings_of(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one section, or an empty one: settings are what their writer thought of."""
    section = settings.get(name)
    return section if isinstance(section, dict) else {}


def axis_settings(settings: dict[str, Any], axis: str) -> dict[str, Any]:
    """Return the section of one axis."""
    for number in range(16):
        section = settings_of(settings, f"Axis {number} Parameters Common")
        if section.get("AxisCode") == axis:
            return section
    return {}


def find_planes(file: oiffile.OifFile) -> Planes:
    """Sort the TIFF files by their names, such as `s_C001Z003T002.tif`."""
    order = str(settings_of(file.mainfile, "Axis Parameter Common").get("AxisOrder", "XY"))
    order = order if len(order) >= 2 and order.isalpha() else "XY"
    found: list[tuple[dict[str, int], str]] = []
    for name in file.glob("*"):
        match = _PLANE.match(_base_name(name))
        if match is not None:
            parts = {axis.upper(): int(number) for axis, number in _PART.findall(match[1])}
            found.append((parts, name))
    letters = {axis for parts, _ in found for axis in parts}
    # The order of the settings is innermost first.
    axes = [axis for axis in reversed(order[2:]) if axis in letters]
    axes = [*sorted(letters - set(axes)), *axes]
    planes = Planes(plane_axes=(order[1], order[0]))
    for axis in axes:
        highest = max(parts.get(axis, 1) for parts, _ in found)
        planned = axis_settings(file.mainfile, axis).get("MaxSize")
        if isinstance(planned, int) and highest <= planned <= MAX_SIZE:
            planes.sizes[axis] = planned
        else:
            planes.sizes[axis] = highest
    places = ((tuple(parts.get(axis, 1) - 1 for axis in axes), name) for parts, name in found)
    planes.files = dict(sorted(places))
    return planes


def read_properties(file: oiffile.OifFile, plane: str) -> dict[str, Any]:
    """Return the settings that belong to the plane in the file `plane`; none if they are gone."""
    name = f"{plane[: -len('.tif')]}.pty"
    try:
        return oiffile.SettingsFile(file.open_file(name), name)
    except DAMAGE:
        return {}


def channel_colors(file: oiffile.OifFile, count: int) -> list[str | None]:
    """Return the brightest colour of each channel's look-up table, `#rrggbb`."""
    colors: list[str | None] = []
    for number in range(1, count + 1):
        name = f"s_LUT{number}.lut"
        try:
            table = oiffile.SettingsFile(file.open_file(name), name).get("ColorLUTData")
        except DAMAGE:
            table = None
        # A table has rows of blue, green, red and 0.
        color = None if table is None or not len(table) else table[-1]
        colors.append(None if color is None else f"#{color[2]:02x}{color[1]:02x}{color[0]:02x}")
    return colors


def find_oif(folder: Path) -> list[Path]:
    """Return the OIF files in a folder."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".oif")


def _base_name(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name
