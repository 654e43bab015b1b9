"""Which file, and which OME-XML, a TIFF is to be read with."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tifffile

from planecast_protocol.errors import CorruptFileError, NoDataError, NotYetWrittenError
from planecast_reader.readers.tiff.ome import MAX_PLANES, OmeDocument, parse_ome
from planecast_reader.readers.tiff.whole import check_beginning

MAX_COMPANION_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class TiffSource:
    """A TIFF file and the XML that says what its planes are."""

    tiff_path: Path
    document: OmeDocument | None = None
    xml: str | None = None
    """OME-XML of a companion file; `None` where it is in the TIFF."""
    tifffile_flags: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def missing_files(self) -> list[str]:
        """Return names of files that the XML refers to and that are not beside this one."""
        if self.document is None or self.tifffile_flags:
            return []
        folder = self.tiff_path.parent
        return sorted(name for name in self.document.files if not (folder / name).is_file())


def find_source(path: Path) -> TiffSource:
    """Return what to read for `path`: a TIFF, a companion file, or the folder of one.

    Raises `CorruptFileError` for OME-XML that declares more planes than can be,
    `NotYetWrittenError` for a file without a first page.
    """
    if path.is_dir():
        companions = sorted(path.glob("*.companion.ome"))
        if len(companions) != 1:
            raise NoDataError.of(path, f"has {len(companions)} companion files; open one of them")
        return _of_companion(path, companions[0])
    if path.name.lower().endswith(".companion.ome"):
        return _of_companion(path, path)
    xml = _xml_of(path)
    if xml is None:
        return TiffSource(path)
    try:
        document = parse_ome(xml)
    except ValueError as error:
        return _without_ome(path, f"{error}; pages are shown as they lie in the file")
    _check_count(path, document)
    return _binary_only(path, document.companion) if document.companion else _beside(path, document)


def _binary_only(path: Path, companion_name: str) -> TiffSource:
    companion = path.parent / Path(companion_name).name
    if companion.is_file() and not companion.is_symlink():
        return _of_companion(path, companion)
    return _without_ome(path, f"its companion file {companion.name} is missing")


def _of_companion(path: Path, companion: Path) -> TiffSource:
    if companion.stat().st_size > MAX_COMPANION_BYTES:
        raise CorruptFileError.of(companion, "is too large for OME-XML")
    xml = companion.read_text(encoding="utf-8", errors="replace")
    try:
        document = parse_ome(xml.encode())
    except ValueError as error:
        raise CorruptFileError.of(companion, str(error)) from None
    _check_count(path, document)
    if not document.files_are_beside:
        raise CorruptFileError.of(companion, "refers to files outside of its folder")
    there = [name for name in sorted(document.files) if (companion.parent / name).is_file()]
    if not there:
        raise NotYetWrittenError.of(companion, "none of the files that it refers to is there")
    tiff_path = path if path.name in there else companion.parent / there[0]
    return _beside(tiff_path, document, xml)


def _beside(path: Path, document: OmeDocument, xml: str | None = None) -> TiffSource:
    """Let tifffile follow references, but only to regular files in the same folder."""
    linked = [name for name in document.files if (path.parent / name).is_symlink()]
    if not document.files_are_beside or linked:
        return _without_ome(path, "its OME-XML refers to files outside of its folder")
    return TiffSource(path, document, xml)


def _without_ome(path: Path, warning: str) -> TiffSource:
    return TiffSource(path, tifffile_flags={"is_ome": False}, warnings=[warning])


def _check_count(path: Path, document: OmeDocument) -> None:
    if document.n_planes > MAX_PLANES:
        raise CorruptFileError.of(path, f"its OME-XML declares {document.n_planes} planes")


def _xml_of(path: Path) -> str | None:
    """Return the OME-XML in the first page's description, looked at before all pages are."""
    with path.open("rb") as file:
        check_beginning(path, file)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        description = page.description if isinstance(page, tifffile.TiffPage) else ""
    # As tifffile decides it, so that both read the same document or none.
    return description if description.rstrip()[-10:].strip().endswith("OME>") else None
