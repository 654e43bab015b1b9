"""Stacks to read: as many planes as wanted, of which a dozen differ, so that writing is quick."""

import os
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile

BLOCKS = 12
"""Planes of different pixels in a file: together they are larger than a processor's own caches."""
_LONG, _SHORT, _ASCII = 4, 3, 2


def picture(size: int, seed: int = 0) -> npt.NDArray[np.uint16]:
    """Return a plane (y, x) with the noise of a camera."""
    random = np.random.default_rng(seed)
    return random.poisson(200, (size, size)).astype(np.uint16)


def write_stack(
    path: Path, size: int, planes: int, compression: str | None = None, blocks: int = BLOCKS
) -> Path:
    """Write an OME-TIFF of `planes` square planes along z, on disk when this returns.

    Plane z has the pixels of plane z % `blocks`: its page points at the same bytes of the file.
    """
    blocks = min(blocks, planes)
    plane = picture(size)
    stack = np.stack([np.roll(plane, 31 * z, axis=1) for z in range(blocks)])
    tifffile.imwrite(path, stack, compression=compression, metadata=None)
    with tifffile.TiffFile(path) as tiff:
        pages = [page.aspage() for page in tiff.pages]
    with path.open("r+b") as file:
        first = file.seek(0, os.SEEK_END)
        file.write(_directories(pages, planes, first))
        file.seek(4)
        file.write(struct.pack("<I", first))
        file.flush()
        os.fsync(file.fileno())
    return path


def _directories(pages: list[tifffile.TiffPage], planes: int, start: int) -> bytes:
    """Return the directories of all planes as they lie in a classic TIFF from `start` on."""
    out = b""
    for z in range(planes):
        description = _ome_xml(pages[0], planes) if z == 0 else b""
        last = z == planes - 1
        out += _directory(pages[z % len(pages)], start + len(out), description, last=last)
    return out


def _directory(page: tifffile.TiffPage, at: int, description: bytes, *, last: bool) -> bytes:
    tags: list[tuple[int, int, list[int] | bytes]] = [
        (256, _LONG, [page.imagewidth]),
        (257, _LONG, [page.imagelength]),
        (258, _SHORT, [16]),
        (259, _SHORT, [int(page.compression)]),
        (262, _SHORT, [1]),
        *([(270, _ASCII, description)] if description else []),
        (273, _LONG, list(page.dataoffsets)),
        (277, _SHORT, [1]),
        (278, _LONG, [page.rowsperstrip]),
        (279, _LONG, list(page.databytecounts)),
    ]
    entries, beyond = b"", b""
    values_at = at + 2 + 12 * len(tags) + 4
    for code, kind, values in tags:
        data = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}I", *values)
        if kind == _SHORT:
            data = struct.pack("<HH", values[0], 0)
        if len(data) > 4:
            entries += struct.pack("<HHII", code, kind, len(values), values_at + len(beyond))
            beyond += data + b"\0" * (len(data) % 2)
        else:
            entries += struct.pack("<HHI", code, kind, len(values)) + data
    following = 0 if last else values_at + len(beyond)
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", following) + beyond


def _ome_xml(page: tifffile.TiffPage, planes: int) -> bytes:
    size = page.imagewidth
    xml = tifffile.OmeXml()
    shape = (planes, size, size)
    xml.addimage("uint16", shape, (planes, 1, 1, size, size, 1), axes="ZYX")
    return xml.tostring().encode() + b"\0"
