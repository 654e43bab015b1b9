"""NDTiff folders: planes straight from the files that the index names."""

import sys
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotYetWrittenError,
    OutOfRangeError,
    UnsupportedFormatError,
)
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_protocol.metadata import ImageMetadata
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers.indexing import check_plane_bytes, check_scene, full_index
from planecast_reader.readers.ndtiff.index import AxisValue, Entry, Index, find_index, parse_index
from planecast_reader.readers.ndtiff.metadata import (
    exposure_ms,
    image_metadata,
    pixel_size_um,
    read_plane_metadata,
    read_summary,
    scene_facts,
    z_step_um,
)
from planecast_reader.readers.rawbytes import read_into

SCENE_AXIS = "position"
_OME_NAMES = {"T": "time", "C": "channel", "Z": "z"}
_BYTE_ORDERS = {b"II": "little", b"MM": "big"}
_RGB = 2
_PIXEL_TYPES = {0: "u1", 1: "u2", _RGB: "u1", 3: "u2", 4: "u2", 5: "u2", 6: "u2"}
"""8, 16 bits, RGB, then 10, 12, 14, 11 bits in 16."""
_MAX_TIMES = 10_000
"""Of all scenes: each time point's metadata is read from another place."""


class NdTiffReader(PlaneReader):
    """One folder of version 2 or 3; positions are scenes, rows and columns of a grid are axes.

    Axes have the names of the index (`time`, `channel`, `z` …); T, C and Z are understood too.
    """

    format: ClassVar[str] = "ndtiff"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._index_path = find_index(path)
        self._folder = self._index_path.parent
        self._index_bytes = -1
        self._index = Index()
        self._firsts: dict[tuple[str, AxisValue | None], Entry] = {}
        self._refresh()
        if not self._index.entries:
            raise NotYetWrittenError.of(path, "its index lists no plane yet")
        self._first = next(iter(self._index.entries.values()))
        if self._first.pixel_type not in _PIXEL_TYPES:
            raise UnsupportedFormatError.of(path, f"has pixels of type {self._first.pixel_type}")

    def describe(self) -> ImageInfo:
        """Return the positions of the folder."""
        self._refresh()
        return ImageInfo(
            path="",
            format=self.format,
            reader="NDTiff index",
            scenes=self._scenes(),
            size_bytes=sum(one.stat().st_size for one in self._folder.iterdir() if one.is_file()),
            warnings=[self._index.trouble] if self._index.trouble else [],
        )

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        """Return the plane at `index`, which counts an axis's values from 0."""
        if page is not None:
            raise OutOfRangeError.of(self.path, "has no pages, choose a plane by its index")
        try:
            entry = self._find(scene, index)
        except NoDataError:
            # It may have been written since the index was read.
            if not self._refresh():
                raise
            entry = self._find(scene, index)
        return self._read(entry, allocate)

    def read_metadata(self) -> ImageMetadata:
        """Return the summary, the first plane's metadata, and times and places of all scenes."""
        info = self.describe()
        n_times = len(self._index.axes.get("time", []))
        has_times = 0 < n_times * len(info.scenes) <= _MAX_TIMES
        scenes = [
            scene_facts(
                scene,
                self._plane_metadata(self._first_entry(number)),
                [self._plane_metadata(one) for one in self._times(number)] if has_times else [],
            )
            for number, scene in enumerate(info.scenes)
        ]
        summary = read_summary(self._folder, self._first)
        return image_metadata(info, summary, scenes, self._plane_metadata(self._first))

    def close(self) -> None:
        """Do nothing: files are open only while a plane is read."""

    # ------------------------------------------------------------ index

    def _refresh(self) -> bool:
        """Read the index again if it has grown; return whether it had."""
        try:
            size = self._index_path.stat().st_size
            if size == self._index_bytes:
                return False
            data = self._index_path.read_bytes()
        except FileNotFoundError:
            raise NoDataError.of(self.path, f"has no {self._index_path.name}") from None
        self._index = parse_index(self.path, data)
        self._index_bytes = len(data)
        self._firsts = {}
        for key, entry in self._index.entries.items():
            for axis, value in zip(self._index.axes, key, strict=True):
                self._firsts.setdefault((axis, value), entry)
        return True

    def _positions(self) -> list[AxisValue | None]:
        return [*self._index.axes.get(SCENE_AXIS, [None])]

    def _sizes(self) -> dict[str, int]:
        sizes = {
            axis: len(values) for axis, values in self._index.axes.items() if axis != SCENE_AXIS
        }
        sizes |= {"Y": self._first.height, "X": self._first.width}
        return sizes | {"S": 3} if self._first.pixel_type == _RGB else sizes

    def _find(self, scene: int, index: Mapping[str, int]) -> Entry:
        check_scene(self.path, scene, len(self._positions()))
        sizes = self._sizes()
        named = {}
        for axis, value in index.items():
            name = _OME_NAMES.get(axis, axis)
            named[name if name in sizes else axis] = value
        chosen = full_index(self.path, sizes, named) | {SCENE_AXIS: scene}
        key = tuple(values[chosen[axis]] for axis, values in self._index.axes.items())
        entry = self._index.entries.get(key)
        if entry is None:
            where = ", ".join(
                f"{axis}={value}" for axis, value in zip(self._index.axes, key, strict=True)
            )
            raise NoDataError.of(self.path, f"has no plane {where}: never written")
        return entry

    def _first_entry(self, scene: int) -> Entry | None:
        """Return the first plane that was written of a scene."""
        return self._firsts.get((SCENE_AXIS, self._positions()[scene]), self._first)

    def _times(self, scene: int) -> list[Entry | None]:
        """Return a scene's planes along time, at the first value of other axes."""
        axes = self._index.axes
        first = {axis: values[scene if axis == SCENE_AXIS else 0] for axis, values in axes.items()}
        keys = [tuple((first | {"time": time}).values()) for time in axes["time"]]
        return [self._index.entries.get(key) for key in keys]

    def _plane_metadata(self, entry: Entry | None) -> dict[str, Any]:
        return {} if entry is None else read_plane_metadata(self._folder, entry)

    # ------------------------------------------------------------ planes

    def _read(self, entry: Entry, allocate: Allocate) -> Pixels:
        first = self._first
        kind = (entry.height, entry.width, entry.pixel_type)
        if kind != (first.height, first.width, first.pixel_type) or entry.compression:
            raise UnsupportedFormatError.of(
                self.path,
                f"a plane of {entry.file} has another size, type or compression than the first",
            )
        shape = (entry.height, entry.width, *([3] if entry.pixel_type == _RGB else []))
        if 0 in shape:
            raise CorruptFileError.of(self.path, f"its index claims planes of {shape} pixels")
        dtype = np.dtype(_PIXEL_TYPES[entry.pixel_type])
        n_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        check_plane_bytes(self.path, n_bytes)
        try:
            file = FileIO(self._folder / entry.file)
        except FileNotFoundError:
            raise NoDataError.of(self.path, f"its file {entry.file} is missing") from None
        with file:
            order = _BYTE_ORDERS.get(file.read(2))
            if order is None:
                raise CorruptFileError.of(self.path, f"{entry.file} is no TIFF file")
            out = allocate(shape, dtype)
            read_into(self.path, file, [(entry.offset, n_bytes)], out)
        if order != sys.byteorder:
            out.byteswap(inplace=True)
        return out

    # ------------------------------------------------------------ description

    def _scenes(self) -> list[SceneInfo]:
        """Describe all positions, which differ in name only."""
        axes = self._index.axes
        summary = read_summary(self._folder, self._first)
        size_um = pixel_size_um(summary, self._plane_metadata(self._first))
        starts = {axis: values[0] for axis, values in axes.items() if axis != SCENE_AXIS}
        common = SceneInfo(
            name=self.path.name,
            sizes=self._sizes(),
            dtype=np.dtype(_PIXEL_TYPES[self._first.pixel_type]).str,
            channels=self._channels(),
            pixel_size_um={"x": size_um, "y": size_um, "z": z_step_um(summary)},
            starts={axis: one for axis, one in starts.items() if isinstance(one, int) and one},
        )
        if SCENE_AXIS not in axes:
            return [common]
        return [
            msgspec.structs.replace(common, name=one if isinstance(one, str) else f"position {one}")
            for one in axes[SCENE_AXIS]
        ]

    def _channels(self) -> list[ChannelInfo]:
        if "channel" not in self._index.axes:
            exposure = exposure_ms(self._plane_metadata(self._first))
            return [ChannelInfo(name="Channel 0", exposure_ms=exposure)]
        return [
            ChannelInfo(
                name=str(value),
                exposure_ms=exposure_ms(self._plane_metadata(self._firsts["channel", value])),
            )
            for value in self._index.axes["channel"]
        ]
