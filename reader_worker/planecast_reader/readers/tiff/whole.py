"""Whether a TIFF, or a page of it, is wholly on disk: looked at before tifffile reads it.

A file that is being written, or was cut, has a directory that says more than is there.
tifffile reads some of those as zeros; none of them may become pixels.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

from planecast_protocol.errors import CorruptFileError, NotYetWrittenError
from planecast_reader.readers.tiff.pages import Page, keyframe_of

MAX_TAGS = 4096
ABSURD_OFFSET = 1 << 48
"""A position beyond this is damage; one beyond the file's end may be a file still written."""

TYPE_BYTES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
    16: 8, 17: 8, 18: 8,
}  # fmt: skip
"""TIFF 6.0 page 15, and BigTIFF's three."""

NEEDED_TAGS = frozenset(
    {256, 257, 258, 259, 262, 266, 270, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325, 339}
)
"""Tags that decide pixels or axes. Others may point nowhere, as they do in some real files."""


_LIKELY_TAGS = 24
"""A directory of so many tags is read at once."""


class Layout:
    """How a file's directories are laid out."""

    def __init__(self, order: str, *, big: bool) -> None:
        """`order`: < or >, as `struct` has it; `big`: of BigTIFF."""
        self.count = struct.Struct(order + ("Q" if big else "H"))
        """A directory's count of tags."""
        self.tag = struct.Struct(order + ("HHQQ" if big else "HHII"))
        self.pointer = struct.Struct(order + ("Q" if big else "I"))
        """Where the next directory is."""
        self.inline_bytes = 8 if big else 4
        """Values of so many bytes are in the tag itself."""
        self.first_at = 8 if big else 4
        """Place of the pointer to the first directory."""
        self.likely_bytes = self.count.size + _LIKELY_TAGS * self.tag.size


def check_beginning(path: Path, file: BinaryIO) -> Layout:
    """Check that the header and the first directory are there.

    Raises `NotYetWrittenError` if they aren't yet, `CorruptFileError` if this is no TIFF.
    """
    size = os.fstat(file.fileno()).st_size
    header = os.pread(file.fileno(), 16, 0)
    if len(header) < 8 or not any(header):
        raise NotYetWrittenError.of(path, f"no TIFF header yet in its {size} bytes; ask again")
    order = {b"II": "<", b"MM": ">"}.get(header[:2])
    if order is None:
        raise CorruptFileError.of(path, f"is no TIFF, it begins with {header[:4]!r}")
    big = struct.unpack(order + "H", header[2:4])[0] == 43
    if big and len(header) < 16:
        raise NotYetWrittenError.of(path, f"no TIFF header yet in its {size} bytes; ask again")
    layout = Layout(order, big=big)
    first: int = layout.pointer.unpack_from(header, layout.first_at)[0]
    if first == 0:
        raise NotYetWrittenError.of(path, "has no page yet; ask again when one is written")
    check_directory(path, file.fileno(), size, layout, first)
    return layout


def check_directory(path: Path, fd: int, size: int, layout: Layout, offset: int) -> int:
    """Check that the directory at `offset` and the values it points to are in the file.

    `size` is the file's. Returns where the directory's tags end.
    """
    if offset > ABSURD_OFFSET:
        raise CorruptFileError.of(path, f"points to a directory at byte {offset}")
    raw = os.pread(fd, layout.likely_bytes, offset)
    tags_at, tag = layout.count.size, layout.tag
    if len(raw) < tags_at:
        raise _too_short(path, size, offset + tags_at, "the page's directory")
    n_tags: int = layout.count.unpack_from(raw)[0]
    if not 0 < n_tags <= MAX_TAGS:
        raise CorruptFileError.of(path, f"has a directory of {n_tags} tags at byte {offset}")
    tags_end = tags_at + n_tags * tag.size
    if tags_end > layout.likely_bytes:
        raw = os.pread(fd, tags_end, offset)
    if len(raw) < tags_end:
        raise _too_short(path, size, offset + tags_end, "the page's directory")
    inline_bytes = layout.inline_bytes
    for code, kind, count, value in tag.iter_unpack(raw[tags_at:tags_end]):
        if code in NEEDED_TAGS:
            n_bytes = TYPE_BYTES.get(kind, 1) * count
            if n_bytes > inline_bytes and value + n_bytes > size:
                raise _too_short(path, size, value + n_bytes, f"tag {code} of the page")
    return offset + tags_end


def check_chain(path: Path, file: BinaryIO, layout: Layout) -> None:
    """Check every page's directory, one after another: one may be half written."""
    fd = file.fileno()
    size = os.fstat(fd).st_size
    pointer, place = layout.pointer, layout.first_at
    seen: set[int] = set()
    while True:
        raw = os.pread(fd, pointer.size, place)
        if len(raw) < pointer.size:
            raise _too_short(path, size, place + pointer.size, "the directory of a page")
        (offset,) = pointer.unpack(raw)
        if offset == 0 or offset in seen:
            return
        seen.add(offset)
        place = check_directory(path, fd, size, layout, offset)


def check_page(path: Path, size: int, page: Page) -> None:
    """Check that every strip or tile of `page` lies in the first `size` bytes.

    Raises `NotYetWrittenError` if not all are there, `CorruptFileError` if the declared size
    of an uncompressed page is more than its strips or tiles hold.
    """
    keyframe = keyframe_of(page)
    offsets, counts = page.dataoffsets, page.databytecounts
    n_segments = 1
    for length in keyframe.chunked:
        n_segments *= length
    contiguous = keyframe.is_contiguous
    if not offsets or (len(offsets) < n_segments and not contiguous):
        raise NotYetWrittenError.of(
            path, f"{len(offsets)} of {n_segments} strips or tiles of page {page.index} are there"
        )
    if not all(offsets) or not all(counts):
        missing = sum(
            not (offset and count) for offset, count in zip(offsets, counts, strict=False)
        )
        raise NotYetWrittenError.of(
            path, f"{missing} of {len(offsets)} strips or tiles of page {page.index} are missing"
        )
    end = max(offset + count for offset, count in zip(offsets, counts, strict=False))
    if contiguous and (len(offsets) == 1 or keyframe.is_lsm or keyframe.is_stk):
        end = offsets[0] + keyframe.nbytes
        if len(offsets) == 1 and 0 < counts[0] < keyframe.nbytes and not keyframe.is_stk:
            raise _declares_too_much(path, keyframe.nbytes, counts[0])
    elif contiguous and sum(counts) < keyframe.nbytes:
        raise _declares_too_much(path, keyframe.nbytes, sum(counts))
    if end > size:
        raise _too_short(path, size, end, f"page {page.index}")


def _too_short(path: Path, size: int, wanted: int, what: str) -> NotYetWrittenError:
    return NotYetWrittenError.of(
        path, f"{size} of {wanted} bytes are there, {what} is not whole; ask again, or it was cut"
    )


def _declares_too_much(path: Path, declared: int, held: int) -> CorruptFileError:
    return CorruptFileError.of(
        path, f"a page declares {declared} bytes of pixels, its strips or tiles hold {held}"
    )
