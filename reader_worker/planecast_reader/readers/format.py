"""How a file format is known: one frozen struct for each, of ours and of third parties."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Library:
    """A distribution that a reader needs."""

    distribution: str
    """As the package index names it."""
    licence: str
    """SPDX."""
    extra: str = "reader"
    """Of planecast, which installs it; empty where none does."""
    minimum: str = ""
    """The first version that will do."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One way to read a format."""

    name: str
    """What `PLANECAST_READER_<FORMAT>` selects it by."""
    target: str
    """`module:Class` of a `PlaneReader`; imported when a file first needs it."""
    libraries: tuple[Library, ...] = ()
    """All of them are needed."""
    optional: tuple[Library, ...] = ()
    """Used where they are installed."""


@dataclass(frozen=True, slots=True)
class Format:
    """One line of the table of formats."""

    name: str
    title: str
    """What people call it."""
    readers: tuple[Reader, ...]
    """The first is the default."""
    signatures: tuple[bytes, ...] = ()
    """First bytes of a file. They win over every suffix."""
    signature_offset: int = 0
    suffixes: tuple[str, ...] = ()
    """Ends of a file's name, in lower case: for a file whose content says nothing."""
    folder: Callable[[Path], bool] | None = None
    """Whether a folder is of this format; cheap, for every folder is shown to it."""
    is_fallback: bool = False
    """Asked for files that no other format knows, where its libraries are installed."""
    priority: int = 0
    """Of several formats that know a file, the highest wins, then the first in the table."""

    def has_suffix(self, path: Path) -> bool:
        """Whether the name of `path` ends as this format's names do."""
        return path.name.lower().endswith(self.suffixes) if self.suffixes else False


def holds(*patterns: str, suffix: str | None = None) -> Callable[[Path], bool]:
    """Return a test for folders with a suffix, or in which one of the patterns is found."""

    def test(folder: Path) -> bool:
        if suffix is not None and folder.name.lower().endswith(suffix):
            return True
        return any(next(iter(folder.glob(pattern)), None) is not None for pattern in patterns)

    return test


def begins_with(signature: bytes, offset: int = 0) -> Callable[[Path], bool]:
    """Return a test for folders in which one of the first few files has the signature."""

    def test(folder: Path) -> bool:
        files = (path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
        for path in itertools.islice(files, 4):
            with path.open("rb") as file:
                if file.read(offset + len(signature))[offset:] == signature:
                    return True
        return False

    return test
