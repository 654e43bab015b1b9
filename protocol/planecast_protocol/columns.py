"""A stretch of an acquisition's events as columns: 7 bytes a plane on the wire, not 150.

Whoever joins late reads history this way, and whoever follows reads news this way too. The
columns are plain little-endian bytes, so that the agent needs no numpy; a subscriber views
them with `numpy.frombuffer` without making an object per plane.
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
    odd_indices: dict[int, AxisIndex]
    """Row to the source's index, where that has other letters than T, Z, C."""
    others: list[tuple[int, bytes]]
    """(events before it, encoded event) of each event that is no `RegisterImage`."""

    @property
    def planes(self) -> int:
        """Number of rows."""
        return self.count - len(self.others)


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


_decoder = msgspec.msgpack.Decoder(Columns)
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
    others = [(n, bodies[n]) for n, event in enumerate(events) if type(event) is not _Image]
    sources = [image.source for image in images]
    columns = Columns(
        count=len(bodies),
        integers=b"".join(_bytes_of("i", column) for column in _integers(images, sources)),
        registered_at=_bytes_of("d", [image.registered_at for image in images]),
        sizes=_bytes_of("q", _given([source.size_bytes for source in sources])),
        mtimes=_bytes_of("q", _given([source.mtime_ns for source in sources])),
        paths="\0".join([source.path for source in sources]),
        odd_indices={
            row: source.index
            for row, source in enumerate(sources)
            if source.index and not source.index.keys() <= _KNOWN_LETTERS
        },
        others=others,
    )
    return zlib.compress(_encoder.encode(columns), 1)


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


def _given(values: Sequence[int | None]) -> list[int]:
    return [-1 if value is None else value for value in values]


def unpack(chunk: bytes | memoryview) -> Columns:
    """Return the columns in `chunk`; raise `BadMessageError` if it is damaged or a bomb."""
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(chunk, MAX_CHUNK_BYTES)
        if inflater.unconsumed_tail or not inflater.eof:
            raise BadMessageError(f"a chunk of events is cut or above {MAX_CHUNK_BYTES} bytes")
        columns = _decoder.decode(raw)
    except (zlib.error, msgspec.MsgspecError, UnicodeError, ValueError) as trouble:
        raise BadMessageError(f"a chunk of events is damaged: {trouble}") from None
    rows = columns.planes
    lengths = (len(columns.integers), len(columns.registered_at), len(columns.sizes))
    if (
        not 0 <= rows <= columns.count <= CHUNK_EVENTS
        or lengths != (4 * len(INTEGER_COLUMNS) * rows, 8 * rows, 8 * rows)
        or len(columns.mtimes) != 8 * rows
        or (columns.paths.count("\0") + 1 != rows if rows else columns.paths)
    ):
        raise BadMessageError("a chunk of events has columns of different lengths")
    return columns


def _bytes_of(code: Literal["d", "i", "q"], values: Sequence[float]) -> bytes:
    column = array(code, values)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()
