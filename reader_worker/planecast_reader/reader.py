"""The contract of a file format: what every module in `readers/` provides.

A reader object is one open file. It lives in one reader process and is called by one thread,
one call at a time. It imports neither zmq nor anything of the worker. It may raise anything:
the process maps foreign exceptions to `CorruptFileError`; what it knows better it raises
itself, from the tree in `planecast_protocol.errors`, with the path in the message
(`SomeError.of(path, "what is wrong, and the way out")`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import UnsupportedFormatError
from planecast_protocol.images import ImageInfo
from planecast_protocol.metadata import ImageMetadata, scene_metadata

Pixels = npt.NDArray[Any]

Allocate = Callable[[tuple[int, ...], "np.dtype[Any]"], Pixels]
"""(shape, dtype) to a writable C-contiguous array: a slot of the shared memory, as a rule.

A reader calls it once, when it knows the size and before it reads, and returns that array
filled. It may be called again with another size if the first was wrong.
"""

Table = dict[str, list[Any]]
"""Column name to values, one a row; `None` where the file doesn't say."""


def allocate_in_memory(shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Pixels:
    """Allocate without shared memory: for tests and scripts."""
    return np.empty(shape, dtype)


class PlaneReader(ABC):
    """One open file or folder."""

    format: ClassVar[str]
    """Name in the table of readers."""

    def __init__(self, path: Path) -> None:
        """Open `path`, which is a regular file or a folder and was checked to be readable.

        Raises `NotYetWrittenError` if what is there looks like the beginning of a file that is
        still being written (shorter than its own header says, or no directory yet), and
        `CorruptFileError` or `UnsupportedFormatError` otherwise.
        """
        self.path = path

    @abstractmethod
    def describe(self) -> ImageInfo:
        """Return what the file holds. `ImageInfo.path` is filled in by the caller."""

    @abstractmethod
    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        """Return a plane, (y, x) or (y, x, samples) in R, G, B, A order, native byte order.

        `index` maps axis letters to 0-based indices; axes left out are 0. Raises
        `OutOfRangeError` for an axis or index that the scene does not have, `NoDataError` for
        a plane that the file lacks (never zeros), `NotYetWrittenError` if the file is shorter
        than its directory says.
        """

    def read_tile(
        self, scene: int, tile: int, index: Mapping[str, int], allocate: Allocate
    ) -> Pixels:
        """Return one tile of a mosaic, by the file's own number of the tile."""
        raise UnsupportedFormatError.of(self.path, f"{self.format} files have no tiles")

    def read_region(
        self,
        scene: int,
        rectangle: tuple[int, int, int, int],
        level: int,
        index: Mapping[str, int],
        allocate: Allocate,
    ) -> Pixels:
        """Return part of a plane; `rectangle` is x, y, width, height in pixels of level 0.

        x and y count from the scene's corner. At level n the result has width and height
        divided by that level's downsampling.
        """
        if level:
            raise UnsupportedFormatError.of(self.path, f"has no pyramid, so no level {level}")
        x, y, width, height = rectangle
        plane = self.read_plane(scene, index, None, allocate_in_memory)
        part = plane[y : y + height, x : x + width]
        out = allocate(part.shape, part.dtype)
        np.copyto(out, part)
        return out

    def read_planetable(self, scene: int | None, *, norm_time: bool) -> Table:
        """Return one row per sub-block, of one scene or of all."""
        raise UnsupportedFormatError.of(self.path, f"{self.format} files have no planetable")

    def read_metadata(self) -> ImageMetadata:
        """Return all that the file says of its acquisition; absent is `None`.

        `path`, `format` and `file_size_bytes` are filled in by the caller. `vendor` holds what
        JSON can: `plain_value` and `xml_tree` of `readers.plain` make it so.
        """
        info = self.describe()
        scenes = [scene_metadata(scene) for scene in info.scenes]
        return ImageMetadata(scenes=scenes, warnings=info.warnings)

    @abstractmethod
    def close(self) -> None:
        """Close the file. May be called twice."""
