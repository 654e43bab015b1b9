r"""File names on the wire: `alias:relative/posix/path` under a root that an operator lists.

An event can therefore never make a worker read outside what its operator allowed. The
alias `local` stands for the whole file system; only a worker that serves nobody but its own
user knows it. Bytes of a file's name that are not UTF-8 are written as `\xff`.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath

from planecast_protocol.errors import BadPathError, NotAllowedError
from planecast_protocol.limits import MAX_PATH_CHARS

LOCAL_ALIAS = "local"

Roots = Mapping[str, Path]
"""Alias to absolute folder."""

_DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | {
    f"{name}{number}" for name in ("COM", "LPT") for number in "0123456789¹²³"
}
_ESCAPED = re.compile(r"\\x([89a-f][0-9a-f])")


def local_roots() -> dict[str, Path]:
    """Return the roots of a private worker: everything its own user may read."""
    return {LOCAL_ALIAS: Path(Path.cwd().anchor)}


def check_wire_path(wire_path: str) -> tuple[str, str]:
    """Return (alias, relative path); raise `BadPathError` unless it is in normal form."""
    alias, colon, relative = wire_path.partition(":")
    if not colon or not alias or not relative:
        raise BadPathError(f"{wire_path!r}: not of the form alias:relative/path", path=wire_path)
    if len(wire_path) > MAX_PATH_CHARS:
        raise BadPathError(f"{wire_path[:80]!r}…: longer than {MAX_PATH_CHARS} characters")
    if "\0" in relative or ("\\" in relative and "\\" in _ESCAPED.sub("", relative)):
        raise BadPathError(f"{wire_path!r}: NUL and backslash are not allowed", path=wire_path)
    parts = relative.split("/")
    if "" in parts or "." in parts or ".." in parts:
        raise BadPathError(
            f"{wire_path!r}: empty parts, '.' and '..' are not allowed", path=wire_path
        )
    if os.name == "nt" and any(map(means_more_on_windows, parts)):
        raise BadPathError(
            f"{wire_path!r}: on Windows that would be a drive, a stream, a device, or another name",
            path=wire_path,
        )
    return alias, relative


def means_more_on_windows(part: str) -> bool:
    """Tell whether Windows takes a part of a path for something else than a name.

    `C:` is a drive and `a.tif:x` a stream, dots and spaces at the end are dropped, so that
    `.. ` is `..`, and `NUL.tif` is a device.
    """
    stem = part.partition(".")[0].rstrip(" ").upper()
    return bool(set(part) & set('<>:"|?*')) or part[-1:] in (".", " ") or stem in _DEVICES


def to_wire_path(path: str | PurePath, roots: Mapping[str, PurePath]) -> str:
    """Name an absolute path by the longest of `roots` that holds it.

    Raises `BadPathError` if it is relative or no root holds it.
    """
    pure = PurePath(path)
    if not pure.is_absolute():
        raise BadPathError(f"{path}: give the absolute path", path=str(path))
    best: tuple[int, str] | None = None
    for alias, root in roots.items():
        if pure.is_relative_to(root):
            relative = PurePosixPath(*pure.relative_to(root).parts)
            depth = len(PurePath(root).parts)
            if best is None or depth > best[0]:
                best = (depth, f"{alias}:{_escape(str(relative))}")
    if best is None:
        listed = ", ".join(f"{alias}={root}" for alias, root in roots.items()) or "none"
        raise BadPathError(f"{path}: beneath none of the roots ({listed})", path=str(path))
    check_wire_path(best[1])
    return best[1]


def resolve_wire_path(wire_path: str, roots: Roots) -> Path:
    """Return the absolute path of `alias:relative`, following no link out of the root.

    The path need not exist. Raises `NotAllowedError` for an unknown alias or a link that
    leads outside, `BadPathError` for one that is not in normal form.
    """
    alias, relative = check_wire_path(wire_path)
    root = roots.get(alias)
    if root is None:
        raise NotAllowedError(
            f"{wire_path}: unknown root {alias!r}; this worker serves "
            f"{', '.join(sorted(roots)) or 'none'} (start it with --root {alias}=FOLDER)",
            path=wire_path,
        )
    path = root / _unescape(relative)
    try:
        is_inside = path.resolve().is_relative_to(root.resolve())
    except RuntimeError:  # what pathlib makes of it before Python 3.13
        raise NotAllowedError(f"{wire_path}: links that lead in a circle", path=wire_path) from None
    if not is_inside:
        raise NotAllowedError(f"{wire_path}: a link leads outside the root {root}", path=wire_path)
    return path


def _escape(name: str) -> str:
    """Write what Python decodes as halves of surrogate pairs, byte by byte."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _unescape(relative: str) -> str:
    plain = _ESCAPED.sub(lambda found: chr(0xDC00 + int(found[1], 16)), relative)
    return os.fsdecode(os.fsencode(plain))
