"""Payloads cut into frames."""

PART_BYTES = 256 << 10


def cut(payload: memoryview) -> list[memoryview]:
    """Return a payload in parts of about the same size, without copying."""
    n_parts = -(-payload.nbytes // PART_BYTES)
    if n_parts <= 1:
        return [payload] if payload.nbytes else []
    size = -(-payload.nbytes // n_parts)
    return [payload[at : at + size] for at in range(0, payload.nbytes, size)]
