"""One page of a TIFF: its segments, and its pixels as tifffile decodes them."""

import os
from io import FileIO
from typing import Any

import numpy as np
import tifffile

from planecast_reader.readers.side_by_side import side_by_side

Page = tifffile.TiffPage | tifffile.TiffFrame

_JPEGS = (6, 7, 33007, 34892)
"""Compressions whose strips and tiles need tables or a header that is kept elsewhere."""


def keyframe_of(page: Page) -> tifffile.TiffPage:
    """Return the page that says how `page` is stored; it may be the same."""
    keyframe = page.keyframe
    if keyframe is None:
        raise ValueError(f"page {page.index} has no keyframe")
    return keyframe


def raw_segments(page: Page) -> list[tuple[int, int]] | None:
    """Return (offset, bytes) of pixels that lie in the file as in memory, else `None`."""
    keyframe = keyframe_of(page)
    is_planar = keyframe.planarconfig == 2 and keyframe.samplesperpixel > 1
    if is_planar or not keyframe.is_final:
        return None
    if len(page.dataoffsets) == 1 or keyframe.is_stk or keyframe.is_lsm:
        return [(page.dataoffsets[0], keyframe.nbytes)]
    # A frame's strips need not follow one another as those of its keyframe do.
    return list(zip(page.dataoffsets, page.databytecounts, strict=True))


def decode(page: Page) -> np.ndarray[Any, Any]:
    """Decode one page with tifffile, shape as its keyframe's, native byte order."""
    if len(page.dataoffsets) > 1 and page is not page.keyframe and page.is_contiguous:
        # asarray trusts that the strips of every frame follow one another.
        page.parent.filehandle.seek(page.offset)
        page = tifffile.TiffPage(page.parent, page.index)
    return page.asarray()


def is_flat(page: Page) -> bool:
    """Whether `page` is one picture whose strips or tiles can be decoded one by one."""
    keyframe = keyframe_of(page)
    is_planar = keyframe.planarconfig == 2 and keyframe.samplesperpixel > 1
    # LSM and MetaMorph describe their strips in ways of their own.
    is_plain = not (keyframe.is_stk or keyframe.is_lsm or keyframe.is_subsampled)
    return keyframe.imagedepth == 1 and not is_planar and is_plain


def is_windowed(page: Page) -> bool:
    """Whether `decode_window` can read `page`: a flat picture of several strips or tiles."""
    return is_flat(page) and len(page.dataoffsets) > 1


def decode_into(page: Page, file: FileIO, out: np.ndarray[Any, Any]) -> None:
    """Decode a flat page into `out`, (y, x) or (y, x, samples): one decode and one short copy.

    Strips or tiles are decoded by several threads, as tifffile does where it may.
    """
    keyframe = keyframe_of(page)
    target = out.reshape(keyframe.imagelength, keyframe.imagewidth, keyframe.samplesperpixel)

    def decode_one(number: int) -> None:
        tile, place = _decode_segment(page, file, number)
        _paste(target, tile, place[2], place[3])

    side_by_side(decode_one, range(len(page.dataoffsets)))


def decode_window(
    page: Page, file: FileIO, top: int, left: int, height: int, width: int
) -> np.ndarray[Any, Any]:
    """Decode only the strips or tiles that the window touches; (y, x) or (y, x, samples)."""
    keyframe = keyframe_of(page)
    rows = keyframe.tilelength if keyframe.is_tiled else keyframe.rowsperstrip
    columns = keyframe.tilewidth if keyframe.is_tiled else keyframe.imagewidth
    n_across = -(-keyframe.imagewidth // columns)
    shape: tuple[int, ...] = (height, width, keyframe.samplesperpixel)
    window = np.zeros(shape, keyframe.dtype)
    for row in range(top // rows, -(-(top + height) // rows)):
        for column in range(left // columns, -(-(left + width) // columns)):
            tile, place = _decode_segment(page, file, row * n_across + column)
            _paste(window, tile, place[2] - top, place[3] - left)
    return window if keyframe.axes.endswith("S") else window[..., 0]


def _decode_segment(
    page: Page, file: FileIO, number: int
) -> tuple[np.ndarray[Any, Any], tuple[int, ...]]:
    """Return the pixels of a strip or tile, (y, x, samples), and its place in the picture."""
    keyframe = keyframe_of(page)
    stored = os.pread(file.fileno(), page.databytecounts[number], page.dataoffsets[number])
    tables = {}
    if keyframe.compression in _JPEGS:
        tables = {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader}
    decoded, place, kept = keyframe.decode(stored, number, **tables)
    if decoded is None:
        raise ValueError(f"strip or tile {number} of page {page.index} is empty")
    return decoded[0, : kept[1], : kept[2]], place


def _paste(window: np.ndarray[Any, Any], tile: np.ndarray[Any, Any], y: int, x: int) -> None:
    """Copy `tile`, whose corner is at (y, x) of the window, to where they overlap."""
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + tile.shape[0], window.shape[0]), min(x + tile.shape[1], window.shape[1])
    window[top:bottom, left:right] = tile[top - y : bottom - y, left - x : right - x]
