"""A key as text: 64 hexadecimal digits, which no shell minds and a double click marks whole."""

import re

from planecast_protocol.errors import KeyFileError

KEY_BYTES = 32


def key_text(key: bytes) -> str:
    """Return a key as people copy it."""
    return key.hex()


def parse_key(text: str) -> bytes:
    """Return the key that a person gave. Raises `KeyFileError`."""
    text = text.strip()
    if re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        return bytes.fromhex(text)
    raise KeyFileError(
        f"{text[:80]!r} is no public key: that has 64 of the characters 0-9 a-f "
        "(planecast keys list shows this machine's own)"
    )
