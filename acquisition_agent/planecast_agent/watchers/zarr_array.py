"""Arrays of a zarr store on disk, by their JSON documents: which file holds which planes."""

import itertools
import json
import math
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from planecast_agent.watchers.numbers import positive
from planecast_protocol.limits import MAX_COUNT, MAX_DIMENSIONS

MAX_DOCUMENT_BYTES = 16 << 20
MAX_PLANES = 50_000_000
_EMPTY = 2**64 - 1
"""Offset and length of a chunk that a shard lacks."""
_SIZES = {"u": ("uint", (1, 2, 4, 8)), "i": ("int", (1, 2, 4, 8)), "f": ("float", (2, 4, 8))}
_DTYPES = {f"{k}{n}": f"{name}{8 * n}" for k, (name, sizes) in _SIZES.items() for n in sizes}
_UM = {"micrometer": 1.0, "micron": 1.0, "um": 1.0, "µm": 1.0, "nanometer": 1e-3, "millimeter": 1e3}
_MAX_LETTERS = 16

Position = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ZarrArray:
    """How one array lies in files; lengths in the array's own order of axes."""

    path: Path
    shape: tuple[int, ...]
    file_shape: tuple[int, ...]
    """Pixels of one file: a chunk, or a shard of chunks."""
    chunk_shape: tuple[int, ...]
    dtype: str | None
    prefix: str
    separator: str
    index_bytes: int | None = None
    """Of a shard: bytes of the table of chunks at its end; `None` if it is no shard."""
    names: tuple[str, ...] = ()

    def position(self, relative: str) -> Position | None:
        """Return which file of the grid a path below the array is; `None`: it is no chunk."""
        if not relative.startswith(self.prefix):
            return None
        parts = relative[len(self.prefix) :].split(self.separator)
        if len(parts) != len(self.shape) or not all(part.isdecimal() for part in parts):
            return None
        return tuple(map(int, parts))

    def file_of(self, position: Position) -> Path:
        """Return the file at a position of the grid."""
        return self.path / f"{self.prefix}{self.separator.join(map(str, position))}"

    def chunks_in(self, position: Position) -> frozenset[Position] | None:
        """Return the chunks that a shard has, by their place in it.

        `None`: it is no shard, or can't be looked into, and has all. Empty: it is not whole.
        """
        if self.index_bytes is None:
            return None
        counts = [a // b for a, b in zip(self.file_shape, self.chunk_shape, strict=True)]
        n_bytes = 16 * math.prod(counts)
        path = self.file_of(position)
        size = path.stat().st_size
        if size < self.index_bytes:
            return frozenset()
        with path.open("rb") as file:
            file.seek(size - self.index_bytes)
            table = file.read(n_bytes)
        found = set()
        places = itertools.product(*(range(count) for count in counts))
        for place, (offset, length) in zip(places, struct.iter_unpack("<QQ", table), strict=False):
            if offset != _EMPTY and offset + length <= size:
                found.add(place)
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class ZarrImage:
    """An image group, or an array that stands alone."""

    path: Path
    array: ZarrArray
    letters: tuple[str, ...]
    """What the axes of the array mean."""
    keys: tuple[str, ...]
    """What the reader of the format calls them."""
    channels: tuple[str, ...] = ()
    scale_um: dict[str, float] = field(default_factory=dict)
    """Of X and Z, where they are known."""

    def length(self, letter: str) -> int:
        """Return the length of an axis; 1 where there is none."""
        return self.array.shape[self.letters.index(letter)] if letter in self.letters else 1

    @property
    def outer(self) -> tuple[int, ...]:
        """Places of the axes that are not y, x or colour."""
        return tuple(n for n, letter in enumerate(self.letters) if letter not in {"Y", "X", "S"})


def read_document(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (attributes, array) of a node; both empty where there is none, or half of one."""
    document = _json(folder / "zarr.json")
    if document:
        attributes = document.get("attributes")
        is_array = document.get("node_type") == "array"
        found = attributes if isinstance(attributes, dict) else {}
        # Squid writes attributes of version 2 beside the document of version 3.
        return found or _json(folder / ".zattrs"), document if is_array else {}
    return _json(folder / ".zattrs"), _json(folder / ".zarray")


def read_image(array_path: Path) -> ZarrImage | None:
    """Return the image whose full resolution the array is; `None` if it is a lower one.

    Raises `ValueError` if it can't be told (yet).
    """
    own, document = read_document(array_path)
    array = _array(array_path, document, own)
    plain = _letters(array.names, array.shape) or _unnamed(len(array.shape))
    for group in (array_path, *list(array_path.parents)[:3]):
        attributes = own if group == array_path else read_document(group)[0]
        found = attributes.get("ome", attributes)
        multiscales = found.get("multiscales") if isinstance(found, dict) else None
        if isinstance(multiscales, list) and multiscales and isinstance(multiscales[0], dict):
            image = _of_multiscale(group, array, multiscales[0], found)
            # The reader takes attributes from where the version of the document has them.
            is_misplaced = (group / "zarr.json").exists() and not _json(group / "zarr.json").get(
                "attributes"
            )
            return replace(image, keys=plain) if image and is_misplaced else image
        if (
            group != array_path
            and (group / "zarr.json").exists() + (group / ".zgroup").exists() == 0
        ):
            break
    return ZarrImage(array_path, array, plain, plain)


def _of_multiscale(
    group: Path, array: ZarrArray, multiscale: dict[str, Any], ome: dict[str, Any]
) -> ZarrImage | None:
    datasets = [one for one in multiscale.get("datasets") or [] if isinstance(one, dict)]
    if not datasets:
        raise ValueError("its multiscales name no array")
    if (group / str(datasets[0].get("path"))).resolve() != array.path.resolve():
        return None
    axes = multiscale.get("axes") or list("tczyx")[-len(array.shape) :]
    named = [one if isinstance(one, dict) else {"name": one} for one in axes]
    letters = _letters([str(one.get("name")) for one in named], array.shape)
    if letters is None:
        raise ValueError("its axes are none of an image")
    omero = ome.get("omero")
    listed = omero.get("channels") if isinstance(omero, dict) else None
    channels = [one for one in listed or [] if isinstance(one, dict)]
    return ZarrImage(
        group,
        array,
        letters,
        letters,
        tuple(str(one.get("label") or f"Channel {n}") for n, one in enumerate(channels)),
        _scale(named, letters, datasets[0].get("coordinateTransformations")),
    )


def _scale(axes: Sequence[dict[str, Any]], letters: Sequence[str], steps: Any) -> dict[str, float]:
    scales = [one.get("scale") for one in steps or [] if isinstance(one, dict) and "scale" in one]
    if not scales or not isinstance(scales[0], list) or len(scales[0]) != len(letters):
        return {}
    found = {}
    for axis, letter, value in zip(axes, letters, scales[0], strict=True):
        factor, number = _UM.get(str(axis.get("unit"))), positive(value)
        if letter in {"X", "Z"} and factor is not None and number is not None:
            found[letter] = number * factor
    return found


def _letters(names: Sequence[str], shape: Sequence[int]) -> tuple[str, ...] | None:
    """Return axis letters as the reader names them; `None` for axes that hold no plane."""
    letters = [name.upper()[:_MAX_LETTERS] for name in names]
    if len(letters) != len(shape) or len(letters) < 2:
        return None
    if "Y" not in letters and "X" not in letters:
        letters[-2:] = ["Y", "X"]
    is_color = letters[-3:] == ["Y", "X", "S"] and shape[-1] in {3, 4}
    if not is_color:
        letters = ["s" if letter == "S" else letter for letter in letters]
    is_plane = "Y" in letters and "X" in letters and len(set(letters)) == len(letters)
    return tuple(letters) if is_plane else None


def _unnamed(n_axes: int) -> tuple[str, ...]:
    return (*(f"D{number}" for number in range(n_axes - 2)), "Y", "X")


def _array(path: Path, document: dict[str, Any], attributes: dict[str, Any]) -> ZarrArray:
    if "node_type" in document:
        return _of_version_3(path, document)
    shape, chunks = _lengths(document.get("shape")), _lengths(document.get("chunks"))
    names = attributes.get("_ARRAY_DIMENSIONS")
    array = ZarrArray(
        path=path,
        shape=shape,
        file_shape=chunks,
        chunk_shape=chunks,
        dtype=_DTYPES.get(str(document.get("dtype"))[1:]),
        prefix="",
        separator=str(document.get("dimension_separator", ".")),
        names=_names(names, len(shape)),
    )
    return _checked(array)


def _of_version_3(path: Path, document: dict[str, Any]) -> ZarrArray:
    encoding = document.get("chunk_key_encoding") or {}
    is_default = encoding.get("name") == "default"
    settings = encoding.get("configuration") or {}
    separator = str(settings.get("separator", "/" if is_default else "."))
    grid = (document.get("chunk_grid") or {}).get("configuration") or {}
    files = chunks = _lengths(grid.get("chunk_shape"))
    codecs = document.get("codecs") or []
    index_bytes = None
    if len(codecs) == 1 and codecs[0].get("name") == "sharding_indexed":
        sharding = codecs[0].get("configuration") or {}
        chunks = _lengths(sharding.get("chunk_shape"))
        if sharding.get("index_location", "end") == "end":
            names = [one.get("name") for one in sharding.get("index_codecs", [])]
            n_chunks = math.prod(a // b for a, b in zip(files, chunks, strict=True))
            index_bytes = 16 * n_chunks + 4 * ("crc32c" in names)
    shape = _lengths(document.get("shape"))
    array = ZarrArray(
        path=path,
        shape=shape,
        file_shape=files,
        chunk_shape=chunks,
        dtype=str(document.get("data_type")),
        prefix=f"c{separator}" if is_default else "",
        separator=separator,
        index_bytes=index_bytes,
        names=_names(document.get("dimension_names"), len(shape)),
    )
    return _checked(array)


def _checked(array: ZarrArray) -> ZarrArray:
    if not len(array.shape) == len(array.file_shape) == len(array.chunk_shape) >= 2:
        raise ValueError("its chunks have another number of axes")
    if array.separator not in {".", "/"}:
        raise ValueError(f"separates the numbers of chunks by {array.separator!r}")
    return array


def _lengths(value: Any) -> tuple[int, ...]:
    is_list = isinstance(value, list) and 0 < len(value) <= MAX_DIMENSIONS
    if not is_list or not all(type(one) is int and 1 <= one <= MAX_COUNT for one in value):
        raise ValueError("its document is not whole")
    return tuple(value)


def _names(value: Any, n_axes: int) -> tuple[str, ...]:
    is_list = isinstance(value, list) and len(value) == n_axes
    return tuple(value) if is_list and all(isinstance(one, str) and one for one in value) else ()


def _json(path: Path) -> dict[str, Any]:
    try:
        if os.stat(path).st_size > MAX_DOCUMENT_BYTES:  # noqa: PTH116 - asked for often
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def planes_of(image: ZarrImage, position: Position) -> Iterator[Position]:
    """Yield the planes, by their places on the outer axes, that a file of the grid touches."""
    array = image.array
    ranges = []
    for axis in image.outer:
        start = position[axis] * array.file_shape[axis]
        ranges.append(range(start, min(start + array.file_shape[axis], array.shape[axis])))
    return itertools.product(*ranges)
