"""CZI files written with pylibCZIrw, and where to damage them."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pylibCZIrw import czi

COMPRESSIONS = {"raw": "uncompressed:", "zstd": "zstd1:ExplicitLevel=1;PreProcess=HiLoByteUnpack"}


def noise(*shape: int, dtype: str = "u2") -> np.ndarray:
    rng = np.random.default_rng(11)
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    return rng.integers(1, 250 if dtype == "u1" else 60000, shape).astype(dtype)


@contextmanager
def writing(path: Path, compression: str = "raw", **metadata: Any) -> Iterator[Any]:
    with czi.create_czi(str(path), compression_options=COMPRESSIONS[compression]) as document:
        yield document
        document.write_metadata(document_name="test", **metadata)


def put(document: Any, pixels: np.ndarray, plane: dict[str, int], **where: Any) -> None:
    """Write one tile, (y, x) or (y, x, rgb)."""
    data = pixels[..., None] if pixels.ndim == 2 else pixels[..., ::-1]
    assert document.write(data=np.ascontiguousarray(data), plane=plane, **where)


def directory_entries(content: bytes | bytearray) -> list[int]:
    """Return where each entry of the directory begins."""
    (position,) = struct.unpack_from("<q", content, 32 + 52)
    (count,) = struct.unpack_from("<i", content, position + 32)
    place = position + 32 + 128
    found = []
    for _ in range(count):
        found.append(place)
        (n_dimensions,) = struct.unpack_from("<i", content, place + 28)
        place += 32 + 20 * n_dimensions
    return found


def dimension(content: bytes | bytearray, entry: int, letter: str) -> int:
    """Return where a dimension of an entry begins."""
    (count,) = struct.unpack_from("<i", content, entry + 28)
    for place in range(entry + 32, entry + 32 + 20 * count, 20):
        if content[place : place + 4].rstrip(b"\0") == letter.encode():
            return place
    pytest.fail(f"no dimension {letter}")
