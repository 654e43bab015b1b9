"""TIFF, OME-TIFF, ImageJ, LSM and MetaMorph files, read page by page with tifffile."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import tifffile

from planecast_protocol.errors import OutOfRangeError
from planecast_protocol.images import ImageInfo, LevelInfo, SceneInfo
from planecast_protocol.metadata import ImageMetadata
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers.indexing import check_scene, full_index
from planecast_reader.readers.tiff.calibration import (
    Calibration,
    calibrate,
    channel_infos,
    match_images,
)
from planecast_reader.readers.tiff.metadata import tiff_metadata
from planecast_reader.readers.tiff.planes import TiffPlanes
from planecast_reader.readers.tiff.sources import find_source


class TiffReader(PlaneReader):
    """One TIFF file, or the files of one multi-file OME-TIFF in a folder."""

    format: ClassVar[str] = "tiff"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._source = find_source(path)
        self._planes = TiffPlanes(path, self._source)
        self._series = self._planes.series
        try:
            self._layouts = [self._planes.layout(series) for series in self._series]
        except BaseException:
            self._planes.close()
            raise

    def describe(self) -> ImageInfo:
        """Return the series of the file; a series is a scene."""
        images = match_images(self._series, self._source.document)
        scenes = [
            self._scene(number, calibrate(self._planes.tiff, series, image))
            for number, (series, image) in enumerate(zip(self._series, images, strict=True))
        ]
        return ImageInfo(
            path="",
            format=self.format,
            reader=f"tifffile {tifffile.__version__}",
            scenes=scenes,
            size_bytes=os.fstat(self._planes.file.fileno()).st_size,
            warnings=self._warnings(),
        )

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        """Return the plane at `index`, or page `page` of the file, shape (y, x) or (y, x, s)."""
        if page is not None:
            return self._planes.read_page(page, allocate)
        check_scene(self.path, scene, len(self._series))
        layout = self._layouts[scene]
        chosen = full_index(self.path, layout.sizes, index)
        return self._planes.read(self._series[scene], layout, chosen, allocate)

    def read_region(
        self,
        scene: int,
        rectangle: tuple[int, int, int, int],
        level: int,
        index: Mapping[str, int],
        allocate: Allocate,
    ) -> Pixels:
        """Return part of a plane, from the pyramid's `level`."""
        check_scene(self.path, scene, len(self._series))
        levels = self._series[scene].levels
        if not 0 <= level < len(levels):
            raise OutOfRangeError.of(self.path, f"has no level {level}, only {len(levels)}")
        layout = self._layouts[scene] if level == 0 else self._planes.layout(levels[level])
        chosen = full_index(self.path, layout.sizes, index)
        window = self._window(rectangle, self._layouts[scene].sizes, layout.sizes)
        part = self._planes.read_window(levels[level], layout, chosen, window)
        out = allocate(part.shape, part.dtype)
        np.copyto(out, part)
        return out

    def read_metadata(self) -> ImageMetadata:
        """Return what OME-XML, ImageJ, LSM, MetaMorph, Micro-Manager or the tags say."""
        document = self._source.document
        images = match_images(self._series, document)
        return tiff_metadata(self._planes.tiff, document, images, self.describe())

    def close(self) -> None:
        """Close the file."""
        self._planes.close()

    def _window(
        self,
        rectangle: tuple[int, int, int, int],
        full: Mapping[str, int],
        sizes: Mapping[str, int],
    ) -> tuple[slice, slice]:
        """Return the rows and columns of a level that show `rectangle` of level 0."""
        x, y, width, height = rectangle
        slices = []
        for axis, start, length in (("Y", y, height), ("X", x, width)):
            down = full[axis] / max(sizes[axis], 1)
            first = min(max(round(start / down), 0), sizes[axis])
            stop = min(max(round((start + length) / down), first + 1), sizes[axis])
            if first >= stop or length <= 0:
                raise OutOfRangeError.of(self.path, f"region {rectangle} is outside of the plane")
            slices.append(slice(first, stop))
        return slices[0], slices[1]

    def _warnings(self) -> list[str]:
        missing = self._source.missing_files()
        note = f"its OME-XML refers to {len(missing)} files that are missing, {missing[:1]} first"
        return [*self._source.warnings, note] if missing else self._source.warnings

    def _scene(self, number: int, calibration: Calibration) -> SceneInfo:
        series, layout = self._series[number], self._layouts[number]
        full = layout.sizes
        levels = [
            LevelInfo(
                width=sizes["X"], height=sizes["Y"], downsampling=full["X"] / max(sizes["X"], 1)
            )
            for sizes in (dict(zip(one.axes, one.shape, strict=True)) for one in series.levels)
        ]
        return SceneInfo(
            name=calibration.name or series.name or f"series {number}",
            sizes=dict(full),
            dtype=layout.dtype.str,
            channels=channel_infos(calibration.channels, full.get("C", 1)),
            pixel_size_um=calibration.pixel_size_um,
            levels=levels if len(levels) > 1 else [],
        )
