"""The files of the torture test: every plane says in its pixels which it is, and is checked.

Stacks are replaced as a whole, by a new file of their name. Single planes are written anew in
place, piece by piece, and registered afterwards with their size and time, as controllers do.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tifffile

STACKS, PLANES = 6, 16
SINGLES = 3
SHAPE = (512, 1024)
STALE_S = 1.6
"""How long a version may still be seen after it was replaced: 1 s without a message, 0.25 s with
one, and time for a busy machine."""
_PIECES = 8


class Registered(NamedTuple):
    """What a controller says of a plane that it has written."""

    version: int
    size_bytes: int
    mtime_ns: int


def expected(file: int, version: int, z: int) -> npt.NDArray[np.uint16]:
    """Return the one right picture of a plane."""
    seed = (file * 7919 + version * 104_729 + z * 31) % 50_021
    rows = np.arange(SHAPE[0], dtype=np.uint32)[:, None]
    columns = np.arange(SHAPE[1], dtype=np.uint32)[None, :]
    plane = ((rows * 3 + columns * 7 + seed) % 65_000).astype(np.uint16)
    plane[0, :3] = (file, version, z)
    return plane


def check(
    pixels: npt.NDArray[np.uint16], file: int, z: int, oldest: int, newest: int = 65_535
) -> str | None:
    """Return what is wrong with a plane; None if nothing is."""
    found_file, version, found_z = (int(n) for n in pixels[0, :3])
    if (found_file, found_z) != (file, z):
        return f"asked for file {file} z {z}, got file {found_file} z {found_z}"
    if not oldest <= version <= newest:
        return f"version {version} of file {file}, where {oldest} to {newest} was asked for"
    if not np.array_equal(pixels, expected(file, version, z)):
        return f"torn: file {file} version {version} z {z}"
    return None


# ---------------------------------------------------------------- stacks


def stack_path(folder: Path, file: int) -> Path:
    return folder / f"{file}.ome.tif"


def replace_stack(folder: Path, file: int, version: int) -> None:
    """Put the next version in a stack's place at once."""
    stack = np.stack([expected(file, version, z) for z in range(PLANES)])
    new = folder / f"new-{file}.tif"
    tifffile.imwrite(new, stack, metadata={"axes": "ZYX"}, ome=True)
    new.replace(stack_path(folder, file))
    with (folder / f"versions-{file}").open("a") as versions:
        versions.write(f"{version} {time.monotonic()}\n")


def oldest_acceptable(folder: Path, file: int) -> int:
    """Return the version that was current `STALE_S` ago."""
    oldest = 0
    for line in (folder / f"versions-{file}").read_text().splitlines():
        version, _, at = line.partition(" ")
        if at and time.monotonic() - float(at) > STALE_S:
            oldest = int(version)
    return oldest


# ---------------------------------------------------------------- single planes


def single_path(folder: Path, file: int) -> Path:
    return folder / f"single-{file}.tif"


def rewrite_single(folder: Path, file: int, version: int, pause: Callable[[], object]) -> None:
    """Write the next version over the last, `pause` after each piece, then register it."""
    new, path = folder / f"new-{file}.tif", single_path(folder, file)
    tifffile.imwrite(new, expected(file, version, 0), photometric="minisblack", metadata=None)
    content = new.read_bytes()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    piece = -(-len(content) // _PIECES)
    for start in range(0, len(content), piece):
        os.pwrite(fd, content[start : start + piece], start)
        pause()
    os.close(fd)
    found = path.stat()
    note = folder / f"registered-{file}"
    note.with_suffix(".new").write_text(f"{version} {found.st_size} {found.st_mtime_ns}")
    note.with_suffix(".new").replace(note)


def registered(folder: Path, file: int) -> Registered:
    """Return what was registered last."""
    return Registered(*map(int, (folder / f"registered-{file}").read_text().split()))
