"""The open files of one reader process: bounded, and never stale."""

import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from planecast_reader.reader import PlaneReader
from planecast_reader.signature import Signature

MAX_HANDLES = 16
IDLE_S = 10.0
"""A file not read for so long is closed: on Windows an open file can't be moved."""
LOOK_S = 1.0
"""Time between looks for such files."""


class Handles:
    """Least recently used readers are closed; one whose file changed is opened anew."""

    def __init__(self, open_reader: Callable[[Path], PlaneReader]) -> None:
        self._open_reader = open_reader
        self._open: OrderedDict[str, tuple[Signature, PlaneReader, float]] = OrderedDict()
        self._looked = 0.0
        """When for idle files, monotonic."""

    def get(self, path: str, signature: Signature) -> PlaneReader:
        """Return an open reader of the file as it is now; others that are idle are closed."""
        if time.monotonic() - self._looked > LOOK_S:
            self.close_idle()
        known = self._open.pop(path, None)
        if known is not None and known[0] != signature:
            known[1].close()
            known = None
        reader = known[1] if known else self._open_reader(Path(path))
        self._open[path] = (signature, reader, time.monotonic())  # to open it may have taken long
        while len(self._open) > MAX_HANDLES:
            self._open.popitem(last=False)[1][1].close()
        return reader

    def has(self, path: str) -> bool:
        """Tell whether the file is open."""
        return path in self._open

    def close_idle(self) -> None:
        """Close what was not read lately."""
        self._looked = time.monotonic()
        limit = self._looked - IDLE_S
        for path in [path for path, (_, _, used) in self._open.items() if used < limit]:
            self.close(path)

    def close(self, path: str | None = None) -> None:
        """Close one file, or all."""
        for key in [path] if path is not None else list(self._open):
            known = self._open.pop(key, None)
            if known is not None:
                known[1].close()
