"""Every message survives the wire, is plain MessagePack, and is refused out of bounds."""

import typing
from typing import Any

import msgpack
import msgspec
import pytest

from planecast_protocol.agent_messages import Hello, Publish
from planecast_protocol.errors import BadMessageError, VersionError
from planecast_protocol.event_messages import RegisterImage
from planecast_protocol.limits import (
    MAX_BATCH_EVENTS,
    MAX_CHANNELS,
    MAX_COUNT,
    MAX_DIMENSIONS,
    MAX_FOVS,
    MAX_NAME_CHARS,
    MAX_PATH_CHARS,
    MAX_TEXT_CHARS,
)
from planecast_protocol.messages import AnyMessage, decode, decode_event, encode
from planecast_protocol.version import PROTOCOL_MAJOR, check_major


def raw(message: AnyMessage) -> dict[str, Any]:
    """Return the message as a reader that knows only MessagePack has it."""
    unpacked: dict[str, Any] = msgpack.unpackb(encode(message))
    return unpacked


def test_there_is_a_sample_of_every_message(messages: list[AnyMessage]):
    assert {type(message) for message in messages} == set(typing.get_args(AnyMessage))
    assert len(messages) == len(typing.get_args(AnyMessage))


def test_kinds_are_unique():
    kinds = [kind.__struct_config__.tag for kind in typing.get_args(AnyMessage)]

    assert len(set(kinds)) == len(kinds)


def test_it_round_trips(message: AnyMessage):
    assert decode(encode(message)) == message
    assert decode(memoryview(encode(message))) == message


def test_an_independent_reader_finds_kind_version_and_fields(message: AnyMessage):
    unpacked = raw(message)

    assert unpacked["k"] == type(message).__struct_config__.tag
    assert unpacked["v"] == PROTOCOL_MAJOR
    assert unpacked.keys() - {"k", "v"} <= set(message.__struct_fields__)


def test_what_an_independent_writer_packs_is_understood(message: AnyMessage):
    assert decode(msgpack.packb(raw(message))) == message


def test_unknown_fields_are_ignored(message: AnyMessage):
    newer = raw(message) | {"mood": "good", "later": {"nested": [1, 2]}}

    assert decode(msgpack.packb(newer)) == message


def test_another_major_is_refused_by_both_versions(message: AnyMessage):
    with pytest.raises(VersionError, match=rf"version 7, .* speaks {PROTOCOL_MAJOR}"):
        decode(msgpack.packb(raw(message) | {"v": 7}))


def test_another_major_is_told_apart_from_garbage():
    with pytest.raises(VersionError):
        decode(msgpack.packb({"k": "a kind of the future", "v": 2, "x": [1]}))
    with pytest.raises(VersionError):
        decode_event(msgpack.packb({"k": "a kind of the future", "v": 2}))


def test_our_major_passes_the_check():
    check_major(PROTOCOL_MAJOR)


def test_it_never_changes(message: AnyMessage):
    with pytest.raises(AttributeError):
        message.v = 2  # type: ignore[misc]


def test_only_events_are_events(messages: list[AnyMessage]):
    events = 0
    for message in messages:
        try:
            assert decode_event(encode(message)) == message
        except BadMessageError:
            continue
        events += 1

    assert events == 4


LONG_MAP = 0xDE
"""The first byte of a map of more than 15 pairs, as MessagePack has it."""

