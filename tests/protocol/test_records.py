"""Framed records: a torn or flipped byte never passes."""

import zlib

import pytest

from planecast_protocol.errors import BadMessageError
from planecast_protocol.limits import MAX_EVENT_BYTES
from planecast_protocol.records import HEADER, frame_record, record_end, split_records

BODIES = [b"one", b"second", b"\0" * 7, b"x" * MAX_EVENT_BYTES]


def test_records_come_apart_as_they_were_put_together():
    batch = b"".join(map(frame_record, BODIES))

    assert list(split_records(batch, len(BODIES))) == BODIES
    assert list(split_records(memoryview(batch), len(BODIES))) == BODIES


def test_a_record_is_length_crc_and_body():
    body = b"any bytes"

    assert frame_record(body) == HEADER.pack(len(body), zlib.crc32(body)) + body


def test_no_bytes_are_no_records():
    assert list(split_records(b"", 10)) == []


@pytest.mark.parametrize("size", [0, MAX_EVENT_BYTES + 1])
def test_a_body_out_of_bounds_is_not_framed(size: int):
    with pytest.raises(BadMessageError, match=f"of {size} bytes"):
        frame_record(b"x" * size)


def test_a_record_cut_at_any_byte_is_unsound():
    record = frame_record(b"a body")

    assert record_end(record, 0) == len(record)
    assert all(record_end(record[:cut], 0) == -1 for cut in range(len(record)))


def test_a_flip_of_any_bit_is_noticed():
    record = frame_record(b"a body")
    for bit in range(8 * len(record)):
        flipped = bytearray(record)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadMessageError, match="record 1 of the batch"):
            list(split_records(flipped, 1))


def test_zeros_are_no_record():
    assert record_end(bytes(64), 0) == -1


def test_a_length_above_the_limit_is_refused():
    body = b"x" * (MAX_EVENT_BYTES + 1)

    assert record_end(HEADER.pack(len(body), zlib.crc32(body)) + body, 0) == -1


def test_more_records_than_allowed_are_refused():
    with pytest.raises(BadMessageError, match="more than 2 records"):
        list(split_records(frame_record(b"x") * 3, 2))
