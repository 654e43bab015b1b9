"""The file formats: one module each, on the contract of `planecast_reader.reader`.

File libraries are imported here and nowhere else, when a file first needs one.
"""

import importlib
from pathlib import Path

from planecast_protocol.errors import MissingLibraryError, UnsupportedFormatError
from planecast_reader.reader import PlaneReader

READERS: dict[str, str] = {
    "tiff": "tiff.reader:TiffReader",
    "czi": "czi.reader:CziReader",
    "acquisition_folder": "acquisition_folder.reader:AcquisitionFolderReader",
}
"""Format name to "module:Class", relative to this package."""

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"ZISRAWFILE", "czi"),
)
"""First bytes of a file to format name. They win over the suffix."""

SUFFIXES: dict[str, str] = {
    ".tif": "tiff",
    ".tiff": "tiff",
    ".lsm": "tiff",
    ".stk": "tiff",
    ".companion.ome": "tiff",
    ".czi": "czi",
}
"""End of a file name, in lower case, to format name: for a file whose content doesn't say yet."""

EXTRAS: dict[str, str] = {}
"""Format name to the extra that installs its library, where that is not `reader`."""


def recognise(path: Path) -> str:
    """Return the name of the format of the file or folder `path`.

    Raises `UnsupportedFormatError` if no reader knows it.
    """
    if path.is_dir():
        # A folder without a companion file is looked at by the reader of folders itself.
        return "tiff" if any(path.glob("*.companion.ome")) else "acquisition_folder"
    with path.open("rb") as file:
        beginning = file.read(16)
    for signature, name in SIGNATURES:
        if beginning.startswith(signature):
            return name
    for suffix, name in SUFFIXES.items():
        if path.name.lower().endswith(suffix):
            return name
    known = ", ".join(sorted(SUFFIXES))
    raise UnsupportedFormatError.of(path, f"no reader knows this kind of file (known: {known})")


def reader_class(name: str) -> type[PlaneReader]:
    """Import the reader of the format `name`.

    Raises `MissingLibraryError` if the library that it needs is not installed.
    """
    module_name, _, class_name = READERS[name].partition(":")
    try:
        module = importlib.import_module(f"{__name__}.{module_name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("planecast"):
            raise
        extra = EXTRAS.get(name, "reader")
        raise MissingLibraryError(
            f"reading {name} needs {error.name}: pip install 'planecast[{extra}]'"
        ) from error
    reader: type[PlaneReader] = getattr(module, class_name)
    return reader


def open_reader(path: Path) -> PlaneReader:
    """Open `path` with the reader of its format; see `PlaneReader` for what that raises."""
    return reader_class(recognise(path))(path)
