"""Which bells a reader is to keep: sent with each that it gets."""

import struct
from collections.abc import Iterable


def pack(numbers: Iterable[int]) -> bytes:
    """Return the numbers of all live bells, the new one last."""
    live = tuple(numbers)
    return struct.pack(f"<{len(live)}Q", *live)


def unpack(data: bytes) -> tuple[int, ...]:
    """Return what was packed."""
    return struct.unpack(f"<{len(data) // 8}Q", data)
