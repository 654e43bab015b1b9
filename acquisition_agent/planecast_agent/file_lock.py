"""Locks on files that end with the process that holds them, however it ends."""

import os
import sys
from pathlib import Path
from typing import Self

from planecast_protocol.errors import PlanecastError

if sys.platform == "win32":
    import msvcrt

    # Windows locks bytes, and locked bytes can't be read by others: take one far behind any data.
    _LOCKED_BYTE = 1 << 62

    def try_lock(descriptor: int) -> bool:
        """Lock the open file for its descriptor; `False` if somebody else holds it."""
        position = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, position, os.SEEK_SET)
        return True

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Lock the open file for its descriptor; `False` if somebody else holds it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class LockFile:
    """A file whose lock says that something is in use. The file itself stays."""

    def __init__(self, path: Path, in_use: str) -> None:
        """Take the lock, or raise `PlanecastError` with the sentence `in_use`."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if not try_lock(self._descriptor):
            self.close()
            raise PlanecastError(in_use, path=str(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the lock back. May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
