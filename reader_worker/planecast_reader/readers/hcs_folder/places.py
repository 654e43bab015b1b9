"""Where in a folder a plate is, by the names of files: no file is opened.

ImageXpress  PLATE.HTD, [TimePoint_1/][ZStep_1/]PLATE_C07_s1_w1[UUID].tif
Yokogawa     MeasurementData.mlf, PLATE_C02_T0001F001L01A01Z01C01.tif
"""

import itertools
import os
import re
from pathlib import Path

IMAGEXPRESS = re.compile(
    r"(?P<plate>.+?)_(?P<well>[A-Z]{1,2}\d{1,2})(?:_s(?P<site>\d{1,4}))?(?:_w(?P<channel>\d{1,2}?))?"
    r"(?P<thumb>_thumb)?(?P<uuid>[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12})?\.tiff?",
    re.IGNORECASE,
)
YOKOGAWA = re.compile(
    r"(?P<plate>.+)_(?P<well>[A-Z]{1,2}\d{2})_T(?P<t>\d{4,})F(?P<field>\d{3,})L(?P<timeline>\d{2,})"
    r"A(?P<action>\d{2,})Z(?P<z>\d{2,})C(?P<channel>\d{2,})\.tiff?",
    re.IGNORECASE,
)
TIME_FOLDER = re.compile(r"TimePoint_(\d+)", re.IGNORECASE)
Z_FOLDER = re.compile(r"ZStep_(\d+)", re.IGNORECASE)
RECORDS = "MeasurementData.mlf"

MAX_DEPTH = 3
"""MetaXpress exports PLATE/DATE/NUMBER."""
MAX_NAMES = 64
"""That are looked at in a folder that may be none of these."""
MAX_FOLDERS = 16


def find_plates(folder: Path, depth: int = MAX_DEPTH) -> list[Path]:
    """Return the folder itself if it is a plate's, else those beneath it that are."""
    with os.scandir(folder) as entries:
        first = list(itertools.islice(entries, MAX_NAMES))
    if any(_is_mark(entry.name) for entry in first):
        return [folder]
    if len(first) == MAX_NAMES and _has_mark_file(folder):
        return [folder]
    if not depth or len(first) > MAX_FOLDERS:
        return []
    below = [Path(entry.path) for entry in first if entry.is_dir(follow_symlinks=False)]
    return [plate for path in sorted(below) for plate in find_plates(path, depth - 1)]


def is_plate(folder: Path) -> bool:
    """Tell whether there is a plate in the folder."""
    return bool(find_plates(folder))


def _has_mark_file(folder: Path) -> bool:
    """Look for what may come late in a folder of very many files."""
    return (folder / RECORDS).is_file() or (folder / "TimePoint_1").is_dir()


def _is_mark(name: str) -> bool:
    if name == RECORDS or name.lower().endswith(".htd"):
        return True
    if TIME_FOLDER.fullmatch(name) or Z_FOLDER.fullmatch(name) or YOKOGAWA.fullmatch(name):
        return True
    found = IMAGEXPRESS.fullmatch(name)
    return found is not None and bool(found["site"] or found["channel"])
