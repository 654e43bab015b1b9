"""What can be read on this machine: for the command line and for people. Imports no file library.

All of it comes from the metadata of installed distributions.
"""

from importlib.metadata import Distribution, EntryPoint, entry_points

import msgspec

from planecast_reader.readers.format import Format, Library, Reader
from planecast_reader.readers.registry import (
    ENTRY_POINT_GROUP,
    how_to_install,
    installed_version,
    is_good,
    selection_variable,
)
from planecast_reader.readers.table import TABLE


class FormatInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One way to read one format."""

    name: str
    title: str
    suffixes: list[str]
    reader: str
    """Name of the reader, which is its library as a rule."""
    is_default: bool
    select_with: str | None = None
    """What to set in the environment of the worker to have this reader."""
    available: bool
    libraries: list[str] = []
    """`name version`, or the name alone where it is not installed; also optional ones that are."""
    licences: list[str] = []
    """Of the libraries, in their order."""
    install: str | None = None
    """What to do where it is not available."""


def list_formats() -> list[FormatInfo]:
    """Return every reader of every format, and those that other distributions announce."""
    ours = [
        _info(one, reader, is_default=reader is one.readers[0])
        for one in TABLE
        for reader in one.readers
    ]
    return ours + [_announced(found) for found in entry_points(group=ENTRY_POINT_GROUP)]


def _info(one: Format, reader: Reader, *, is_default: bool) -> FormatInfo:
    missing = [library for library in reader.libraries if not is_good(library)]
    used = [*reader.libraries, *(library for library in reader.optional if is_good(library))]
    return FormatInfo(
        name=one.name,
        title=one.title,
        suffixes=list(one.suffixes),
        reader=reader.name,
        is_default=is_default,
        select_with=None if is_default else f"{selection_variable(one)}={reader.name}",
        available=not missing,
        libraries=[_with_version(library) for library in used],
        licences=[library.licence for library in used],
        install=how_to_install(missing[0]) if missing else None,
    )


def _with_version(library: Library) -> str:
    return f"{library.distribution} {installed_version(library) or ''}".strip()


def _announced(found: EntryPoint) -> FormatInfo:
    """Describe a third party's format without importing it."""
    distribution = found.dist
    name = found.value if distribution is None else _name(distribution)
    return FormatInfo(
        name=found.name,
        title=f"by {name}",
        suffixes=[],
        reader=found.name,
        is_default=True,
        available=True,
        libraries=[name],
        licences=[_licence(distribution) if distribution is not None else "unknown"],
    )


def _name(distribution: Distribution) -> str:
    return f"{distribution.metadata['Name']} {distribution.version}"


def _licence(distribution: Distribution) -> str:
    metadata = distribution.metadata
    return metadata["License-Expression"] or metadata["License"] or "unknown"
