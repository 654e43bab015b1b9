"""Headless reading: what `planecast.open_image` returns.

Everything is read in a reader process, never in the caller's. Nothing here opens a file.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from planecast_protocol.errors import OutOfRangeError, ReadError, UnreachableError
from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_protocol.paths import local_roots, to_wire_path
from planecast_protocol.reader_messages import (
    Area,
    OpenImage,
    PlaneArea,
    ReadMetadata,
    ReadPixels,
    ReadPlanetable,
    RegionArea,
    ReleaseFile,
    TileArea,
)
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.shared_client import shared_client

if TYPE_CHECKING:
    import dask.array
    import numpy.typing as npt
    import pandas as pd

PLANE_AXES = ("Y", "X", "S")
"""The axes of a plane itself; all others are indices."""


def open_image(path: str | os.PathLike[str], client: ReaderClient | None = None) -> Image:
    """Open a file or an acquisition folder of any format.

    `path` is a path on this machine, or `alias:relative` as the worker's roots name it. Raises
    `ReadError` (or one of its kinds) if there is nothing to read, `WorkerUnreachableError` if no
    reader worker could be reached or started.
    """
    asked = client or shared_client()
    text = str(path)
    named_by_root = ":" in text and not Path(text).exists() and not Path(text).is_absolute()
    wire_path = text if named_by_root else to_wire_path(os.path.abspath(text), local_roots())  # noqa: PTH100 no symlink is followed
    answer = asked.request(OpenImage(request=0, path=wire_path))
    assert isinstance(answer, ImageInfo)
    return Image(asked, answer)


class Image:
    """An open file. Close it, or use it as a context manager, to let the file go."""

    def __init__(self, client: ReaderClient, info: ImageInfo) -> None:
        self._client = client
        self.info = info
        """All that is known without reading pixels."""

    @property
    def scenes(self) -> list[SceneInfo]:
        """The scenes: `.name .sizes .dtype .channels .pixel_size_um .tiles .levels`."""
        return self.info.scenes

    @property
    def metadata(self) -> dict[str, Any]:
        """What the file says of its acquisition, JSON-able; absent is `None`."""
        answer = self._client.request(ReadMetadata(request=0, path=self.info.path))
        assert isinstance(answer, dict)
        return answer

    # ------------------------------------------------------------ pixels

    def read_plane(self, scene: int = 0, **index: int | str) -> npt.NDArray[Any]:
        """Return a plane, (Y, X) or (Y, X, S) in RGB order, read-only and zero-copy.

        `index` gives a position on each axis, `C` also by the channel's name; axes left out
        are 0. Raises `OutOfRangeError` for a place that the scene does not have, `NoDataError` if
        the file lacks that plane.
        """
        return self._read(scene, PlaneArea(), index)

    def read_tile(self, scene: int = 0, tile: int = 0, **index: int | str) -> npt.NDArray[Any]:
        """Return one tile of a mosaic, by its number in `scenes[…].tiles`."""
        return self._read(scene, TileArea(tile=tile), index)

    def read_region(
        self,
        scene: int = 0,
        *,
        x: int = 0,
        y: int = 0,
        width: int,
        height: int,
        level: int = 0,
        **index: int | str,
    ) -> npt.NDArray[Any]:
        """Return part of a plane; x, y, width and height in pixels of level 0."""
        area = RegionArea(x=x, y=y, width=width, height=height, level=level)
        return self._read(scene, area, index)

    def _read(self, scene: int, area: Area, index: dict[str, int | str]) -> npt.NDArray[Any]:
        numbers = numeric_index(self.info, scene, index)
        request = ReadPixels(request=0, path=self.info.path, scene=scene, index=numbers, area=area)
        answer = self._client.request(request)
        assert isinstance(answer, PixelAnswer)
        return answer.pixels

    # ------------------------------------------------------------ tables

    def planetable(self, *, norm_time: bool = False, scene: int | None = None) -> pd.DataFrame:
        """Return one row per sub-block: S, M, T, Z, C, stage position, time, pixel rectangle.

        With `norm_time`, times count from the file's first.
        """
        import pandas as pd  # slow to import, and not needed for pixels

        request = ReadPlanetable(request=0, path=self.info.path, scene=scene, norm_time=norm_time)
        answer = self._client.request(request)
        assert isinstance(answer, dict)
        return pd.DataFrame(answer)

    # ------------------------------------------------------------ lazy

    def to_dask(self, scene: int = 0) -> dask.array.Array:
        """Return the scene as a lazy array, one chunk a plane, axes in the order of its sizes.

        It pickles: whoever computes a chunk reads it through a worker of its own.
        """
        from planecast_reader.lazy import to_dask  # dask takes seconds to import

        return to_dask(self.info, scene)

    # ------------------------------------------------------------ the end

    def close(self) -> None:
        """Have the worker close the file. May be called twice."""
        try:
            self._client.request(ReleaseFile(request=0, path=self.info.path), timeout_s=2.0)
        except (UnreachableError, ReadError):
            return  # a worker that is gone, or a file that is, holds nothing open

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def numeric_index(info: ImageInfo, scene: int, index: dict[str, int | str]) -> dict[str, int]:
    """Return the index with channel names replaced by their numbers.

    Raises `OutOfRangeError` for a scene or a channel name that there is none of.
    """
    if not 0 <= scene < len(info.scenes):
        raise OutOfRangeError(
            f"{info.path}: no scene {scene}; it has {len(info.scenes)}", path=info.path
        )
    numbers: dict[str, int] = {}
    for axis, place in index.items():
        if isinstance(place, str):
            names = [channel.name for channel in info.scenes[scene].channels]
            if axis != "C" or place not in names:
                raise OutOfRangeError(
                    f"{info.path}: no {axis}={place!r} in scene {scene}; its channels are "
                    f"{', '.join(names)}",
                    path=info.path,
                )
            numbers[axis] = names.index(place)
        elif place < 0:
            raise OutOfRangeError(f"{info.path}: {axis}={place} is negative", path=info.path)
        else:
            numbers[axis] = place
    return numbers
