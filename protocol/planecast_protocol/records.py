"""Framed records: how events lie in a spool file and travel in a batch.

    record = length (u32 little endian) | crc32 of the body (u32) | body

The sender forwards spool bytes unparsed, so a spool file and a batch on the wire are the
same bytes, and both notice a torn or flipped byte.
"""

import struct
import zlib
from collections.abc import Iterator

from planecast_protocol.errors import BadMessageError
from planecast_protocol.limits import MAX_EVENT_BYTES

HEADER = struct.Struct("<II")


def frame_record(body: bytes) -> bytes:
    """Return the record that holds `body`; raise `BadMessageError` if it is empty or too long."""
    if not 0 < len(body) <= MAX_EVENT_BYTES:
        raise BadMessageError(f"an event of {len(body)} bytes; 1 to {MAX_EVENT_BYTES} are allowed")
    return HEADER.pack(len(body), zlib.crc32(body)) + body


def record_end(buffer: bytes | memoryview, start: int) -> int:
    """Return the offset behind the record at `start`, or -1 if there is no whole, sound one."""
    if len(buffer) - start < HEADER.size:
        return -1
    length, crc = HEADER.unpack_from(buffer, start)
    end: int = start + HEADER.size + length
    # Eight zero bytes would be a sound record of nothing: a disk leaves such after a power loss.
    if not 0 < length <= MAX_EVENT_BYTES or end > len(buffer):
        return -1
    return end if zlib.crc32(buffer[start + HEADER.size : end]) == crc else -1


def split_records(buffer: bytes | memoryview, max_records: int) -> Iterator[bytes]:
    """Yield the bodies of a batch; raise `BadMessageError` at the first unsound byte."""
    # `record_end` inline: there are tens of thousands a second.
    whole = bytes(buffer)
    size, start, count = len(whole), 0, 0
    while start < size:
        count += 1
        if count > max_records:
            raise BadMessageError(f"more than {max_records} records in one batch")
        body_at = start + HEADER.size
        if body_at > size:
            raise _torn(count)
        length, crc = HEADER.unpack_from(whole, start)
        start = body_at + length
        body = whole[body_at:start]
        if not 0 < length <= MAX_EVENT_BYTES or len(body) != length or zlib.crc32(body) != crc:
            raise _torn(count)
        yield body


def _torn(count: int) -> BadMessageError:
    return BadMessageError(f"record {count} of the batch is torn or damaged")
