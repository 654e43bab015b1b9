"""Room on the disk that is kept for the day it is full: to delete, SQLite has to write first."""

import logging
import os
from pathlib import Path

RESERVE_BYTES = 20 << 20
"""More than the journal's write-ahead log, which has to fit into the journal first."""

logger = logging.getLogger(__name__)


class Reserve:
    """A file of zeros. Belongs to the agent's thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self) -> None:
        """Take the room, if it is not taken and the disk has it."""
        if self._path.exists():
            return
        try:
            with self._path.open("xb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
                else:
                    file.write(bytes(RESERVE_BYTES))
        except OSError as trouble:
            logger.warning("%s: no room for a reserve: %s", self._path, trouble)
            self._path.unlink(missing_ok=True)

    def give_up(self) -> bool:
        """Give the room to others; `False` if there was none."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True
