"""A folder that the controller asks to be shown: published by a watcher in a process of its own."""

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from planecast_protocol.limits import CLOSE_TIMEOUT_S
from planecast_protocol.paths import Roots

END_AFTER_IDLE_S = 30.0
_PLANE = re.compile(r"(?P<region>.+)_(?P<fov>\d+)_\d+_.+\.tiff?", re.IGNORECASE)
_STACK = re.compile(r"(?P<region>.+)_(?P<fov>\d+)(\.ome|_stack)\.tiff?", re.IGNORECASE)
_STORE = re.compile(r"fov_(?P<fov>\d+)(\.ome)?\.zarr")

Fov = tuple[str, int]
"""Region (well), and number of the fov in it."""


class Dataset:
    """Publishes a folder, what is in it and what comes, until it is closed."""

    def __init__(
        self,
        folder: str,
        *,
        agent: str | None = None,
        roots: Roots | None = None,
        spool_dir: str | Path | None = None,
    ) -> None:
        """Start the watcher; raise `OSError` if there is no such folder, or no process more."""
        self.folder = Path(folder).absolute()
        if not self.folder.is_dir():
            raise NotADirectoryError(f"{self.folder} is no folder")
        command = [sys.executable, "-m", "planecast_agent.watchers", "--quiet", "--while-stdin"]
        command += ["--existing", "all", "--no-subfolders"]
        command += ["--end-after-idle", str(END_AFTER_IDLE_S)]
        command += ["--agent", agent] if agent else []
        command += ["--spool-dir", str(spool_dir)] if spool_dir else []
        environment = dict(os.environ)
        if roots is not None:
            named = (f"{alias}={path}" for alias, path in roots.items())
            environment["PLANECAST_ROOTS"] = os.pathsep.join(named)
        # It ends when its stdin does, so it can't outlive this process.
        self._process = subprocess.Popen(
            [*command, str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=environment,
        )

    def fovs(self) -> list[Fov]:
        """Return the fovs that names in the folder tell of, by region and number."""
        with contextlib.suppress(OSError):
            return sorted(set(_fovs(self.folder)))
        return []

    def close(self) -> None:
        """Publish no more; the acquisition ends as done. Does not wait. May be called twice."""
        process = self._process
        if process.stdin is not None and not process.stdin.closed:
            with contextlib.suppress(OSError):
                process.stdin.write(b"\n")  # a byte: end as done; the end of it alone: leave open
                process.stdin.close()
            threading.Thread(target=_see_off, args=[process], daemon=True).start()


def _see_off(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the end of a process that was asked to end."""
    try:
        process.wait(4 * CLOSE_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _fovs(folder: Path) -> Iterator[Fov]:
    """Look at one time point, or where all of them are together."""
    times = sorted(int(one.name) for one in folder.iterdir() if one.name.isdecimal())
    for place in ("ome_tiff", *map(str, times[:1])):
        for path in (folder / place).glob("*"):
            found = _STACK.fullmatch(path.name) or _PLANE.fullmatch(path.name)
            if found is not None:
                yield found["region"], int(found["fov"])
    for path in folder.glob("zarr/*/*.zarr"):
        store = _STORE.fullmatch(path.name)
        if store is not None:
            yield path.parent.name, int(store["fov"])
    for path in folder.glob("plate*.zarr/*/*/*"):
        if path.name.isdecimal():
            yield path.parent.parent.name + path.parent.name, int(path.name)
