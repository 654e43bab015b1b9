"""What a CZI holds: its sub-blocks, document and attachments, found and checked."""

from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from planecast_protocol.errors import CorruptFileError, NotYetWrittenError
from planecast_reader.readers.czi.directory import UNCOMPRESSED, Block, read_directory
from planecast_reader.readers.czi.recovery import walk
from planecast_reader.readers.czi.segments import (
    SEGMENT_HEADER_BYTES,
    Attachment,
    FileHeader,
    file_size,
    read_attachments,
    read_header,
    read_metadata_xml,
)
from planecast_reader.readers.czi.xml import CziDocument, parse_document


@dataclass
class Contents:
    """The parts of an open file."""

    blocks: list[Block]
    xml: bytes = b""
    document: CziDocument = field(default_factory=CziDocument)
    attachments: list[Attachment] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    is_recovered: bool = False
    """Found without the directory: no native library may open the file, and more may come."""


def read_contents(path: Path, file: FileIO) -> Contents:
    """Read the directory and the document.

    Raises `CorruptFileError` for a directory that a native library would trip over, and
    `NotYetWrittenError` if there is neither a directory nor a whole sub-block.
    """
    try:
        header = read_header(path, file)
        contents = Contents(read_directory(path, file, header.directory))
    except NotYetWrittenError:
        found = walk(path, file)
        if not found.blocks:
            raise
        header = FileHeader(0, found.metadata, found.attachments)
        contents = Contents(found.blocks, is_recovered=True)
        contents.warnings.append(
            f"it has no directory: it is being written, or was cut. {len(found.blocks)} whole "
            "sub-blocks were found without it"
        )
    _warn_of_missing(contents, file_size(file))
    _read_document(path, file, header, contents)
    return contents


def _warn_of_missing(contents: Contents, size: int) -> None:
    missing = sum(_least_end(block) > size for block in contents.blocks)
    if missing:
        contents.warnings.append(
            f"{missing} of its {len(contents.blocks)} sub-blocks lie beyond its end: it is being "
            "written, or was cut"
        )


def _least_end(block: Block) -> int:
    """Return where the sub-block ends at least; pixels that are compressed may be few."""
    end = block.position + SEGMENT_HEADER_BYTES
    if block.compression == UNCOMPRESSED and block.is_read:
        end += block.stored_width * block.stored_height * block.pixels.n_bytes
    return end


def _read_document(path: Path, file: FileIO, header: FileHeader, contents: Contents) -> None:
    """Read what the pixels can do without; what is missing of it becomes a warning."""
    try:
        contents.attachments = read_attachments(path, file, header.attachments)
        contents.xml = read_metadata_xml(path, file, header.metadata)
        contents.document = parse_document(contents.xml)
    except (CorruptFileError, NotYetWrittenError) as error:
        contents.warnings.append(f"no metadata: {error.message}")
    except ValueError as error:
        contents.warnings.append(str(error))
