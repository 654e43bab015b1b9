"""A look at the sector table of an OIB, which is an OLE compound file, before a library follows it.

A table that leads in a circle keeps oiffile reading for ever.
"""

import struct
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import CorruptFileError, NotYetWrittenError

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER = struct.Struct("<8s16sHHHHHHIIIIIIIIII")
_HEADER_TABLE = 109
_MAX_SECTOR = 0xFFFFFFFA
_FREE = 0xFFFFFFFF
_SECTOR_SHIFTS = {9, 12}

_Table = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class _Header:
    sector_bytes: int
    fat_sectors: int
    mini_fat_start: int
    mini_fat_sectors: int
    more_start: int
    more_sectors: int


def check_compound_file(path: Path, size: int) -> bool:
    """Check that every chain of sectors ends; return False if the file lacks sectors of it.

    Raises `CorruptFileError` for circles and impossible lengths, `NotYetWrittenError` for a file
    that ends before its table.
    """
    with FileIO(path) as file:
        data = file.read(512)
        if len(data) < 512:
            raise NotYetWrittenError.of(path, "it ends within its header")
        header = _read_header(path, data, size)
        fat = _read_fat(path, file, header, data)
        if _has_circle(fat):
            raise CorruptFileError.of(path, "its table of sectors leads in a circle")
        mini = _read_chain(path, file, header, fat)
        if _has_circle(mini):
            raise CorruptFileError.of(path, "its table of small sectors leads in a circle")
    used = np.flatnonzero(fat != _FREE)
    # The last sector may be short, the first follows the header.
    return not len(used) or (int(used[-1]) + 1) * header.sector_bytes < size


def _read_header(path: Path, data: bytes, size: int) -> _Header:
    fields = _HEADER.unpack_from(data)
    magic, shift = fields[0], fields[5]
    if magic != MAGIC or shift not in _SECTOR_SHIFTS:
        raise CorruptFileError.of(path, f"is no compound file, or one with sectors of 2^{shift}")
    header = _Header(
        sector_bytes=1 << shift,
        fat_sectors=fields[10],
        mini_fat_start=fields[14],
        mini_fat_sectors=fields[15],
        more_start=fields[16],
        more_sectors=fields[17],
    )
    claimed = max(header.fat_sectors, header.mini_fat_sectors, header.more_sectors)
    if claimed * header.sector_bytes > size:
        raise NotYetWrittenError.of(
            path, f"claims a table of {claimed} sectors, which is more than its {size} bytes"
        )
    return header


def _read_sector(path: Path, file: FileIO, header: _Header, number: int) -> _Table:
    file.seek((number + 1) * header.sector_bytes)
    data = file.read(header.sector_bytes)
    if len(data) < header.sector_bytes:
        raise NotYetWrittenError.of(path, f"it ends before sector {number}, part of its table")
    return np.frombuffer(data, "<u4")


def _read_fat(path: Path, file: FileIO, header: _Header, data: bytes) -> _Table:
    """Return the successor of each sector."""
    places = list(np.frombuffer(data, "<u4", _HEADER_TABLE, _HEADER.size))
    more = header.more_start
    for _ in range(header.more_sectors):
        if more > _MAX_SECTOR:
            break
        entries = _read_sector(path, file, header, more)
        places.extend(entries[:-1])
        more = int(entries[-1])
    wanted = [int(place) for place in places[: header.fat_sectors]]
    if any(place > _MAX_SECTOR for place in wanted):
        raise CorruptFileError.of(path, "its table of sectors has holes")
    if not wanted:
        raise CorruptFileError.of(path, "it has no table of sectors")
    return np.concatenate([_read_sector(path, file, header, place) for place in wanted])


def _read_chain(path: Path, file: FileIO, header: _Header, fat: _Table) -> _Table:
    """Return the successor of each small sector."""
    parts = [np.empty(0, np.uint32)]
    place = header.mini_fat_start
    for _ in range(header.mini_fat_sectors):
        if place >= len(fat):
            break
        parts.append(_read_sector(path, file, header, place))
        place = int(fat[place])
    return np.concatenate(parts)


def _has_circle(successors: _Table) -> bool:
    """Whether following the table from some sector never ends."""
    count = len(successors)
    following = np.append(np.minimum(successors, count), count).astype(np.int64)
    # Twice as far each time: after that many steps every chain has ended, or never will.
    for _ in range(max(count, 1).bit_length()):
        following = following[following]
    return bool((following != count).any())
