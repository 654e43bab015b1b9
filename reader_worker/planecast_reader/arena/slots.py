"""Pieces of the arena that hold a plane each, and how large they are."""

from collections.abc import Hashable
from dataclasses import dataclass

MIN_SLOT_BYTES = 64 << 10


@dataclass(eq=False)
class Slot:
    """A piece of memory that holds, or will hold, one plane."""

    number: int
    offset: int
    capacity: int
    key: Hashable | None = None
    """Set while the slot is published."""
    content: object = None
    """What the publisher wants to remember of the plane."""
    last_used: int = 0
    """`tick()` of the last use by message."""


def slot_size(nbytes: int) -> int:
    """Round up by at most an eighth, so that planes of nearly one size share their slabs."""
    if nbytes <= MIN_SLOT_BYTES:
        return MIN_SLOT_BYTES
    step = 1 << max(12, nbytes.bit_length() - 4)
    return -(-nbytes // step) * step
