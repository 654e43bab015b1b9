"""The planetable: one row a sub-block, with its time and the stage's position."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from planecast_reader.reader import Table
from planecast_reader.readers.czi.directory import Block
from planecast_reader.readers.czi.subblock import read_xml

DIMENSIONS = ("S", "M", "T", "C", "Z")
POSITIONS = {
    "X[micron]": "StageXPosition",
    "Y[micron]": "StageYPosition",
    "Z[micron]": "FocusPosition",
}
TIME = "Time[s]"
COLUMNS = ("Subblock", *DIMENSIONS, *POSITIONS, TIME, "xstart", "ystart", "width", "height")
EMPTY_TABLE: Table = {column: [] for column in COLUMNS}


def build_planetable(
    path: Path,
    file: FileIO,
    blocks: Sequence[Block],
    time_stamps: Sequence[float],
    *,
    norm_time: bool,
) -> Table:
    """Return the columns `COLUMNS`, rows in the order S, M, T, C, Z; `None` where absent.

    `Time[s]` is in seconds since 1970 where sub-blocks have their own times, else as the
    attachment TimeStamps counts them; with `norm_time`, since the first row in time.
    """
    rows = sorted(
        ((number, block) for number, block in enumerate(blocks) if block.is_layer0),
        key=lambda row: [row[1].start.get(axis, 0) for axis in DIMENSIONS],
    )
    table: Table = {column: [] for column in COLUMNS}
    for number, block in rows:
        _append_directory(table, number, block)
        tags = _tags(read_xml(path, file, block))
        for column, tag in POSITIONS.items():
            table[column].append(_number(tags.get(tag)))
        table[TIME].append(_seconds(tags.get("AcquisitionTime")))
    if time_stamps and all(time is None for time in table[TIME]):
        first_t = min((t for t in table["T"] if t is not None), default=0)
        table[TIME] = [_stamp(time_stamps, t, first_t) for t in table["T"]]
    if norm_time:
        _count_from_first(table)
    return table


def _append_directory(table: Table, number: int, block: Block) -> None:
    table["Subblock"].append(number)
    for axis in DIMENSIONS:
        table[axis].append(block.start.get(axis))
    for column, value in (
        ("xstart", block.x),
        ("ystart", block.y),
        ("width", block.width),
        ("height", block.height),
    ):
        table[column].append(value)


def _tags(xml: bytes) -> dict[str, str]:
    """Return the texts of a sub-block's XML by tag; empty where it is damaged."""
    xml = xml.rstrip(b"\0")
    if not xml:
        return {}
    try:
        root = ET.fromstring(xml)  # noqa: S314  expat bounds entities itself
    except ET.ParseError:
        return {}
    found: dict[str, str] = {}
    for element in root.iter():
        if element.text:
            found.setdefault(element.tag, element.text)
    return found


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _seconds(text: str | None) -> float | None:
    """Return seconds since 1970 of a time in ISO 8601; one without a zone is in UTC."""
    try:
        time = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _stamp(time_stamps: Sequence[float], t: int | None, first_t: int) -> float | None:
    """Return the time of point `t`; a file cut out of a longer one may count from its own."""
    place = 0 if t is None else t
    if first_t >= len(time_stamps) or place >= len(time_stamps):
        place -= first_t
    return time_stamps[place] if 0 <= place < len(time_stamps) else None


def _count_from_first(table: Table) -> None:
    first = min((time for time in table[TIME] if time is not None), default=0.0)
    table[TIME] = [None if time is None else time - first for time in table[TIME]]
