"""The pages of a TIFF that may still be written, read by their directories only.

    header:     II or MM, 42, offset 4           BigTIFF: 43, 8, 0, offset 8
    directory:  count 2, tags of 12, next 4      BigTIFF: count 8, tags of 20, next 8

(TIFF 6.0, section 2; the BigTIFF design of 2007.) A page counts once every strip or tile of it
lies in the file.
"""

import os
import struct
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from planecast_protocol.errors import CorruptFileError

MAX_TAGS = 4096
MAX_PAGES = 10_000_000
MAX_SEGMENTS = 1 << 20
MAX_TEXT_BYTES = 64 << 20
SAMPLES, SAMPLE_BYTES = 16, 512
"""Stretches of a page that tell whether it was written."""
_LARGEST_JUMP = 1 << 48

WIDTH, HEIGHT, BITS, COMPRESSION, DESCRIPTION = 256, 257, 258, 259, 270
PER_PIXEL, SAMPLE_FORMAT, MICRO_MANAGER = 277, 339, 51123
_OFFSETS, _COUNTS = (273, 324), (279, 325)
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}
_LETTERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_WANTED = frozenset(
    {WIDTH, HEIGHT, BITS, COMPRESSION, DESCRIPTION, PER_PIXEL, SAMPLE_FORMAT, MICRO_MANAGER,
     *_OFFSETS, *_COUNTS}
)  # fmt: skip
_KINDS = {1: "uint", 2: "int", 3: "float"}


class _NotThereError(Exception):
    """What is pointed to lies beyond the end of the file, as it is now."""


@dataclass(frozen=True, slots=True)
class TiffPage:
    """One page whose directory is in the file."""

    number: int
    width: int
    height: int
    dtype: str | None
    """Such as `uint16`; `None` for kinds that have no such name."""
    samples: int
    compressed: bool
    segments: tuple[tuple[int, int], ...]
    """Offset and bytes of each strip or tile."""
    description: str = ""
    micro_manager: str = ""
    """JSON that Micro-Manager writes for each page."""

    def end(self) -> int:
        """Return the first byte behind the page's data; 0 if not all of it has a place yet."""
        if not self.segments or not all(offset and count for offset, count in self.segments):
            return 0
        return max(offset + count for offset, count in self.segments)


@dataclass
class TiffFile:
    """A TIFF, looked at again and again. It is open only while it is looked at."""

    path: Path
    with_texts: bool = False
    """Read every page's description; else the first page's."""
    n_pages: int = 0
    """Pages that are whole; those behind one that is not are not looked at."""
    first: TiffPage | None = None
    """As soon as its directory is there."""
    is_waiting: bool = True
    """Whether a page is announced, but not all of it is there."""
    _order: str = ""
    _big: bool = False
    _pointer_at: int = 0
    """Where the offset of the next directory is."""
    _seen: set[int] = field(default_factory=set)

    def read_on(self, at_most: int = MAX_PAGES) -> list[TiffPage]:
        """Return the pages that became whole since the last call.

        Raises `CorruptFileError` for what is no TIFF, and `OSError`.
        """
        pages: list[TiffPage] = []
        self.is_waiting = True
        with FileIO(self.path) as file:
            size = os.fstat(file.fileno()).st_size
            if not self._order and not self._read_header(file):
                return pages
            while self.n_pages < MAX_PAGES and len(pages) < at_most:
                try:
                    found = self._next_page(file)
                except _NotThereError:
                    return pages
                except OverflowError as error:
                    raise CorruptFileError.of(self.path, str(error)) from None
                if found is None:
                    break
                page, pointer, next_at = found
                self.first = self.first or page
                # Its directory may be filled in when the data is there: it is read again.
                if not 0 < page.end() <= size:
                    return pages
                self._seen.add(pointer)
                self._pointer_at = next_at
                self.n_pages += 1
                pages.append(page)
        self.is_waiting = self.n_pages == 0
        return pages

    def _read_header(self, file: FileIO) -> bool:
        header = _at(file, 0, 16)
        if len(header) < 8 or not any(header[:8]):
            return False
        order = {b"II": "<", b"MM": ">"}.get(header[:2])
        version = struct.unpack(f"{order}H", header[2:4])[0] if order else 0
        if order is None or version not in (42, 43):
            raise CorruptFileError.of(self.path, f"is no TIFF, it begins with {header[:4]!r}")
        if version == 43 and len(header) < 16:
            return False
        self._order, self._big = order, version == 43
        self._pointer_at = 8 if self._big else 4
        return True

    def _next_page(self, file: FileIO) -> tuple[TiffPage, int, int] | None:
        """Return the next page, where its directory is, and where the next one's offset is."""
        pointer = self._number(file, self._pointer_at)
        if pointer == 0 or pointer in self._seen:
            return None
        count_bytes, tag_bytes = (8, 20) if self._big else (2, 12)
        head = _exactly(file, pointer, count_bytes)
        n_tags: int = struct.unpack(self._order + ("Q" if self._big else "H"), head)[0]
        if n_tags == 0:
            raise _NotThereError  # its place is reserved
        if n_tags > MAX_TAGS:
            raise CorruptFileError.of(self.path, f"has a directory of {n_tags} tags")
        behind = pointer + count_bytes
        tags = _exactly(file, behind, tag_bytes * n_tags)
        next_at = behind + tag_bytes * n_tags
        self._number(file, next_at)
        return self._page(file, tags), pointer, next_at

    def _number(self, file: FileIO, at: int) -> int:
        raw = _exactly(file, at, 8 if self._big else 4)
        number: int = struct.unpack(self._order + ("Q" if self._big else "I"), raw)[0]
        return number

    def _page(self, file: FileIO, tags: bytes) -> TiffPage:
        values: dict[int, tuple[int, ...]] = {}
        texts: dict[int, str] = {}
        entry = struct.Struct(self._order + ("HHQ8s" if self._big else "HHI4s"))
        for code, kind, count, inline in entry.iter_unpack(tags):
            if code not in _WANTED or kind not in _TYPE_BYTES:
                continue
            if code in (DESCRIPTION, MICRO_MANAGER):
                wanted = self.with_texts or self.n_pages == 0
                if wanted and code not in texts:
                    texts[code] = self._text(file, kind, count, inline)
            else:
                values[code] = self._values(file, code, kind, count, inline)
        offsets = next((values[code] for code in _OFFSETS if code in values), ())
        counts = next((values[code] for code in _COUNTS if code in values), ())
        if len(offsets) != len(counts):
            raise _NotThereError
        return TiffPage(
            number=self.n_pages,
            width=_first(values, WIDTH, 0),
            height=_first(values, HEIGHT, 0),
            dtype=_dtype(values),
            samples=_first(values, PER_PIXEL, 1),
            compressed=_first(values, COMPRESSION, 1) != 1,
            segments=_joined(offsets, counts),
            description=texts.get(DESCRIPTION, ""),
            micro_manager=texts.get(MICRO_MANAGER, ""),
        )

    def _raw(self, file: FileIO, n_bytes: int, inline: bytes) -> bytes:
        if n_bytes <= len(inline):
            return inline[:n_bytes]
        at: int = struct.unpack(self._order + ("Q" if self._big else "I"), inline)[0]
        return _exactly(file, at, n_bytes)

    def _values(
        self, file: FileIO, code: int, kind: int, count: int, inline: bytes
    ) -> tuple[int, ...]:
        letter = _LETTERS.get(kind)
        if letter is None or count > MAX_SEGMENTS:
            raise CorruptFileError.of(self.path, f"has tag {code} of {count} values, type {kind}")
        raw = self._raw(file, _TYPE_BYTES[kind] * count, inline)
        return struct.unpack(f"{self._order}{count}{letter}", raw)

    def _text(self, file: FileIO, kind: int, count: int, inline: bytes) -> str:
        n_bytes = min(_TYPE_BYTES[kind] * count, MAX_TEXT_BYTES)
        return self._raw(file, n_bytes, inline).rstrip(b"\0").decode("utf-8", "replace")


