"""The index of an NDTiff folder: one entry a plane, in the order in which they were written.

    length of the axes 4 | axes, JSON such as {"time": 0, "channel": "DAPI"}
    length of the file name 4 | file name
    8 numbers of 4: offset, width, height, pixel type, compression, and the same of its metadata

It is read here and not by ndstorage, which opens every file, prints, and knows no half index.
"""

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path

from planecast_protocol.errors import CorruptFileError

INDEX = "NDTiff.index"
FULL_RESOLUTION = "Full resolution"
AxisValue = int | str

_LENGTH = struct.Struct("<I")
_NO_ENTRY = bytes(4)
_ENTRY = struct.Struct("<8I")
_MAX_TEXT_BYTES = 1 << 16
_ORDER = ("row", "column", "position", "time", "channel", "z")
_AFTER = _ORDER.index("channel") + 0.5
"""Axes that Micro-Manager does not know stand behind the channel."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a plane lies."""

    file: str
    offset: int
    width: int
    height: int
    pixel_type: int
    compression: int
    metadata_offset: int
    metadata_bytes: int


@dataclass
class Index:
    """All planes that the index lists."""

    axes: dict[str, list[AxisValue]] = field(default_factory=dict)
    """Name to the values that occur, numbers sorted, names as they came; outermost first."""
    entries: dict[tuple[AxisValue, ...], Entry] = field(default_factory=dict)
    """By the values on all axes; a plane that lacks an axis is at its first value."""
    trouble: str | None = None
    """Why there may be more planes than listed."""


def find_index(folder: Path) -> Path:
    """Return the index of the folder's full resolution."""
    own = folder / INDEX
    return own if own.is_file() else folder / FULL_RESOLUTION / INDEX


def parse_index(path: Path, data: bytes) -> Index:
    """Return the planes of the index; what is behind a damaged entry is left out."""
    found, is_whole = _read_entries(path, data)
    index = Index()
    if not is_whole:
        index.trouble = f"its index is damaged, or being written, after {len(found)} planes"
    for axes, _ in found:
        for axis, value in axes.items():
            values = index.axes.setdefault(axis, [])
            if value not in values:
                values.append(value)
    index.axes = {axis: _sorted(index.axes[axis]) for axis in sorted(index.axes, key=_place)}
    for axes, entry in found:
        key = tuple(axes.get(axis, values[0]) for axis, values in index.axes.items())
        index.entries[key] = entry
    return index


def _read_entries(path: Path, data: bytes) -> tuple[list[tuple[dict[str, AxisValue], Entry]], bool]:
    """Return the entries up to the first that can't be read, and whether there is none such."""
    found: list[tuple[dict[str, AxisValue], Entry]] = []
    position = 0
    while position < len(data):
        if data.startswith(_NO_ENTRY, position):
            break  # space for entries to come
        try:
            position, axes, entry = _parse_entry(data, position)
        except (struct.error, ValueError):
            return found, False
        if "/" in entry.file or "\\" in entry.file:
            raise CorruptFileError.of(path, f"refers to {entry.file}, outside of its folder")
        found.append((axes, entry))
    return found, True


def _parse_entry(data: bytes, position: int) -> tuple[int, dict[str, AxisValue], Entry]:
    axes_text, position = _text(data, position)
    axes = json.loads(axes_text)
    if not isinstance(axes, dict) or not axes:
        raise ValueError("no axes")
    name, position = _text(data, position)
    offset, width, height, kind, compression, meta_offset, meta_bytes, _ = _ENTRY.unpack_from(
        data, position
    )
    entry = Entry(name, offset, width, height, kind, compression, meta_offset, meta_bytes)
    values = {axis: value if isinstance(value, int) else str(value) for axis, value in axes.items()}
    return position + _ENTRY.size, values, entry


def _text(data: bytes, position: int) -> tuple[str, int]:
    n_bytes = _LENGTH.unpack_from(data, position)[0]
    start = position + _LENGTH.size
    if n_bytes > _MAX_TEXT_BYTES or start + n_bytes > len(data):
        raise ValueError("longer than the index")
    return data[start : start + n_bytes].decode(), start + n_bytes


def _place(axis: str) -> tuple[float, str]:
    return (_ORDER.index(axis) if axis in _ORDER else _AFTER, axis)


def _sorted(values: list[AxisValue]) -> list[AxisValue]:
    numbers = sorted(value for value in values if isinstance(value, int))
    return [*numbers, *(value for value in values if isinstance(value, str))]
