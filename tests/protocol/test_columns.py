"""History as columns: nothing is lost on the way, and damage and bombs are refused."""

import zlib
from array import array

import msgpack
import numpy as np
import pytest

from planecast_protocol.axes import PlaneIndex
from planecast_protocol.columns import INTEGER_COLUMNS, Columns, is_chunk, pack, unpack
from planecast_protocol.errors import BadMessageError
from planecast_protocol.event_messages import EndAcquisition, Event, RegisterImage
from planecast_protocol.limits import CHUNK_EVENTS, MAX_CHUNK_BYTES
from planecast_protocol.messages import AnyMessage, decode_event
from planecast_protocol.planes import PlaneSource


def image(t: int, **source: object) -> RegisterImage:
    fields: dict[str, object] = {"path": f"data:{t}/λ.tif"} | source
    return RegisterImage(
        acquisition="run-1",
        index=PlaneIndex(t=t, fov=2, z=3, channel=1),
        source=PlaneSource(**fields),  # type: ignore[arg-type]
        registered_at=100.5 + t,
    )


def rebuild(columns: Columns) -> list[Event]:
    """Return the events that were packed."""
    rows = columns.planes
    table = np.frombuffer(columns.integers, "<i4").reshape(len(INTEGER_COLUMNS), rows)
    times = np.frombuffer(columns.registered_at, "<f8")
    sizes = np.frombuffer(columns.sizes, "<i8").tolist()
    mtimes = np.frombuffer(columns.mtimes, "<i8").tolist()
    paths = columns.paths.split("\0")
    events: list[Event] = []
    for row in range(rows):
        value = dict(zip(INTEGER_COLUMNS, table[:, row].tolist(), strict=True))
        index = {letter: value[letter] for letter in "TZC" if value[letter] >= 0}
        source = PlaneSource(
            path=paths[row],
            scene=value["scene"],
            index=columns.odd_indices.get(row, index),
            page=None if value["page"] < 0 else value["page"],
            size_bytes=None if sizes[row] < 0 else sizes[row],
            mtime_ns=None if mtimes[row] < 0 else mtimes[row],
        )
        place = PlaneIndex(*(value[axis] for axis in ("t", "fov", "z", "channel")))
        events.append(
            RegisterImage(
                acquisition="run-1", index=place, source=source, registered_at=float(times[row])
            )
        )
    for before, body in columns.others:
        events.insert(before, decode_event(body))
    return events


def test_events_of_all_kinds_come_back_in_order(messages: list[AnyMessage]):
    start = messages[0]
    assert not isinstance(start, RegisterImage)
    events = [
        start,
        image(0),
        image(1, scene=2, index={"T": 1, "Z": 0, "C": 4}, page=7),
        image(2, index={"T": 1, "H": 3}, size_bytes=10**12, mtime_ns=10**18),
        EndAcquisition(acquisition="run-1", ended_at=9.0),
        image(3, index={"Z": 5}),
    ]

    assert rebuild(unpack(pack(events))) == events


def test_no_events_are_empty_columns():
    columns = unpack(pack([]))

    assert (columns.count, columns.planes, columns.paths) == (0, 0, "")


def test_an_independent_reader_finds_the_columns():
    head, paths = map(zlib.decompress, msgpack.unpackb(pack([image(5), image(6)])))
    unpacked = msgpack.unpackb(head, strict_map_key=False)

    assert unpacked["count"] == 2
    assert paths.decode() == "data:5/λ.tif\0data:6/λ.tif"
    times, fovs = unpacked["numbers"][:2]
    assert array("i", times).tolist() == [5, 6]
    assert array("i", fovs).tolist() == [2]


def test_a_full_chunk_is_small():
    chunk = pack([image(t) for t in range(CHUNK_EVENTS)])

    assert unpack(chunk).count == CHUNK_EVENTS
    assert len(chunk) < 16 * CHUNK_EVENTS


def test_a_chunk_cut_or_changed_anywhere_is_refused():
    chunk = pack([image(0), image(1)])
    for cut in range(len(chunk)):
        with pytest.raises(BadMessageError):
            unpack(chunk[:cut])
    for byte in range(len(chunk)):
        damaged = bytearray(chunk)
        damaged[byte] ^= 0xFF
        with pytest.raises(BadMessageError):
            unpack(damaged)


def test_a_bomb_is_refused():
    with pytest.raises(BadMessageError, match=f"above {MAX_CHUNK_BYTES} bytes"):
        unpack(joined({}, bytes(MAX_CHUNK_BYTES + 1)))
    with pytest.raises(BadMessageError, match=f"above {MAX_CHUNK_BYTES} bytes"):
        unpack(msgpack.packb([zlib.compress(bytes(MAX_CHUNK_BYTES + 1)), zlib.compress(b"")]))


def joined(head: dict[str, object], paths: bytes) -> bytes:
    """Return a chunk of these parts, whatever is in them."""
    packed: bytes = msgpack.packb([zlib.compress(msgpack.packb(head)), zlib.compress(paths)])
    return packed


WHOLE = {
    "count": 2,
    "numbers": [bytes(4)] * 9 + [bytes(8)] * 3,
    "odd_indices": {},
    "others": [],
}
INCONSISTENT: list[tuple[str, object]] = [
    ("count", 3),
    ("count", -1),
    ("numbers", [bytes(4)] * 9 + [bytes(8)] * 2),
    ("numbers", [bytes(8)] * 8 + [bytes(12)] + [bytes(16)] * 3),
    ("numbers", [bytes(4)] * 9 + [b"", bytes(8), bytes(8)]),
    ("numbers", [bytes(4)] * 9 + [bytes(16), bytes(16), bytes(24)]),
    ("others", [(0, b"a"), (0, b"b"), (0, b"c")]),
]


@pytest.mark.parametrize(("field", "value"), INCONSISTENT)
def test_columns_of_different_lengths_are_refused(field: str, value: object):
    assert unpack(joined(WHOLE, b"d:a\0d:b")).planes == 2

    for head, paths in ((WHOLE | {field: value}, b"d:a\0d:b"), (WHOLE, b"d:only-one")):
        with pytest.raises(BadMessageError, match="different lengths"):
            unpack(joined(head, paths))


def test_a_chunk_of_an_older_agent_is_told_apart():
    assert is_chunk(pack([image(0)]))
    assert not is_chunk(zlib.compress(b"{}", 1))


def test_more_events_than_a_chunk_holds_are_refused():
    with pytest.raises(BadMessageError):
        unpack(pack([image(t) for t in range(CHUNK_EVENTS + 1)]))
