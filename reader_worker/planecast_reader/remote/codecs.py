"""Packs and unpacks pixels, without loss. Threads may do so side by side: no lock is held."""

import struct
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import BadMessageError

PLAIN = ""
BLOSC = "blosc"
"""The packed bytes say themselves by which codec."""

_HEADER = struct.Struct("<4xI4xI")
"""Of Blosc 1: sizes of the plain bytes, and of all packed ones (README_HEADER.rst of c-blosc)."""


class Codec(NamedTuple):
    """A way to pack."""

    name: str
    """As Blosc calls it; empty: nothing is packed."""
    level: int = 0
    shuffle: int = 0
    """1: bytes of equal weight together, 2: bits."""


NOTHING = Codec("")
QUICK = Codec("lz4", 1, 2)
SMALL = Codec("zstd", 1, 1)
SMALLEST = Codec("zstd", 5, 1)


def known_encodings() -> list[str]:
    """Return what can be unpacked here; the library is not imported for that."""
    return [BLOSC] if find_spec("numcodecs") is not None else []


def pack(pixels: npt.NDArray[Any], codec: Codec) -> tuple[str, bytes | memoryview]:
    """Return encoding and bytes of a C-contiguous array; plain where packing makes it no smaller.

    Not in the main thread: Blosc shares its state there.
    """
    plain = pixels.reshape(-1).view(np.uint8).data
    if not codec.name:
        return PLAIN, plain
    import numcodecs.blosc  # 0.1 s, and not needed where nothing is packed

    packed: bytes = numcodecs.blosc.compress(
        pixels, codec.name.encode(), codec.level, codec.shuffle
    )
    return (BLOSC, packed) if len(packed) < plain.nbytes else (PLAIN, plain)


def unpack(payload: bytes | memoryview, encoding: str, into: npt.NDArray[Any]) -> None:
    """Write the pixels in a payload into an array of their shape and dtype.

    Raises `BadMessageError` if they are not what was said.
    """
    if encoding == PLAIN:
        if len(payload) != into.nbytes:
            raise BadMessageError(f"{len(payload)} bytes for pixels of {into.nbytes}")
        into[...] = np.frombuffer(payload, into.dtype).reshape(into.shape)
    elif encoding != BLOSC:
        raise BadMessageError(f"pixels packed as {encoding!r}, which nobody asked for")
    elif into.flags.c_contiguous:
        _unpack_blosc(payload, into)
    else:
        pixels = np.empty(into.shape, into.dtype)
        _unpack_blosc(payload, pixels)
        into[...] = pixels


def _unpack_blosc(payload: bytes | memoryview, into: npt.NDArray[Any]) -> None:
    import numcodecs.blosc

    if len(payload) < _HEADER.size:
        raise BadMessageError(f"{len(payload)} bytes are no packed pixels")
    n_bytes, packed = _HEADER.unpack_from(payload)
    # A header that promises anything else is refused before a byte is written.
    if (n_bytes, packed) != (into.nbytes, len(payload)):
        raise BadMessageError(
            f"{packed} bytes that unpack to {n_bytes}; {len(payload)} came for {into.nbytes}"
        )
    try:
        numcodecs.blosc.decompress(payload, into)
    except (RuntimeError, ValueError) as trouble:
        raise BadMessageError(f"pixels that can't be unpacked: {trouble}") from None
