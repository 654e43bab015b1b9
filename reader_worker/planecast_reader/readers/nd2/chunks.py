"""The chunks of an ND2 file: found by its map, or one after the other where the map is gone.

    header   magic 4 | length of the name 4 | length of the data 8
    name     such as `ImageDataSeq|12!`, filled up with zeros
    data     of a frame: time stamp 8, then the pixels

The file ends in a map of names to (position, length) and in 40 bytes that say where the map is.
A file that was cut, or is still being written, has no map.
"""

import io
import os
import struct
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from planecast_protocol.errors import CorruptFileError, NotYetWrittenError

MAGIC = 0x0ABECEDA
MAGIC_BYTES = MAGIC.to_bytes(4, "little")
HEADER = struct.Struct("<IIQ")
FRAME_NAME = b"ImageDataSeq|%d!"
MAX_NAME_BYTES = 64 << 10
_MAP_NAME = b"ND2 FILEMAP SIGNATURE NAME 0001!"
_MAP_END = b"ND2 CHUNK MAP SIGNATURE 0000001!"
_END = struct.Struct("<32sQ")
_ENTRY = struct.Struct("<QQ")
_ALIGNMENT = 4096
_MAX_GAP = 64 * _ALIGNMENT
_MAX_MAP_BYTES = 1 << 30


@dataclass(frozen=True)
class Chunks:
    """Where each chunk's header begins."""

    positions: dict[bytes, int]
    """By name, which ends in `!`."""
    is_rebuilt: bool
    """The file has no map that can be used."""


def read_chunks(file: FileIO) -> Chunks:
    """Return the chunks by the file's map; without one, those that are whole."""
    size = os.fstat(file.fileno()).st_size
    positions = _read_map(file, size)
    if positions is None:
        return Chunks(_walk(file, size), is_rebuilt=True)
    return Chunks(positions, is_rebuilt=False)


def find_data(path: Path, file: FileIO, chunks: Chunks, name: bytes) -> tuple[int, int]:
    """Return offset and length of the data of the chunk `name`, which is in `chunks`.

    Raises `CorruptFileError` if another chunk is there, or none.
    """
    position = chunks.positions[name]
    size = os.fstat(file.fileno()).st_size
    header = _read_at(file, position, HEADER.size)
    if len(header) < HEADER.size:
        raise NotYetWrittenError.of(path, f"it ends before its chunk {_text(name)}")
    magic, name_bytes, data_bytes = HEADER.unpack(header)
    start = position + HEADER.size + name_bytes
    if magic != MAGIC or not _read_at(file, position + HEADER.size, len(name)) == name:
        raise CorruptFileError.of(path, f"at {position} there is no chunk {_text(name)}")
    if start + data_bytes > size:
        raise NotYetWrittenError.of(path, f"it ends within its chunk {_text(name)}")
    return start, data_bytes


class MendedFile(io.RawIOBase):
    """The file with a map of `chunks` behind its end, as the library wants to see it."""

    def __init__(self, file: FileIO, chunks: Chunks) -> None:
        super().__init__()
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        entries = [name + _ENTRY.pack(at, 0) for name, at in chunks.positions.items()]
        data = b"".join(entries) + _END.pack(_MAP_END, self._size)
        self._tail = HEADER.pack(MAGIC, len(_MAP_NAME), len(data)) + _MAP_NAME + data
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to `offset`, from the beginning, from here or from the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(
            whence, self._size + len(self._tail)
        )
        self._position = max(base + offset, 0)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, fewer at the end, all that are left if it is negative."""
        end = self._size + len(self._tail)
        count = max(end - self._position, 0)
        count = count if size < 0 else min(size, count)
        first = max(min(count, self._size - self._position), 0)
        data = _read_at(self._file, self._position, first) if first else b""
        after = max(self._position - self._size, 0)
        data += self._tail[after : after + count - len(data)]
        self._position += len(data)
        return data


def _read_at(file: FileIO, position: int, count: int) -> bytes:
    file.seek(position)
    data = b""
    while len(data) < count and (part := file.read(count - len(data))):
        data += part
    return data


def _read_map(file: FileIO, size: int) -> dict[bytes, int] | None:
    """Return the positions by the map, or None if it is missing or can't be right."""
    if size < _END.size:
        return None
    signature, position = _END.unpack(_read_at(file, size - _END.size, _END.size))
    if signature != _MAP_END or position > size - HEADER.size:
        return None
    magic, name_bytes, data_bytes = HEADER.unpack(_read_at(file, position, HEADER.size))
    start = position + HEADER.size + name_bytes
    if magic != MAGIC or start + data_bytes > size or data_bytes > _MAX_MAP_BYTES:
        return None
    data = _read_at(file, start, data_bytes)
    positions: dict[bytes, int] = {}
    at = 0
    while True:
        end = data.find(b"!", at) + 1
        name = data[at:end]
        if name == _MAP_END:
            return positions
        if not end or end + _ENTRY.size > len(data):
            return None
        positions[name] = _ENTRY.unpack_from(data, end)[0]
        if positions[name] >= size:
            return None
        at = end + _ENTRY.size


def _walk(file: FileIO, size: int) -> dict[bytes, int]:
    """Return the chunks that are whole, from the first to the one that is cut."""
    positions: dict[bytes, int] = {}
    position: int | None = 0
    while position is not None:
        _, name_bytes, data_bytes = HEADER.unpack(_read_at(file, position, HEADER.size))
        end = position + HEADER.size + name_bytes + data_bytes
        if name_bytes > MAX_NAME_BYTES or end > size:
            break
        name, mark, _ = _read_at(file, position + HEADER.size, name_bytes).partition(b"!")
        if name + mark == _MAP_NAME:
            break
        if mark:
            positions[name + mark] = position
        position = _next_header(file, end, size)
    return positions


def _next_header(file: FileIO, end: int, size: int) -> int | None:
    """Return where the next chunk begins: at the end of the last, or at a page after it."""
    page = -(-end // _ALIGNMENT) * _ALIGNMENT
    candidates: list[int] = [end, *range(page, min(page + _MAX_GAP, size), _ALIGNMENT)]
    for position in candidates:
        header = _read_at(file, position, HEADER.size)
        if len(header) == HEADER.size and header.startswith(MAGIC_BYTES):
            return position
    return None


def _text(name: bytes) -> str:
    return name.decode("ascii", "replace").rstrip("!")
