"""Which reader a file needs: by its content, then by its name; and the readers of third parties.

File libraries are imported by the modules of the formats, when a file first needs one. What a
distribution declares as entry point in the group `planecast.readers` is imported by
`load_plugins` alone, which only reader processes call.
"""

import contextlib
import functools
import importlib
import logging
import os
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from planecast_protocol.configuration import configuration
from planecast_protocol.errors import CorruptFileError, MissingLibraryError, UnsupportedFormatError
from planecast_reader.readers.format import Format, Library, Reader
from planecast_reader.readers.table import TABLE

if TYPE_CHECKING:
    from planecast_reader.reader import PlaneReader

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "planecast.readers"
"""Each names a `Format`."""
SELECT_PREFIX = "PLANECAST_READER_"

_STAND_INS = {
    b"version https://git-lfs": "is a pointer of Git LFS, not the file itself: git lfs pull",
    b"<!doctype html": "is a web page, not an image: its download failed",
    b"<html": "is a web page, not an image: its download failed",
}

_plugins: list[Format] = []
_troubles: dict[str, str] = {}


def formats() -> list[Format]:
    """Return all formats, the most wanted first."""
    return sorted([*TABLE, *_plugins], key=lambda one: -one.priority)


def load_plugins() -> dict[str, str]:
    """Import the formats of third parties; return what went wrong, by entry point.

    One that fails is left out, and named where a file turns out to be of no known format.
    """
    _plugins.clear()
    _troubles.clear()
    taken = {one.name for one in TABLE}
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            found = entry_point.load()
        except Exception as error:  # noqa: BLE001 foreign code may raise anything at import
            _troubles[entry_point.name] = f"{type(error).__name__}: {error}"
            continue
        if not isinstance(found, Format):
            _troubles[entry_point.name] = f"{entry_point.value} is no Format"
        elif found.name in taken:
            _troubles[entry_point.name] = f"there is a format {found.name} already"
        else:
            taken.add(found.name)
            _plugins.append(found)
    for name, trouble in _troubles.items():
        logger.warning("format %s of a plug-in is left out: %s", name, trouble)
    return dict(_troubles)


def recognise(path: Path) -> Format:
    """Return the format of the file or folder `path`.

    Raises `UnsupportedFormatError` if no reader knows it.
    """
    if path.is_dir():
        known = [one for one in formats() if one.folder is not None and one.folder(path)]
    else:
        known = _by_content(path) or [one for one in formats() if one.has_suffix(path)]
        known = known or [one for one in formats() if one.is_fallback and is_installed(one)]
    if not known:
        suffixes = sorted({suffix for one in formats() for suffix in one.suffixes})
        failed = "".join(f"; plug-in {name} failed: {why}" for name, why in _troubles.items())
        raise UnsupportedFormatError.of(
            path, f"no reader knows this kind of file (known: {', '.join(suffixes)}){failed}"
        )
    return known[0]


def _by_content(path: Path) -> list[Format]:
    """Return the formats whose signature the file has, those with its suffix too first.

    Raises `CorruptFileError` for what takes the place of a file that was not downloaded.
    """
    with path.open("rb") as file:
        beginning = file.read(512)
    for start, what in _STAND_INS.items():
        if beginning.lstrip().lower().startswith(start):
            raise CorruptFileError.of(path, what)
    found = [
        one
        for one in formats()
        if one.signatures and beginning[one.signature_offset :].startswith(one.signatures)
    ]
    return sorted(found, key=lambda one: (-one.priority, not one.has_suffix(path)))


# ---------------------------------------------------------------- readers


def selection_variable(one: Format) -> str:
    """Return the environment variable that selects among a format's readers."""
    return SELECT_PREFIX + one.name.upper()


def selected_reader(one: Format) -> Reader:
    """Return the reader that the environment or the file of settings selects, else the first.

    Raises `UnsupportedFormatError` for a name that the format has no reader of.
    """
    wanted = os.environ.get(selection_variable(one), "") or _configured().get(one.name, "")
    if not wanted:
        return one.readers[0]
    for reader in one.readers:
        if reader.name.lower() == wanted.lower():
            return reader
    names = ", ".join(reader.name for reader in one.readers)
    raise UnsupportedFormatError(
        f"{selection_variable(one)}={wanted}: readers of {one.name} are {names}"
    )


@functools.cache  # asked at each opening of a file
def _configured() -> dict[str, str]:
    """Return format to the reader that the file of settings selects."""
    chosen = msgspec.structs.asdict(configuration().reader.formats)
    return {name: reader for name, reader in chosen.items() if reader}


def warm_up() -> None:
    """Import the reader of the most frequent format now, not when its first file waits."""
    tiff = next(one for one in TABLE if one.name == "tiff")
    with contextlib.suppress(MissingLibraryError):
        reader_class(selected_reader(tiff))


@functools.cache  # looking the libraries' versions up takes longer than opening a small file
def reader_class(reader: Reader) -> "type[PlaneReader]":
    """Import a reader. Raises `MissingLibraryError` if a library that it needs is missing."""
    missing = [library for library in reader.libraries if not is_good(library)]
    if missing:
        raise MissingLibraryError(f"reading with {reader.name} needs {how_to_install(missing[0])}")
    module_name, _, class_name = reader.target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("planecast"):
            raise
        extra = next((library.extra for library in reader.libraries), "reader")
        raise MissingLibraryError(
            f"reading with {reader.name} needs {error.name}: pip install 'planecast[{extra}]'"
        ) from error
    found: type[PlaneReader] = getattr(module, class_name)
    return found


def open_reader(path: Path) -> "PlaneReader":
    """Open `path` with the reader of its format; see `PlaneReader` for what that raises."""
    return reader_class(selected_reader(recognise(path)))(path)


# ---------------------------------------------------------------- libraries


def installed_version(library: Library) -> str | None:
    """Return the version that is installed, from its metadata: nothing is imported."""
    try:
        return version(library.distribution)
    except PackageNotFoundError:
        return None


def is_good(library: Library) -> bool:
    """Whether the library is installed, and new enough."""
    found = installed_version(library)
    return found is not None and _numbers(found) >= _numbers(library.minimum)


def is_installed(one: Format) -> bool:
    """Whether the format's default reader has all that it needs."""
    return all(is_good(library) for library in one.readers[0].libraries)


def how_to_install(library: Library) -> str:
    """Return the library's name and the command that installs it."""
    least = f" {library.minimum} or later" if library.minimum else ""
    package = f"'planecast[{library.extra}]'" if library.extra else library.distribution
    return f"{library.distribution}{least}: pip install {package}"


def _numbers(text: str) -> list[int]:
    """Return the leading numbers of a version: [2026, 6] of 2026.6rc1."""
    numbers = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return numbers
