"""What an array's document says of its shape, type and chunks: checked before zarr opens it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from planecast_protocol.errors import CorruptFileError, TooLargeError, UnsupportedFormatError
from planecast_protocol.limits import MAX_COUNT, MAX_DIMENSIONS, MAX_PLANE_BYTES
from planecast_reader.readers.omezarr.nodes import Node

_DATA_TYPES = frozenset(
    ["bool", "complex64", "complex128", "float16", "float32", "float64"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)
"""Of zarr version 3."""


@dataclass(frozen=True, slots=True)
class ArrayLayout:
    """How an array lies in files. All lengths are in pixels, in the array's own order of axes."""

    path: Path
    zarr_format: int
    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    """In native byte order."""
    file_shape: tuple[int, ...]
    """Pixels in one file: a chunk, or a shard of chunks."""
    chunk_shape: tuple[int, ...]
    key_prefix: str
    separator: str
    index_at_end: bool | None = None
    """Of a shard: where its table of chunks is; `None` if there are no shards to look into."""
    index_has_checksum: bool = True
    stored_dtype: "np.dtype[Any] | None" = None
    """The type with the file's byte order, of pixels that lie in the files as in memory; `None`
    if they are encoded."""
    names: tuple[str, ...] | None = None
    """Names of the axes that are kept with the array itself."""

    def file_of(self, position: tuple[int, ...]) -> Path:
        """Return the file at a position of the grid of files."""
        numbers = self.separator.join(map(str, position))
        return self.path / f"{self.key_prefix}{numbers}"


def array_layout(node: Node) -> ArrayLayout:
    """Return the layout that the array's document declares.

    Raises `CorruptFileError` for sizes that can't be, `TooLargeError` for chunks beyond the
    limit, `UnsupportedFormatError` for types that are no pixels.
    """
    document = node.array
    if document is None:
        raise CorruptFileError.of(node.path, "is a group of zarr, not an array")
    layout = (_of_version_3 if node.zarr_format == 3 else _of_version_2)(node, document)
    n_axes = len(layout.shape)
    if not len(layout.file_shape) == len(layout.chunk_shape) == n_axes:
        raise CorruptFileError.of(node.path, "has chunks with another number of axes")
    whole = zip(layout.file_shape, layout.chunk_shape, strict=True)
    if any(file % chunk for file, chunk in whole):
        raise CorruptFileError.of(node.path, "has shards that are no multiple of its chunks")
    chunk_bytes = math.prod(layout.chunk_shape) * layout.dtype.itemsize
    if chunk_bytes > MAX_PLANE_BYTES:
        raise TooLargeError.of(
            node.path,
            f"has chunks of {chunk_bytes >> 20} MiB, the limit is {MAX_PLANE_BYTES >> 20} MiB",
        )
    return layout


def _of_version_2(node: Node, document: dict[str, Any]) -> ArrayLayout:
    named = str(document.get("dtype"))
    codecs = [document.get("compressor"), *(document.get("filters") or [])]
    if any(isinstance(codec, dict) and codec.get("id") == "pickle" for codec in codecs):
        raise UnsupportedFormatError.of(node.path, "is pickled; unpickling could run anything")
    try:
        dtype = np.dtype(named)
    except (TypeError, ValueError):
        dtype = np.dtype(object)
    if dtype.kind not in "biufc":
        raise UnsupportedFormatError.of(node.path, f"has values of type {named}, no pixels")
    chunks = _lengths(node, document.get("chunks"), "chunks", 1)
    names = node.attributes.get("_ARRAY_DIMENSIONS")
    shape = _lengths(node, document.get("shape"), "shape", 0)
    is_raw = not any(codecs) and document.get("order", "C") == "C"
    return ArrayLayout(
        path=node.path,
        zarr_format=2,
        shape=shape,
        dtype=dtype.newbyteorder("="),
        file_shape=chunks,
        chunk_shape=chunks,
        key_prefix="",
        separator=_separator(node, document.get("dimension_separator", ".")),
        stored_dtype=dtype if is_raw else None,
        names=_names(names, len(shape)),
    )


def _of_version_3(node: Node, document: dict[str, Any]) -> ArrayLayout:
    named = document.get("data_type")
    if named not in _DATA_TYPES:
        raise UnsupportedFormatError.of(node.path, f"has values of type {named}, no pixels")
    grid, encoding = _map(document, "chunk_grid"), _map(document, "chunk_key_encoding")
    if grid.get("name") != "regular" or encoding.get("name") not in {"default", "v2"}:
        raise UnsupportedFormatError.of(node.path, f"has a grid of chunks of kind {grid or None}")
    is_default = encoding["name"] == "default"
    separator = _map(encoding, "configuration").get("separator", "/" if is_default else ".")
    files = _lengths(node, _map(grid, "configuration").get("chunk_shape"), "chunks", 1)
    shape = _lengths(node, document.get("shape"), "shape", 0)
    chunks, index_at_end, has_checksum = files, None, True
    codecs = document.get("codecs")
    first = codecs[0] if isinstance(codecs, list) and len(codecs) == 1 else None
    if isinstance(first, dict) and first.get("name") == "sharding_indexed":
        sharding = _map(first, "configuration")
        chunks = _lengths(node, sharding.get("chunk_shape"), "chunks of shards", 1)
        index_codecs = [_map({"codec": one}, "codec") for one in sharding.get("index_codecs", [])]
        names = [codec.get("name") for codec in index_codecs]
        if names[:1] == ["bytes"] and names[1:] in ([], ["crc32c"]):
            index_at_end = sharding.get("index_location", "end") == "end"
            has_checksum = len(names) == 2
    return ArrayLayout(
        path=node.path,
        zarr_format=3,
        shape=shape,
        dtype=np.dtype(str(named)),
        file_shape=files,
        chunk_shape=chunks,
        key_prefix=f"c{_separator(node, separator)}" if is_default else "",
        separator=_separator(node, separator),
        index_at_end=index_at_end,
        index_has_checksum=has_checksum,
        stored_dtype=_stored_dtype(str(named), first),
        names=_names(document.get("dimension_names"), len(shape)),
    )


def _stored_dtype(named: str, only_codec: Any) -> "np.dtype[Any] | None":
    """Return the type of pixels that no codec changes but the one for the order of bytes."""
    if not isinstance(only_codec, dict) or only_codec.get("name") != "bytes":
        return None
    endian = _map(only_codec, "configuration").get("endian", "little")
    return np.dtype(named).newbyteorder(">" if endian == "big" else "<")


def _lengths(node: Node, value: Any, what: str, least: int) -> tuple[int, ...]:
    is_list = isinstance(value, list) and 0 < len(value) <= MAX_DIMENSIONS
    if not is_list or not all(type(one) is int and least <= one <= MAX_COUNT for one in value):
        raise CorruptFileError.of(node.path, f"declares the {what} {str(value)[:100]}")
    return tuple(value)


def _names(value: Any, n_axes: int) -> tuple[str, ...] | None:
    if not isinstance(value, list) or len(value) != n_axes:
        return None
    return tuple(value) if all(isinstance(one, str) and one for one in value) else None


def _separator(node: Node, value: Any) -> str:
    if value not in {".", "/"}:
        raise CorruptFileError.of(node.path, f"separates the numbers of chunks by {value!r}")
    return str(value)


def _map(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}
