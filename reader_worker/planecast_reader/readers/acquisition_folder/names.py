"""What the names in a folder of an acquisition say: one pass, no file opened.

0/A1_0_2_Fluorescence_488_nm_Ex.tiff   time point / region _ fov _ z _ channel
0/A1_0.ome.tiff, ome_tiff/A1_0.ome.tiff   region _ fov, one file with axes T, Z, C
0/A1_0_stack.tiff                         region _ fov, one page a plane, described in the file
zarr/A1/fov_0.ome.zarr                    region / fov, one store with axes T, C, Z
plate.ome.zarr/A/1/0                      row / column / fov, the same in a plate
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

_PAIR = re.compile(r"_(\d+)_(\d+)_")
_OME = re.compile(r"(?P<region>.+)_(?P<fov>\d+)\.ome\.tiff?", re.IGNORECASE)
_PAGES = re.compile(r"(?P<region>.+)_(?P<fov>\d+)_stack\.tiff?", re.IGNORECASE)
_ZARR_FOV = re.compile(r"fov_(\d+)\.ome\.zarr")
_PLATE = "plate.ome.zarr"
_ZARR_FOLDER = "zarr"
_PLANE_SUFFIXES = (".tiff", ".tif")
_OME_FOLDER = "ome_tiff"
_WELL = re.compile(r"([A-Za-z]{1,2})(\d{1,3})")
_DIGITS = re.compile(r"(\d+)")

Fov = tuple[str, int]
"""Region (well) and number of the fov in it."""


@dataclass(slots=True)
class FolderIndex:
    """The files of an acquisition."""

    planes: dict[tuple[Fov, int, int, str], Path] = field(default_factory=dict)
    """(fov, t, z, channel) to the file that holds this one plane."""
    stacks: dict[Fov, dict[int, Path]] = field(default_factory=dict)
    """fov to its OME-TIFFs or zarr stores, by time point; by 0 where one file has all."""
    pages: dict[Fov, dict[int, Path]] = field(default_factory=dict)
    """fov to its multi-page TIFFs, by time point."""

    @property
    def fovs(self) -> list[Fov]:
        """Every fov that appears anywhere, wells by row and column, A2 before A10."""
        found = {key[0] for key in self.planes} | self.stacks.keys() | self.pages.keys()
        return sorted(found, key=lambda fov: (region_order(fov[0]), fov[1]))

    @property
    def channels(self) -> list[str]:
        """Names of the channels of single-plane files, in natural order."""
        return sorted({key[3] for key in self.planes}, key=natural_order)

    @property
    def n_times(self) -> int:
        """Time points, counted by folders."""
        times = {key[1] for key in self.planes}
        times |= {t for files in self.stacks.values() for t in files}
        times |= {t for files in self.pages.values() for t in files}
        return max(times, default=0) + 1

    @property
    def n_z(self) -> int:
        """Slices, of single-plane files."""
        return max((key[2] for key in self.planes), default=0) + 1


def natural_order(text: str) -> list[tuple[int, int, str]]:
    """Return a sort key in which numbers count as numbers."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part.lower())
        for part in _DIGITS.split(text)
        if part
    ]


def region_order(region: str) -> tuple[int, int, str, int, list[tuple[int, int, str]]]:
    """Return a sort key: wells by row (A … Z, AA …) and column, other names after them."""
    well = _WELL.fullmatch(region)
    if well is None:
        return 1, 0, "", 0, natural_order(region)
    row, column = well[1].upper(), int(well[2])
    return 0, len(row), row, column, []


def scan(folder: Path, regions: Iterable[str] = ()) -> FolderIndex:
    """Index the folder by names. `regions` are names known otherwise, to split file names by."""
    known = frozenset(regions)
    index = FolderIndex()
    time_folders: list[tuple[int, Path]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir() and (entry.name.isdecimal() or entry.name == _OME_FOLDER):
                t = int(entry.name) if entry.name.isdecimal() else 0
                time_folders.append((t, Path(entry.path)))
    _add_zarr(index, folder)
    # Somebody may open the folder of one time point.
    for t, place in sorted(time_folders) or [(0, folder)]:
        with os.scandir(place) as entries:
            for entry in entries:
                _add(index, t, place / entry.name, known)
    return index


def _add_zarr(index: FolderIndex, folder: Path) -> None:
    """Look for one store a fov, which has all time points."""
    for path in (folder / _ZARR_FOLDER).glob("*/*"):
        number = _ZARR_FOV.fullmatch(path.name)
        if number is not None and path.is_dir():
            index.stacks[path.parent.name, int(number[1])] = {0: path}
    for path in (folder / _PLATE).glob("*/*/*"):
        if path.name.isdecimal() and path.is_dir():
            index.stacks[path.parent.parent.name + path.parent.name, int(path.name)] = {0: path}


def _add(index: FolderIndex, t: int, path: Path, known: frozenset[str]) -> None:
    name = path.name
    if name.startswith("."):
        return
    stack = _OME.fullmatch(name)
    if stack is not None:
        index.stacks.setdefault((stack["region"], int(stack["fov"])), {})[t] = path
        return
    if path.suffix.lower() not in _PLANE_SUFFIXES:
        return
    pages = _PAGES.fullmatch(name)
    if pages is not None:
        index.pages.setdefault((pages["region"], int(pages["fov"])), {})[t] = path
        return
    parts = split_name(path.stem, known)
    if parts is not None:
        region, fov, z, channel = parts
        index.planes[(region, fov), t, z, channel] = path


def split_name(stem: str, known: frozenset[str]) -> tuple[str, int, int, str] | None:
    """Split `region_fov_z_channel`, where region and channel may have "_" and numbers too.

    The split whose region is known wins; else the last two numbers between "_".
    """
    splits = []
    start = 0
    while (match := _PAIR.search(stem, start)) is not None:
        region, channel = stem[: match.start()], stem[match.end() :]
        if region and channel:
            splits.append((region, int(match[1]), int(match[2]), channel))
        start = match.start() + 1
    if not splits:
        return None
    return next((split for split in splits if split[0] in known), splits[-1])
