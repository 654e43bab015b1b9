"""Names of files on the wire, for a controller that saves thousands into few folders."""

import os

from planecast_protocol.paths import Roots, to_wire_path

_MAX_FOLDERS = 256


class PathNames:
    """Names files by their roots; `to_wire_path` only for folders not seen lately."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._prefixes: dict[str, str] = {}
        """Folder, as it was given, to what stands before the names in it."""

    def name(self, filepath: str | os.PathLike[str]) -> str:
        """Return `alias:relative/path`; raise `BadPathError` for a file beneath no root."""
        path = os.fspath(filepath)
        folder, _separator, name = path.rpartition(os.sep)
        prefix = self._prefixes.get(folder)
        if prefix is not None and _is_plain(name):
            return prefix + name
        absolute = os.path.abspath(path)  # noqa: PTH100 - Path.resolve would ask the file system
        wire_path = to_wire_path(absolute, self._roots)
        # A relative folder is another one after a `chdir`.
        if _is_plain(name) and os.path.isabs(folder) and wire_path.endswith("/" + name):  # noqa: PTH117
            if len(self._prefixes) >= _MAX_FOLDERS:
                self._prefixes.clear()
            self._prefixes[folder] = wire_path[: -len(name)]
        return wire_path


def _is_plain(name: str) -> bool:
    """Tell whether a name in a folder is on the wire as it is."""
    return (
        name.isascii()
        and name not in ("", ".", "..")
        and not ("\\" in name or "\0" in name or "/" in name)
    )