GARBAGE = {
    "nothing": b"",
    "noise": b"\xc1\x00noise",
    "a list": msgpack.packb([1, 2, 3]),
    "no kind": msgpack.packb({"v": 1}),
    "unknown kind": msgpack.packb({"k": "zap", "v": 1}),
    "kind of another type": msgpack.packb({"k": 3, "v": 1}),
    "version of another type": msgpack.packb({"k": "bye", "v": "one"}),
    "cut": encode(Hello(request=1, publisher="ab" * 16))[:-1],
    "trailing bytes": encode(Hello(request=1, publisher="ab" * 16)) + b"\0",
    "deeply nested": b"\x91" * 100_000,
    "array of 2**32": b"\xdd\xff\xff\xff\xff",
    "string of 2**32": b"\xdb\xff\xff\xff\xff",
    "text that is not UTF-8": b"\x82\xa1k\xa5hello\xa1v\xa2\xff\xfe",
    "lone surrogate": msgpack.packb({"k": "\ud800", "v": 1}, unicode_errors="surrogatepass"),
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_refused(body: bytes):
    with pytest.raises(BadMessageError, match="not a message of ours"):
        decode(body)


OUT_OF_BOUNDS: dict[str, dict[str, Any]] = {
    "id with a slash": {"k": "end", "acquisition": "../run", "ended_at": 0.0},
    "id that is empty": {"k": "end", "acquisition": "", "ended_at": 0.0},
    "id too long": {"k": "end", "acquisition": "a" * (MAX_NAME_CHARS + 1), "ended_at": 0.0},
    "status unknown": {"k": "end", "acquisition": "a", "status": "odd", "ended_at": 0.0},
    "reason too long": {
        "k": "end",
        "acquisition": "a",
        "reason": "x" * (MAX_TEXT_CHARS + 1),
        "ended_at": 0.0,
    },
    "time before 1970": {"k": "end", "acquisition": "a", "ended_at": -1.0},
    "publisher that is no id": {"k": "bye", "publisher": "alice"},
    "publisher too long": {"k": "bye", "publisher": "ab" * 17},
    "request negative": {"k": "list", "request": -1},
    "request of 2**60": {"k": "list", "request": 2**60},
    "request as text": {"k": "list", "request": "1"},
    "batch of none": {"k": "publish", "publisher": "ab" * 16, "first": 1, "count": 0},
    "batch too large": {
        "k": "publish",
        "publisher": "ab" * 16,
        "first": 1,
        "count": MAX_BATCH_EVENTS + 1,
    },
    "cursor negative": {"k": "fetch", "request": 1, "acquisition": "a", "first": -1},
    "region without width": {
        "k": "read",
        "request": 1,
        "path": "data:a.tif",
        "area": {"k": "region", "x": 0, "y": 0, "width": 0, "height": 1},
    },
    "priority unknown": {"k": "read", "request": 1, "path": "data:a.tif", "priority": "now"},
}


@pytest.mark.parametrize("fields", OUT_OF_BOUNDS.values(), ids=OUT_OF_BOUNDS.keys())
def test_out_of_bounds_is_refused(fields: dict[str, Any]):
    with pytest.raises(BadMessageError):
        decode(msgpack.packb(fields | {"v": PROTOCOL_MAJOR}))


START_OUT_OF_BOUNDS: dict[str, Any] = {
    "channels": ["BF"] * (MAX_CHANNELS + 1),
    "fov_labels": ["A1:0"] * (MAX_FOVS + 1),
    "num_z": 0,
    "num_t": 0,
    "height": MAX_COUNT + 1,
    "width": -1,
    "pixel_size_um": 0.0,
    "z_step_um": -1.0,
    "time_interval_s": float("nan"),
    "name": "",
    "dtype": "",
}


@pytest.mark.parametrize(("field", "value"), START_OUT_OF_BOUNDS.items())
def test_an_acquisition_out_of_bounds_is_refused(
    messages: list[AnyMessage], field: str, value: object
):
    with pytest.raises(BadMessageError):
        decode(msgpack.packb(raw(messages[0]) | {field: value}))


SOURCE_OUT_OF_BOUNDS: dict[str, Any] = {
    "path": "d:" + "x" * MAX_PATH_CHARS,
    "scene": -1,
    "page": -1,
    "size_bytes": -1,
    "index": {f"axis {number}": 0 for number in range(MAX_DIMENSIONS + 1)},
}


@pytest.mark.parametrize(("field", "value"), SOURCE_OUT_OF_BOUNDS.items())
def test_a_source_out_of_bounds_is_refused(image_event: RegisterImage, field: str, value: object):
    plane = raw(image_event)
    plane["source"] |= {field: value}

    with pytest.raises(BadMessageError):
        decode(msgpack.packb(plane))


@pytest.mark.parametrize("index", [[0, 0, 0], [0, 0, 0, -1], [0, 0, 0, MAX_COUNT + 1], {"t": 0}])
def test_an_index_out_of_bounds_is_refused(image_event: RegisterImage, index: object):
    with pytest.raises(BadMessageError):
        decode(msgpack.packb(raw(image_event) | {"index": index}))


def test_a_batch_at_its_bound_is_taken():
    batch = Publish(publisher="ab" * 16, first=1, count=MAX_BATCH_EVENTS)

    assert decode(encode(batch)) == batch


def test_what_is_not_given_is_not_sent():
    plain = Hello(request=1, publisher="ab" * 16)

    assert raw(plain).keys() == {"k", "v", "request", "publisher"}


def test_both_libraries_write_the_same_bytes(message: AnyMessage):
    fields = msgspec.msgpack.decode(encode(message))
    packed = msgpack.packb(fields)
    if encode(message)[0] == LONG_MAP and len(fields) < 16:
        # msgspec takes it for a struct of many fields, however many of them it writes.
        packed = b"\xde" + len(fields).to_bytes(2, "big") + packed[1:]

    assert packed == encode(message)
