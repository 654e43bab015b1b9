"""Thumbnails on disk: bounded, shared by all programs of this user, safe against each other.

A name is a hash of all that the picture depends on, so nothing in here is ever changed or out
of date; what is damaged is as if it was not there.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import platformdirs

from planecast_protocol.configuration import configuration
from planecast_reader.headless.pictures import Picture
from planecast_reader.headless.thumbnails import ThumbnailOptions

VERSION = 1
"""Raised when the same options give another picture."""
MAX_BYTES = 256 << 20
SETTLED_NS = 2_000_000_000
"""Planes come from a cache that looks at a file once a second."""
_SUFFIX = ".npy"


def cache_folder() -> Path:
    """Return where thumbnails are kept: the configured folder, else the user's for caches."""
    named = configuration().folders.cache
    return (Path(named) if named else Path(platformdirs.user_cache_dir("planecast"))) / "thumbnails"


class ThumbnailCache:
    """The stored thumbnails of one file; of none where `path` is not on this machine."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def entry(self, options: ThumbnailOptions) -> "Entry | None":
        """Return the place of a thumbnail; None where the state of the file is not known.

        That is so for folders, which change beneath without a sign, and for what is not here.
        """
        try:
            found = None if self._path is None else self._path.stat()
        except OSError:
            return None
        if found is None or not stat.S_ISREG(found.st_mode):
            return None
        facts = [VERSION, str(self._path), found.st_size, found.st_mtime_ns, found.st_ino, options]
        name = hashlib.sha256(msgspec.json.encode(facts)).hexdigest() + _SUFFIX
        return Entry(self, options, cache_folder() / name, found.st_mtime_ns)


@dataclass(frozen=True)
class Entry:
    """A thumbnail of a file in the state in which it was found."""

    cache: ThumbnailCache
    options: ThumbnailOptions
    path: Path
    mtime_ns: int

    def load(self) -> Picture | None:
        """Return the picture; None if there is none, or a damaged one."""
        return _read(self.path)

    def store(self, picture: Picture) -> None:
        """Keep a picture, all of it or nothing. A full or forbidden disk is no failure.

        One of a file that changed just now, or while it was read, is not kept.
        """
        now = self.cache.entry(self.options)
        is_settled = time.time_ns() - self.mtime_ns > SETTLED_NS
        if is_settled and now is not None and now.path == self.path:
            with contextlib.suppress(OSError):
                _write(self.path, picture)


def _read(path: Path) -> Picture | None:
    try:
        picture = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim != 3:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # for `_prune`, which removes what was not used for longest
    return picture


def _write(path: Path, picture: Picture) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    number, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            np.save(file, picture, allow_pickle=False)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _prune(path.parent)


def _prune(folder: Path) -> None:
    """Remove the longest unused pictures above `MAX_BYTES`."""
    kept = []
    for entry in os.scandir(folder):
        with contextlib.suppress(OSError):  # another program removed it
            found = entry.stat()
            kept.append((found.st_mtime, found.st_size, entry.path))
    total = sum(size for _, size, _ in kept)
    for _, size, path in sorted(kept):
        if total <= MAX_BYTES:
            return
        Path(path).unlink(missing_ok=True)
        total -= size
