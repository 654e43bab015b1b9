"""What a layout finds in files: planes, by names; and how they are ordered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_DIGITS = re.compile(r"(\d+)")
_WELL = re.compile(r"([A-Za-z]{1,2})(\d{1,3})")


@dataclass(frozen=True, slots=True)
class FoundPlane:
    """One plane and where it is. Names are as the files have them."""

    t: int
    fov: str
    """Label, such as `A1:0`."""
    z: int
    channel: str
    path: Path
    scene: int = 0
    index: Mapping[str, int] = field(default_factory=dict)
    """Place in the file by the file's own axis letters."""
    page: int | None = None
    size_bytes: int | None = None
    """Of a file that holds this plane alone and is whole."""
    mtime_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What came of looking at a file that changed."""

    planes: tuple[FoundPlane, ...] = ()
    again: bool = False
    """The file is half written, or will hold more: look again even if nobody tells."""


NOTHING = Look()
LATER = Look(again=True)


def fov_label(region: str | None, fov: int | None) -> str:
    """Return `region:fov`; a name without a fov has fov 0, and a fov alone is its number."""
    if region is None:
        return str(fov or 0)
    return f"{region}:{fov or 0}"


def natural_order(text: str) -> list[tuple[int, int, str]]:
    """Return a sort key in which numbers count as numbers."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part.lower())
        for part in _DIGITS.split(text)
        if part
    ]


FovOrder = tuple[int, int, str, int, list[tuple[int, int, str]], list[tuple[int, int, str]]]


def fov_order(label: str) -> FovOrder:
    """Return a sort key of labels: wells by row (A … Z, AA …) and column, other names after."""
    region, _, fov = label.rpartition(":")
    well = _WELL.fullmatch(region)
    if well is None:
        return 1, 0, "", 0, natural_order(region), natural_order(fov)
    row = well[1].upper()
    return 0, len(row), row, int(well[2]), [], natural_order(fov)


def channel_key(name: str) -> str:
    """Return what two spellings of a channel share: files have `_` where settings have spaces."""
    return name.strip().replace(" ", "_")
