"""Whole slides: the levels of a pyramid, one file or several each, through wsidicom.

Only 8-bit grey and RGB: wsidicom gives pictures, not numbers. A slide of more bits can be read
frame by frame, by opening its files. A tile that a sparse slide lacks is background, as the
standard has it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from wsidicom import WsiDicom
from wsidicom.errors import WsiDicomError

from planecast_protocol.errors import CorruptFileError, OutOfRangeError, UnsupportedFormatError
from planecast_protocol.images import ChannelInfo, LevelInfo, SceneInfo
from planecast_reader.reader import Allocate, Pixels
from planecast_reader.readers.dicom.header import Header
from planecast_reader.readers.indexing import check_plane_bytes, full_index


class Slide:
    """One slide, open in wsidicom."""

    def __init__(self, folder: Path, headers: Sequence[Header], name: str) -> None:
        self.folder = folder
        self.name = name
        self.header = max(headers, key=lambda header: header.n_frames)
        if any(header.bits_allocated != 8 for header in headers):
            raise UnsupportedFormatError.of(
                folder, f"its slide has {self.header.bits_allocated} bits; open one of its files"
            )
        try:
            self._slide = WsiDicom.open([header.path for header in headers])
            self._levels = list(self._slide.levels)
        except (WsiDicomError, ValueError, KeyError, AttributeError) as error:
            raise CorruptFileError.of(folder, f"its slide is refused: {error}") from error
        self._focal_planes = self._levels[0].focal_planes
        self._paths = self._levels[0].optical_paths
        self.scene = self._describe()

    def close(self) -> None:
        """Close the files."""
        self._slide.close()

    def read(
        self,
        level: int,
        index: Mapping[str, int],
        rectangle: tuple[int, int, int, int] | None,
        allocate: Allocate,
    ) -> Pixels:
        """Read a level, or the part of it that shows `rectangle` of full resolution."""
        if not 0 <= level < len(self._levels):
            raise OutOfRangeError.of(self.folder, f"has no level {level}, only {len(self._levels)}")
        chosen = full_index(self.folder, self.scene.sizes, index)
        x, y, width, height = self._window(level, rectangle)
        is_color = "S" in self.scene.sizes
        shape = (height, width, 3) if is_color else (height, width)
        check_plane_bytes(self.folder, int(np.prod(shape, dtype=object)))
        out = allocate(shape, np.dtype(np.uint8))
        picture = self._slide.read_region(
            (x, y),
            self._levels[level].level,
            (width, height),
            z=self._focal_planes[chosen.get("Z", 0)],
            path=self._paths[chosen.get("C", 0)],
        )
        np.copyto(out, np.asarray(picture.convert("RGB" if is_color else "L")))
        return out

    def _window(
        self, level: int, rectangle: tuple[int, int, int, int] | None
    ) -> tuple[int, int, int, int]:
        full, size = self._levels[0].size, self._levels[level].size
        if rectangle is None:
            return 0, 0, size.width, size.height
        x, y, width, height = rectangle
        spans = []
        for start, length, whole, here in (
            (x, width, full.width, size.width),
            (y, height, full.height, size.height),
        ):
            first = min(max(round(start * here / whole), 0), here)
            stop = min(max(round((start + length) * here / whole), first + 1), here)
            if first >= stop or length <= 0:
                raise OutOfRangeError.of(self.folder, f"region {rectangle} is outside of the slide")
            spans.append((first, stop - first))
        return spans[0][0], spans[1][0], spans[0][1], spans[1][1]

    def _describe(self) -> SceneInfo:
        full = self._levels[0]
        sizes = {}
        if len(self._paths) > 1:
            sizes["C"] = len(self._paths)
        if len(self._focal_planes) > 1:
            sizes["Z"] = len(self._focal_planes)
        sizes |= {"Y": full.size.height, "X": full.size.width}
        if self.header.samples == 3:
            sizes["S"] = 3
        steps = np.diff(self._focal_planes)
        return SceneInfo(
            name=self.name,
            sizes=sizes,
            dtype="|u1",
            channels=[
                ChannelInfo(name=f"Optical path {path}" if "C" in sizes else "Channel 0")
                for path in self._paths
            ],
            pixel_size_um={
                "x": 1e3 * full.pixel_spacing.width,
                "y": 1e3 * full.pixel_spacing.height,
                "z": float(np.median(steps)) if len(steps) else None,
            },
            levels=[
                LevelInfo(
                    width=level.size.width,
                    height=level.size.height,
                    downsampling=full.size.width / level.size.width,
                )
                for level in self._levels
            ],
        )
