"""A root to be attacked, and what lies around it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import tifffile

SECRET = 6666
INSIDE = 1111


class Site:
    """A root, and beside it what must not be read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.twin = folder / "root-twin"
        """Its name begins like the root's."""
        for one in (self.root, self.twin, folder / "out", folder / "out" / "plate"):
            one.mkdir()
        self.secret = folder / "out" / "secret.tif"
        for path, value in ((self.secret, SECRET), (self.root / "good.tif", INSIDE)):
            tifffile.imwrite(path, np.full((32, 32), value, np.uint16))
        (self.twin / "secret.tif").write_bytes(self.secret.read_bytes())
        (folder / "out" / "plate" / "secret.tif").write_bytes(self.secret.read_bytes())
        (self.root / "sub").mkdir()

    def link(self, name: str, target: object) -> str:
        (self.root / name).symlink_to(str(target))
        return f"data:{name}"


class Swapping:
    """A process that exchanges a folder with a link to `outside`, as fast as it can."""

    def __init__(self, folder: Path, outside: Path) -> None:
        program = (
            "import os, sys\n"
            "folder, outside = sys.argv[1:]\n"
            "while os.getppid() != 1:\n"
            "    os.rename(folder, folder + '-kept')\n"
            "    os.symlink(outside, folder)\n"
            "    os.unlink(folder)\n"
            "    os.rename(folder + '-kept', folder)\n"
        )
        self._command = [sys.executable, "-c", program, str(folder), str(outside)]

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._command)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
