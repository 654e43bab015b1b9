"""A stretch of an acquisition's events as columns: 7 bytes a plane on the wire, not 150.

Whoever joins late reads history this way, and whoever follows reads news this way too. The
columns are plain little-endian bytes, so that the agent needs no numpy; a subscriber views
them with `numpy.frombuffer` without making an object per plane.
"""

import sys
import zlib
from array import array
from collections.abc import Sequence

import msgspec

from planecast_protocol.errors import BadMessageError
from planecast_protocol.event_messages import Event, RegisterImage
from planecast_protocol.limits import CHUNK_EVENTS, MAX_CHUNK_BYTES
from planecast_protocol.messages import encode
from planecast_protocol.planes import AxisIndex

INTEGER_COLUMNS = ("t", "fov", "z", "channel", "scene", "page", "T", "Z", "C")
"""Rows of `integers`: the plane's index, then its source's scene, page and index. -1: not given."""


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


_decoder = msgspec.msgpack.Decoder(Columns)
_encoder = msgspec.msgpack.Encoder()


def pack(events: Sequence[Event]) -> bytes:
    """Return the events as compressed columns."""
    integers = [array("i") for _ in INTEGER_COLUMNS]
    times, sizes, mtimes = array("d"), array("q"), array("q")
    paths: list[str] = []
    odd: dict[int, AxisIndex] = {}
    others: list[tuple[int, bytes]] = []
    for position, event in enumerate(events):
        if not isinstance(event, RegisterImage):
            others.append((position, encode(event)))
            continue
        at, source = event.index, event.source
        if not source.index.keys() <= {"T", "Z", "C"}:
            odd[len(paths)] = source.index
        page = -1 if source.page is None else source.page
        letters = (source.index.get(letter, -1) for letter in "TZC")
        row = (at.t, at.fov, at.z, at.channel, source.scene, page, *letters)
        for column, value in zip(integers, row, strict=True):
            column.append(value)
        times.append(event.registered_at)
        sizes.append(-1 if source.size_bytes is None else source.size_bytes)
        mtimes.append(-1 if source.mtime_ns is None else source.mtime_ns)
        paths.append(source.path)
    columns = Columns(
        count=len(events),
        integers=b"".join(_little_endian(column) for column in integers),
        registered_at=_little_endian(times),
        sizes=_little_endian(sizes),
        mtimes=_little_endian(mtimes),
        paths="\0".join(paths),
        odd_indices=odd,
        others=others,
    )
    return zlib.compress(_encoder.encode(columns), 1)


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


def _little_endian(column: "array[int] | array[float]") -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()
