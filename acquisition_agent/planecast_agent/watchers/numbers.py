"""Numbers in files of others: what is no number, or none that can be, is `None`."""

from typing import Any

from planecast_protocol.limits import MAX_COUNT


def count(value: Any) -> int | None:
    """Return a number of things, at least 1."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 < value <= MAX_COUNT else None


def positive(value: Any) -> float | None:
    """Return a size or an interval."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < 1e9 else None
