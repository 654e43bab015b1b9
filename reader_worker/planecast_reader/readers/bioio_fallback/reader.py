"""Files that only bioio knows, through its plug-ins. Slow to start: it imports dask and xarray."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from planecast_protocol.errors import OutOfRangeError, UnsupportedFormatError
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_protocol.metadata import ImageMetadata, scene_metadata
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers.indexing import (
    PIXEL_AXES,
    check_plane_bytes,
    check_scene,
    full_index,
)
from planecast_reader.readers.plain import plain_value


class BioioReader(PlaneReader):
    """One file in the bioio plug-in that takes it; axes are those that the plug-in has."""

    format: ClassVar[str] = "bioio"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        # By name: it is no dependency, and need not be there when types are checked.
        bioio = importlib.import_module("bioio")
        unsupported = importlib.import_module("bioio_base.exceptions").UnsupportedFileFormatError
        try:
            image = bioio.BioImage(path)
        except unsupported as error:
            raise UnsupportedFormatError.of(
                path, f"no plug-in of bioio reads it: {error}"
            ) from None
        # BioImage pads to T, C, Z, Y, X; its reader has the axes that are there.
        self._reader: Any = image.reader
        self._plugin = f"bioio {bioio.__version__}, {type(self._reader).__module__}"
        self._names = [str(name) for name in self._reader.scenes]
        self._scenes = [self._describe(number) for number in range(len(self._names))]

    def describe(self) -> ImageInfo:
        """Return the plug-in's scenes."""
        return ImageInfo(path="", format=self.format, reader=self._plugin, scenes=self._scenes)

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        """Return the plane, computed in this thread."""
        if page is not None:
            raise OutOfRangeError.of(self.path, "has no pages, choose a plane by its index")
        check_scene(self.path, scene, len(self._scenes))
        info = self._scenes[scene]
        chosen = full_index(self.path, info.sizes, index)
        pixel_axes = "".join(axis for axis in "YXS" if axis in info.sizes)
        shape = tuple(info.sizes[axis] for axis in pixel_axes)
        dtype = np.dtype(info.dtype)
        check_plane_bytes(self.path, int(np.prod(shape, dtype=object)) * dtype.itemsize)
        self._reader.set_scene(scene)
        lazy = self._reader.get_image_dask_data(pixel_axes, **chosen)
        out = allocate(shape, dtype)
        np.copyto(out, lazy.compute(scheduler="synchronous"))
        return out

    def read_metadata(self) -> ImageMetadata:
        """Return the scenes, and the plug-in's metadata of the first."""
        self._reader.set_scene(0)
        return ImageMetadata(
            scenes=[scene_metadata(scene) for scene in self._scenes],
            vendor={"bioio": plain_value(self._reader.metadata)},
        )

    def close(self) -> None:
        """Let go of the plug-in's reader, which opens the file for each read."""
        self._reader = None

    def _describe(self, scene: int) -> SceneInfo:
        reader = self._reader
        reader.set_scene(scene)
        sizes = dict(zip(reader.dims.order, map(int, reader.shape), strict=True))
        if not {"Y", "X"} <= sizes.keys():
            raise UnsupportedFormatError.of(self.path, f"has no plane among its axes {sizes}")
        outer = {axis: size for axis, size in sizes.items() if axis not in PIXEL_AXES}
        names = list(reader.channel_names or ())
        n_channels = sizes.get("C", 1)
        steps = reader.physical_pixel_sizes
        return SceneInfo(
            name=self._names[scene],
            sizes=outer | {axis: sizes[axis] for axis in "YXS" if axis in sizes},
            dtype=np.dtype(reader.dtype).newbyteorder("=").str,
            channels=[
                ChannelInfo(name=str(names[n]) if len(names) == n_channels else f"Channel {n}")
                for n in range(n_channels)
            ],
            pixel_size_um={axis.lower(): getattr(steps, axis) or None for axis in "XYZ"},
        )
