"""A stretch of an acquisition's events as columns: 7 bytes a plane on the wire, not 150.

Whoever joins late reads history this way, and whoever follows reads news this way too. The
columns are plain little-endian bytes, so that the agent needs no numpy; a subscriber views
them with `numpy.frombuffer` without making an object per plane.

    chunk = [zlib of {count, numbers, odd_indices, others}, zlib of the paths]     (msgpack)

`numbers` are the columns of `INTEGER_COLUMNS`, then times, sizes and mtimes; one that is the same
in all rows is there once. Paths are apart: a subscriber keeps them as they came.
"""

import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from planecast_protocol.errors import BadMessageError
from planecast_protocol.event_messages import Event
from planecast_protocol.limits import CHUNK_EVENTS, MAX_CHUNK_BYTES
from planecast_protocol.messages import encode
from planecast_protocol.planes import AxisIndex

INTEGER_COLUMNS = ("t", "fov", "z", "channel", "scene", "page", "T", "Z", "C")
"""Rows of `integers`: the plane's index, then its source's scene, page and index. -1: not given."""

_LETTERS = ("T", "Z", "C")
_KNOWN_LETTERS = frozenset(_LETTERS)


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive events. Row i of every column is the i-th `RegisterImage` among them."""

    count: int
    """Events in all."""
    integers: bytes
    """int32, one row for each of `INTEGER_COLUMNS`."""
    registered_at: bytes
    """float64, wall time in s."""
    sizes: bytes
    """int64, size of the file in bytes; -1: not given."""
    mtimes: bytes
    """int64, mtime of the file in ns; -1: not given."""
    paths: str
    """Wire paths, joined by NUL."""
    packed_paths: bytes
    """The same, compressed by zlib."""
    odd_indices: dict[int, AxisIndex]
    """Row to the source's index, where that has other letters than T, Z, C."""
    others: list[tuple[int, bytes]]
    """(events before it, encoded event) of each event that is no `RegisterImage`."""

    @property
    def planes(self) -> int:
        """Number of rows."""
        return self.count - len(self.others)


class _Chunk(msgspec.Struct, frozen=True, array_like=True):
    head: bytes
    paths: bytes


class _Head(msgspec.Struct, frozen=True):
    count: int
    numbers: list[bytes]
    odd_indices: dict[int, AxisIndex]
    others: list[tuple[int, bytes]]


_CODES: list[Literal["d", "i", "q"]] = ["i", "i", "i", "i", "i", "i", "i", "i", "i", "d", "q", "q"]
"""Of the columns in `_Head.numbers`, as `array` calls them."""
_ITEM_BYTES = [array(code).itemsize for code in _CODES]
_FIRST_BYTE = msgspec.msgpack.encode(_Chunk(b"", b""))[:1]


class _Index(msgspec.Struct, frozen=True, gc=False, array_like=True):
    t: int
    fov: int
    z: int
    channel: int


class _Source(msgspec.Struct, frozen=True, gc=False):
    path: str
    scene: int = 0
    index: dict[str, int] = {}
    page: int | None = None
    size_bytes: int | None = None
    mtime_ns: int | None = None


class _Image(msgspec.Struct, frozen=True, gc=False, tag_field="k", tag="image"):
    """What the columns need of a `RegisterImage` that was checked before."""

    index: _Index
    source: _Source
    registered_at: float


class _Start(msgspec.Struct, tag_field="k", tag="start"):
    pass


class _Resume(msgspec.Struct, tag_field="k", tag="resume"):
    pass


class _End(msgspec.Struct, tag_field="k", tag="end"):
    pass


def read_integers(columns: Columns) -> "list[array[int]]":
    """Return `INTEGER_COLUMNS`, for those who have no numpy."""
    whole = read_column("i", columns.integers)
    n = columns.planes
    return [whole[row * n : row * n + n] for row in range(len(INTEGER_COLUMNS))]


def read_column(code: Literal["d", "i", "q"], raw: bytes) -> "array[Any]":
    """Return the numbers in a column: float64, int32 or int64."""
    column = array(code)
    column.frombytes(raw)
    if sys.byteorder == "big":
        column.byteswap()
    return column


_chunk_decoder = msgspec.msgpack.Decoder(_Chunk)
_head_decoder = msgspec.msgpack.Decoder(_Head)
_encoder = msgspec.msgpack.Encoder()
_event_decoder = msgspec.msgpack.Decoder(_Image | _Start | _Resume | _End)


def pack(events: Sequence[Event]) -> bytes:
    """Return events as a chunk."""
    return pack_bodies([encode(event) for event in events])


