"""Files that a folder's reader reads through other readers: a few stay open, none is stale."""

from collections import OrderedDict
from pathlib import Path

from planecast_protocol.errors import NoDataError
from planecast_reader.reader import PlaneReader
from planecast_reader.readers.registry import open_reader

MAX_OPEN_FILES = 16


class OpenFiles:
    """The files of one folder that were read last. Belongs to that folder's reader."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[Path, tuple[tuple[int, int], PlaneReader]] = OrderedDict()

    def get(self, path: Path) -> PlaneReader:
        """Return the open reader of one file; a file that changed is opened again.

        Raises `NoDataError`, which names the file, if it is not there.
        """
        try:
            stat = path.stat()
        except FileNotFoundError:
            name = path.relative_to(self._folder) if path.is_relative_to(self._folder) else path
            raise NoDataError.of(self._folder, f"{name} is missing") from None
        signature = (stat.st_size, stat.st_mtime_ns)
        found = self._open.pop(path, None)
        if found is not None and found[0] != signature:
            found[1].close()
            found = None
        if found is None:
            found = (signature, open_reader(path))
        self._open[path] = found
        while len(self._open) > MAX_OPEN_FILES:
            _, (_, oldest) = self._open.popitem(last=False)
            oldest.close()
        return found[1]

    def close(self) -> None:
        """Close every file. May be called twice."""
        while self._open:
            _, (_, reader) = self._open.popitem()
            reader.close()
