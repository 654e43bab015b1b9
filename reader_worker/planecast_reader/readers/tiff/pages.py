"""One page of a TIFF: its segments, and its pixels as tifffile decodes them."""

from io import FileIO
from typing import Any

import numpy as np
import tifffile

Page = tifffile.TiffPage | tifffile.TiffFrame


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


def is_windowed(page: Page) -> bool:
    """Whether `decode_window` can read `page`: a flat picture of several strips or tiles."""
    keyframe = keyframe_of(page)
    is_planar = keyframe.planarconfig == 2 and keyframe.samplesperpixel > 1
    is_flat = keyframe.imagedepth == 1 and not is_planar
    # LSM and MetaMorph describe their strips in ways of their own.
    is_plain = not (keyframe.is_stk or keyframe.is_lsm or keyframe.is_subsampled)
    return is_flat and is_plain and len(page.dataoffsets) > 1


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
            number = row * n_across + column
            file.seek(page.dataoffsets[number])
            stored = file.read(page.databytecounts[number])
            decoded, place, kept = keyframe.decode(stored, number, jpegtables=page.jpegtables)
            if decoded is None:
                raise ValueError(f"strip or tile {number} of page {page.index} is empty")
            tile = decoded[0, : kept[1], : kept[2]]
            _paste(window, tile, place[2] - top, place[3] - left)
    return window if keyframe.axes.endswith("S") else window[..., 0]


def _paste(window: np.ndarray[Any, Any], tile: np.ndarray[Any, Any], y: int, x: int) -> None:
    """Copy `tile`, whose corner is at (y, x) of the window, to where they overlap."""
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + tile.shape[0], window.shape[0]), min(x + tile.shape[1], window.shape[1])
    window[top:bottom, left:right] = tile[top - y : bottom - y, left - x : right - x]