def pack_bodies(bodies: Sequence[bytes]) -> bytes:
    """Return encoded events, which were checked before, as a chunk.

    A column at a time, and not an event: the agent serves nobody else meanwhile.
    """
    events = [_event_decoder.decode(body) for body in bodies]
    images = [event for event in events if type(event) is _Image]
    sources = [image.source for image in images]
    head = _Head(
        count=len(bodies),
        numbers=list(map(_bytes_of, _CODES, _numbers(images, sources))),
        odd_indices={
            row: source.index
            for row, source in enumerate(sources)
            if source.index and not source.index.keys() <= _KNOWN_LETTERS
        },
        others=[(n, bodies[n]) for n, event in enumerate(events) if type(event) is not _Image],
    )
    paths = "\0".join([source.path for source in sources]).encode()
    packed = (zlib.compress(part, 1) for part in (_encoder.encode(head), paths))
    return _encoder.encode(_Chunk(*packed))


def _numbers(images: Sequence[_Image], sources: Sequence[_Source]) -> Iterator[Sequence[float]]:
    """Yield the columns of `_CODES`."""
    yield from _integers(images, sources)
    yield [image.registered_at for image in images]
    yield _given([source.size_bytes for source in sources])
    yield _given([source.mtime_ns for source in sources])


def _integers(images: Sequence[_Image], sources: Sequence[_Source]) -> Iterator[Sequence[int]]:
    """Yield `INTEGER_COLUMNS`."""
    indices = [image.index for image in images]
    yield [index.t for index in indices]
    yield [index.fov for index in indices]
    yield [index.z for index in indices]
    yield [index.channel for index in indices]
    yield [source.scene for source in sources]
    yield _given([source.page for source in sources])
    axes = [source.index for source in sources]
    for letter in _LETTERS:
        yield [index.get(letter, -1) for index in axes] if any(axes) else [-1] * len(axes)


def _given(values: list[int | None]) -> list[int]:
    if values.count(None) == len(values):
        return [-1] * len(values)
    return [-1 if value is None else value for value in values]


def is_chunk(kept: bytes) -> bool:
    """Tell whether this is a chunk as `pack` makes them, and not as older agents did."""
    return kept.startswith(_FIRST_BYTE)


def unpack(chunk: bytes | memoryview) -> Columns:
    """Return the columns in `chunk`; raise `BadMessageError` if it is damaged or a bomb."""
    try:
        parts = _chunk_decoder.decode(chunk)
        raw_head = _inflate(parts.head, MAX_CHUNK_BYTES)
        joined = _inflate(parts.paths, MAX_CHUNK_BYTES - len(raw_head))
        head = _head_decoder.decode(raw_head)
        paths = joined.decode()
    except (zlib.error, msgspec.MsgspecError, UnicodeError, ValueError) as trouble:
        raise BadMessageError(f"a chunk of events is damaged: {trouble}") from None
    rows = head.count - len(head.others)
    if (
        not 0 <= rows <= head.count <= CHUNK_EVENTS
        or len(head.numbers) != len(_CODES)
        or (joined.count(b"\0") + 1 != rows if rows else joined)
    ):
        raise _uneven()
    numbers = list(map(_column, head.numbers, _ITEM_BYTES, [rows] * len(_CODES)))
    *integers, registered_at, sizes, mtimes = numbers
    return Columns(
        count=head.count,
        integers=b"".join(integers),
        registered_at=registered_at,
        sizes=sizes,
        mtimes=mtimes,
        paths=paths,
        packed_paths=parts.paths,
        odd_indices=head.odd_indices,
        others=head.others,
    )


def _inflate(packed: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj()
    raw = inflater.decompress(packed, max(1, limit))
    if inflater.unconsumed_tail or not inflater.eof:
        raise BadMessageError(f"a chunk of events is cut or above {MAX_CHUNK_BYTES} bytes")
    return raw


def _column(number: bytes, item_bytes: int, rows: int) -> bytes:
    """Return a whole column."""
    if len(number) == item_bytes * rows:
        return number
    if rows and len(number) == item_bytes:
        return number * rows
    raise _uneven()


def _uneven() -> BadMessageError:
    return BadMessageError("a chunk of events has columns of different lengths")


def _bytes_of(code: Literal["d", "i", "q"], values: Sequence[float]) -> bytes:
    """Return a column; its first value, if they are all the same."""
    if values and values[0] == values[-1] and values.count(values[0]) == len(values):
        values = values[:1]
    column = array(code, values)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()
