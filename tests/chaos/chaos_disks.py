"""Small disks that can be filled up: a tmpfs where this user may mount one."""

import contextlib
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

PIECES = (4 << 20, 64 << 10, 4096)


class SmallDisk:
    """A folder; a disk of its own where that is possible."""

    def __init__(self, folder: Path, size_mib: int, stack: ExitStack) -> None:
        folder.mkdir()
        self.folder = folder
        self._filler = folder / "filler"
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(folder)]
        try:
            tried = subprocess.run(command, capture_output=True, text=True, check=False)
            self.why_not = "" if tried.returncode == 0 else tried.stderr.strip()
        except OSError as trouble:
            self.why_not = str(trouble)
        """Why it can't be filled; empty: it can."""
        if not self.why_not:
            stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)

    def fill(self) -> None:
        """Leave no room on it."""
        size = 0
        with self._filler.open("wb") as file:
            for piece in PIECES:
                # Others write meanwhile, so that nobody knows how much there is.
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), size, piece)
                        size += piece

    def free(self) -> None:
        """Take the filling out again."""
        self._filler.unlink(missing_ok=True)
