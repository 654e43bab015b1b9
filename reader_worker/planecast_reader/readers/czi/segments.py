"""The segments of a CZI file: the header, and where things are.

A segment is 16 bytes of name, two 64-bit sizes (allocated, used), then its content
(Zeiss ZISRAW file format 1.2.2, section 3).
"""

import os
import struct
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from planecast_protocol.errors import CorruptFileError, NotYetWrittenError

SEGMENT_HEADER_BYTES = 32
DIRECTORY_FIXED_BYTES = 128
METADATA_FIXED_BYTES = 256
ATTACHMENT_FIXED_BYTES = 256
ATTACHMENT_ENTRY_BYTES = 128
MAX_XML_BYTES = 512 << 20
MAX_ATTACHMENTS = 100_000

MAX_POSITION = 1 << 48
"""A position beyond this is damage; one beyond the file's end may be a file still copied."""


@dataclass(frozen=True, slots=True)
class FileHeader:
    """Positions of the parts of the file; 0 where there is none."""

    directory: int
    metadata: int
    attachments: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """One entry of the directory of attachments."""

    name: str
    kind: str
    position: int


def file_size(file: FileIO) -> int:
    """Return how many bytes are there now."""
    return os.fstat(file.fileno()).st_size


def read_at(path: Path, file: FileIO, position: int, count: int) -> bytes:
    """Return exactly `count` bytes. Raises `NotYetWrittenError` if fewer are there."""
    size = file_size(file)
    if position < 0 or position > MAX_POSITION or not 0 <= count <= MAX_POSITION:
        raise CorruptFileError.of(path, f"points to {count} bytes at {position}")
    if position + count > size:
        raise NotYetWrittenError.of(
            path, f"{size} of {position + count} bytes are there; ask again, or it was cut"
        )
    file.seek(position)
    parts = []
    while count:
        part = file.read(count)
        if not part:
            raise NotYetWrittenError.of(path, f"became shorter than {position + count} bytes")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def open_segment(path: Path, file: FileIO, position: int, name: str) -> int:
    """Check the segment at `position` and return the bytes that its content uses."""
    head = read_at(path, file, position, SEGMENT_HEADER_BYTES)
    found = head[:16].rstrip(b"\0")
    if found != name.encode():
        if not found:
            raise NotYetWrittenError.of(path, f"has no {name} at byte {position} yet")
        raise CorruptFileError.of(path, f"has {found!r} at byte {position}, not {name}")
    allocated, used = struct.unpack_from("<qq", head, 16)
    content: int = used or allocated
    if allocated < 0 or used < 0 or used > allocated > 0:
        raise CorruptFileError.of(path, f"has a {name} of {used} bytes in {allocated}")
    return content


def read_header(path: Path, file: FileIO) -> FileHeader:
    """Return the positions in the header of the file.

    Raises `NotYetWrittenError` if the writer has not put the directory's position there yet.
    """
    if file_size(file) < SEGMENT_HEADER_BYTES + 80:
        start = read_at(path, file, 0, min(file_size(file), 10))
        if not b"ZISRAWFILE".startswith(start.rstrip(b"\0")):
            raise CorruptFileError.of(path, f"is no CZI, it begins with {start!r}")
        raise NotYetWrittenError.of(path, f"no CZI header yet in its {file_size(file)} bytes")
    open_segment(path, file, 0, "ZISRAWFILE")
    fixed = read_at(path, file, SEGMENT_HEADER_BYTES, 80)
    directory, metadata = struct.unpack_from("<qq", fixed, 52)
    (attachments,) = struct.unpack_from("<q", fixed, 72)
    if directory == 0:
        raise NotYetWrittenError.of(
            path, "has no directory yet: it is still being written, or its writer was stopped"
        )
    return FileHeader(directory, metadata, attachments)


def read_metadata_xml(path: Path, file: FileIO, position: int) -> bytes:
    """Return the document's XML; empty where the file has none."""
    if position == 0:
        return b""
    open_segment(path, file, position, "ZISRAWMETADATA")
    (size,) = struct.unpack("<i", read_at(path, file, position + SEGMENT_HEADER_BYTES, 4))
    if not 0 <= size <= MAX_XML_BYTES:
        raise CorruptFileError.of(path, f"has metadata of {size} bytes")
    start = position + SEGMENT_HEADER_BYTES + METADATA_FIXED_BYTES
    return read_at(path, file, start, size)


def read_attachments(path: Path, file: FileIO, position: int) -> list[Attachment]:
    """Return the directory of attachments."""
    if position == 0:
        return []
    used = open_segment(path, file, position, "ZISRAWATTDIR")
    start = position + SEGMENT_HEADER_BYTES
    (count,) = struct.unpack("<i", read_at(path, file, start, 4))
    n_bytes = count * ATTACHMENT_ENTRY_BYTES
    if not 0 <= count <= MAX_ATTACHMENTS or n_bytes > used:
        raise CorruptFileError.of(path, f"has a directory of {count} attachments")
    entries = read_at(path, file, start + 256, n_bytes)
    found = []
    for offset in range(0, n_bytes, ATTACHMENT_ENTRY_BYTES):
        entry = entries[offset : offset + ATTACHMENT_ENTRY_BYTES]
        (where,) = struct.unpack_from("<q", entry, 12)
        kind = entry[40:48].rstrip(b"\0").decode("latin-1")
        name = entry[48:128].rstrip(b"\0").decode("latin-1")
        found.append(Attachment(name, kind, where))
    return found


def read_time_stamps(path: Path, file: FileIO, attachments: list[Attachment]) -> list[float]:
    """Return the seconds of the TimeStamps attachment, one a time point; empty if none."""
    for attachment in attachments:
        if attachment.kind != "CZTIMS":
            continue
        open_segment(path, file, attachment.position, "ZISRAWATTACH")
        start = attachment.position + SEGMENT_HEADER_BYTES + ATTACHMENT_FIXED_BYTES
        _, count = struct.unpack("<ii", read_at(path, file, start, 8))
        if not 0 <= count < 1 << 24:
            raise CorruptFileError.of(path, f"has {count} time stamps")
        return list(struct.unpack(f"<{count}d", read_at(path, file, start + 8, 8 * count)))
    return []