def looks_unwritten(file: FileIO, page: TiffPage, look: int = 0) -> bool:
    """Tell whether an uncompressed page holds nothing but zeros, as far as samples show.

    Controllers preallocate files and fill them in later. The samples are elsewhere at each
    `look`. Compressed pages are never unwritten.
    """
    if page.compressed or not _has_data(file, page.segments[0][0], page.end()):
        return not page.compressed
    segments = page.segments[:: max(1, len(page.segments) // SAMPLES)]
    per_segment = max(1, SAMPLES // len(segments))
    for offset, count in segments:
        stride = max(count // per_segment, SAMPLE_BYTES)
        shift = look * SAMPLE_BYTES % stride
        for start in range(offset + shift, offset + count, stride):
            if any(_at(file, start, min(SAMPLE_BYTES, offset + count - start))):
                return False
    return True


def is_all_zeros(file: FileIO, page: TiffPage) -> bool:
    """Tell whether an uncompressed page holds nothing but zeros, by reading all of it."""
    return not page.compressed and not any(
        any(_at(file, offset, count)) for offset, count in page.segments
    )


def _has_data(file: FileIO, start: int, end: int) -> bool:
    """Whether any byte of the stretch was ever written, as far as the file system knows."""
    if not hasattr(os, "SEEK_DATA"):
        return True
    try:
        return os.lseek(file.fileno(), start, os.SEEK_DATA) < end
    except OSError as error:
        # ENXIO: there is no data behind `start`. Other errors: the file system can't tell.
        return error.errno != 6


def _joined(offsets: tuple[int, ...], counts: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return the segments; those that follow each other as one."""
    joined: list[tuple[int, int]] = []
    for offset, count in zip(offsets, counts, strict=True):
        if joined and offset and count and sum(joined[-1]) == offset and joined[-1][0]:
            joined[-1] = (joined[-1][0], joined[-1][1] + count)
        else:
            joined.append((offset, count))
    return tuple(joined)


def _first(values: dict[int, tuple[int, ...]], code: int, otherwise: int) -> int:
    found = values.get(code)
    return found[0] if found else otherwise


def _dtype(values: dict[int, tuple[int, ...]]) -> str | None:
    bits = _first(values, BITS, 1)
    kind = _KINDS.get(_first(values, SAMPLE_FORMAT, 1))
    known = kind is not None and bits in ((16, 32, 64) if kind == "float" else (8, 16, 32, 64))
    return f"{kind}{bits}" if known else None


def _at(file: FileIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count) or b""


def _exactly(file: FileIO, offset: int, count: int) -> bytes:
    if offset + count > _LARGEST_JUMP:
        raise OverflowError(f"points to byte {offset}")
    data = _at(file, offset, count)
    while 0 < len(data) < count:
        more = file.read(count - len(data))
        if not more:
            break
        data += more
    if len(data) < count:
        raise _NotThereError
    return data
