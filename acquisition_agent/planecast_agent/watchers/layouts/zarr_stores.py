"""Zarr stores (version 2 and 3, OME-Zarr or plain): planes appear chunk by chunk.

A plane is registered when all of its chunks are there, or some are and no further one came for
a while: writers leave out chunks that hold nothing but the fill value.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from planecast_agent.watchers.description import Description
from planecast_agent.watchers.found import LATER, NOTHING, FoundPlane, Look, fov_label
from planecast_agent.watchers.layouts.layout import Layout, is_unfinished
from planecast_agent.watchers.layouts.settings import ReadSettings, Settings
from planecast_agent.watchers.pattern import Fields, Pattern
from planecast_agent.watchers.zarr_array import (
    MAX_PLANES,
    Position,
    ZarrImage,
    planes_of,
    read_image,
)
from planecast_protocol.errors import CorruptFileError

PARTIAL_S = 1.0
_DOCUMENTS = frozenset({"zarr.json", ".zarray", ".zattrs", ".zgroup"})
_MAX_DEPTH = 12


@dataclass
class _Growing:
    """One image of which planes appear."""

    image: ZarrImage
    fields: Fields
    done: bytearray
    partial: dict[Position, tuple[set[Position], float]] = field(default_factory=dict)
    """Plane to the files that it has so far, and when the last one came (monotonic)."""
    n_done: int = 0


class ZarrStores(Layout):
    """Stores whose paths match a pattern; chunks and documents within say the rest."""

    def __init__(
        self,
        folder: Path,
        patterns: Sequence[Pattern],
        read_settings: ReadSettings | None = None,
    ) -> None:
        super().__init__(folder)
        self._patterns = patterns
        self._settings = Settings(read_settings)
        self._images: dict[Path, _Growing | None] = {}
        """Array to its image; `None` for a lower resolution."""
        self._shape = Description()

    def claims(self, relative: str) -> bool:
        """See `Layout`."""
        return self._store(relative) is not None

    def look(self, path: Path, now: float) -> Look:
        """See `Layout`."""
        is_document = is_unfinished(path.name) or path.name in _DOCUMENTS
        fields = None if is_document else self._store(self.relative(path))
        if fields is None:
            return NOTHING
        array_path = self._array_of(path)
        if array_path is None:
            # A chunk whose document is still to come, or a file that is none of zarr's.
            return LATER if path.name.rpartition(".")[2].isdecimal() else NOTHING
        if array_path not in self._images:
            try:
                self._images[array_path] = self._open(array_path, fields)
            except ValueError:
                return LATER
        growing = self._images[array_path]
        inside = path.relative_to(array_path).as_posix()
        position = None if growing is None else growing.image.array.position(inside)
        if growing is None or position is None:
            return NOTHING
        planes = tuple(self._planes(growing, position, now))
        is_partial = any(plane in growing.partial for plane in planes_of(growing.image, position))
        return Look(planes, again=is_partial or self._may_grow(growing, position))

    def description(self) -> Description:
        """See `Layout`."""
        return self._settings.get(self.folder).or_else(self._shape)

    def forget(self) -> None:
        """See `Layout`."""
        self._images.clear()

    def finish(self, *, complete: bool) -> Look:  # noqa: ARG002 - of the contract
        """Give the planes of which some chunks are there."""
        planes = [
            self._plane(growing, plane)
            for growing in self._images.values()
            if growing is not None
            for plane in growing.partial
            if self._take(growing, plane)
        ]
        for growing in self._images.values():
            if growing is not None:
                growing.partial.clear()
        return Look(tuple(planes))

    # ------------------------------------------------------------ where a file belongs

    def _store(self, relative: str) -> Fields | None:
        """Return what the path of the store says that the file is in."""
        parts = relative.split("/")
        for depth in range(1, len(parts)):
            head = "/".join(parts[:depth])
            for pattern in self._patterns:
                found = pattern.match(head)
                if found is not None:
                    return found
        return None

    def _array_of(self, path: Path) -> Path | None:
        """Return the folder of the array that the file is a chunk of."""
        for folder in list(path.parents)[:_MAX_DEPTH]:
            if folder in self._images:
                return folder
            if folder == self.folder:
                break
            if (folder / ".zarray").exists():
                return folder
            if (folder / "zarr.json").exists():
                # A group has no chunks of its own: then it is a document of its own kind.
                return folder
        return None

    def _open(self, array_path: Path, fields: Fields) -> _Growing | None:
        image = read_image(array_path)
        if image is None:
            return None
        n_planes = 1
        for axis in image.outer:
            n_planes *= image.array.shape[axis]
        if n_planes > MAX_PLANES:
            raise CorruptFileError.of(array_path, f"declares {n_planes} planes")
        self._learn(image)
        return _Growing(image, fields, bytearray(-(-n_planes // 8)))

    def _learn(self, image: ZarrImage) -> None:
        channels = image.channels or tuple(f"Channel {n}" for n in range(image.length("C")))
        said = Description(
            channels=channels[: image.length("C")],
            num_z=max(image.length("Z"), self._shape.num_z or 1),
            num_t=image.length("T"),
            height=image.length("Y"),
            width=image.length("X"),
            dtype=image.array.dtype,
            pixel_size_um=image.scale_um.get("X"),
            z_step_um=image.scale_um.get("Z"),
        )
        self._shape = said.or_else(self._shape)

    # ------------------------------------------------------------ planes

    def _planes(self, growing: _Growing, position: Position, now: float) -> list[FoundPlane]:
        """Take one file into account; return the planes that are whole with it."""
        image = growing.image
        chunks = image.array.chunks_in(position)
        found = []
        for plane in planes_of(image, position):
            if self._is_done(growing, plane):
                continue
            files, since = growing.partial.get(plane, (set(), now))
            is_in_file = chunks is None or self._has(image, plane, position, chunks)
            if is_in_file and position not in files:
                files.add(position)
                since = now
            if not files:
                continue
            growing.partial[plane] = (files, since)
            if len(files) == self._n_files(image) or now - since > PARTIAL_S:
                del growing.partial[plane]
                self._take(growing, plane)
                found.append(self._plane(growing, plane))
        return found

    @staticmethod
    def _n_files(image: ZarrImage) -> int:
        """Return how many files a plane touches."""
        count = 1
        for n, letter in enumerate(image.letters):
            if letter in {"Y", "X", "S"}:
                count *= -(-image.array.shape[n] // image.array.file_shape[n])
        return count

    @staticmethod
    def _has(
        image: ZarrImage, plane: Position, position: Position, chunks: frozenset[Position]
    ) -> bool:
        """Tell whether a shard has all chunks of the plane that belong into it."""
        array = image.array
        ranges: list[Sequence[int]] = []
        at = dict(zip(image.outer, plane, strict=True))
        for axis, (length, chunk) in enumerate(
            zip(array.file_shape, array.chunk_shape, strict=True)
        ):
            if axis in at:
                ranges.append([(at[axis] - position[axis] * length) // chunk])
            else:
                left = array.shape[axis] - position[axis] * length
                ranges.append(range(-(-min(length, left) // chunk)))
        return all(place in chunks for place in product(*ranges))

    def _may_grow(self, growing: _Growing, position: Position) -> bool:
        """Whether a shard lacks planes that may still be written into it."""
        if growing.image.array.index_bytes is None:
            return False
        return not all(self._is_done(growing, p) for p in planes_of(growing.image, position))

    def _number(self, growing: _Growing, plane: Position) -> int:
        image, number = growing.image, 0
        for axis, place in zip(image.outer, plane, strict=True):
            number = number * image.array.shape[axis] + place
        return number

    def _is_done(self, growing: _Growing, plane: Position) -> bool:
        number = self._number(growing, plane)
        return bool(growing.done[number >> 3] & (1 << (number & 7)))

    def _take(self, growing: _Growing, plane: Position) -> bool:
        """Note the plane as found; `False` if it was."""
        if self._is_done(growing, plane):
            return False
        number = self._number(growing, plane)
        growing.done[number >> 3] |= 1 << (number & 7)
        return True

    def _plane(self, growing: _Growing, plane: Position) -> FoundPlane:
        image = growing.image
        at = dict(zip(image.outer, plane, strict=True))
        index = {image.letters[axis]: place for axis, place in at.items()}
        channel = index.get("C", 0)
        return FoundPlane(
            t=index.get("T", 0),
            fov=self._label(growing, index),
            z=index.get("Z", 0),
            channel=image.channels[channel]
            if channel < len(image.channels)
            else f"Channel {channel}",
            path=image.path,
            index={image.keys[axis]: place for axis, place in at.items()},
        )

    def _label(self, growing: _Growing, index: dict[str, int]) -> str:
        """Return the fov: of the store's path, of the group's in it, and of an axis FOV."""
        fields, image = growing.fields, growing.image
        region, fov = fields.region, fields.fov
        if region is None and fov is None:
            store, _, inside = self.relative(image.path).partition(".zarr/")
            places = inside.split("/")
            if len(places) == 3 and places[2].isdecimal():  # row, column and field of a plate
                region, fov = places[0] + places[1], int(places[2])
            else:
                region = store.rpartition("/")[2].partition(".")[0]
                fov = int(inside) if inside.isdecimal() else None
        if "FOV" in index:
            fov = index["FOV"]
        return fov_label(region, fov)
