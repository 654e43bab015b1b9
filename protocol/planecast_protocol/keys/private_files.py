"""Files of keys: written for their owner alone, and read only if nobody else had a hand in."""

import os
import secrets
import stat
from pathlib import Path

from planecast_protocol.errors import KeyFileError

_SECRET = stat.S_IRWXG | stat.S_IRWXO
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter, if it is not there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_once(path: Path, text: str) -> None:
    """Write a file that must not exist yet. Raises `FileExistsError`."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, text: str) -> None:
    """Write a file, or put a new one in its place at once."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        write_once(temporary, text)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_secret(path: Path) -> str:
    """Return the text of a file that only its owner, who is this user, may read.

    Raises `FileNotFoundError`, and `KeyFileError` for one that others may read.
    """
    return _read(path, _SECRET, "read", "chmod 600")


def read_trusted(path: Path) -> str:
    """Return the text of a file that nobody but this user (or root) may write.

    Raises `FileNotFoundError`, and `KeyFileError` for one that others may change.
    """
    return _read(path, _WRITABLE, "change", "chmod go-w")


def check_folder(folder: Path) -> None:
    """Raise `KeyFileError` if others may put files into a folder of keys."""
    if hasattr(os, "getuid") and folder.is_dir():
        _check(folder, folder.stat(), _WRITABLE, "change", "chmod 700")


def _read(path: Path, forbidden: int, verb: str, cure: str) -> str:
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except PermissionError:
        raise KeyFileError(f"{path}: this user may not read it", path=str(path)) from None
    with os.fdopen(number, encoding="utf-8") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise KeyFileError(f"{path}: no regular file", path=str(path))
        if hasattr(os, "getuid"):
            _check(path, found, forbidden, verb, cure)
        try:
            return file.read(1 << 20)
        except UnicodeDecodeError:
            raise KeyFileError(f"{path}: no text in UTF-8", path=str(path)) from None


def _check(path: Path, found: os.stat_result, forbidden: int, verb: str, cure: str) -> None:
    if found.st_uid not in (os.getuid(), 0):
        raise KeyFileError(
            f"{path}: belongs to user {found.st_uid}, not to this one: make keys of your own "
            "(planecast keys init)",
            path=str(path),
        )
    if stat.S_IMODE(found.st_mode) & forbidden:
        raise KeyFileError(
            f"{path}: others may {verb} it (mode {stat.S_IMODE(found.st_mode):04o}); {cure} {path}",
            path=str(path),
        )
