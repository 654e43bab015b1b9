"""Headless reading: what `planecast.open_image` returns.

Everything is read in a reader process, never in the caller's. Nothing here opens a file.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from planecast_protocol.configuration import known_roots
from planecast_protocol.errors import ReadError, UnreachableError
from planecast_protocol.images import ImageInfo
from planecast_protocol.metadata import ImageMetadata
from planecast_protocol.paths import to_wire_path
from planecast_protocol.reader_messages import (
    OpenImage,
    ReadMetadata,
    ReadPlanetable,
    ReleaseFile,
)
from planecast_reader.client import ReaderClient
from planecast_reader.headless.image_pictures import ImagePictures
from planecast_reader.headless.mosaic_tiles import Tile, tiles_of
from planecast_reader.headless.selection import scene_of
from planecast_reader.headless.shared_client import shared_client

if TYPE_CHECKING:
    import dask.array
    import ome_types
    import pandas as pd
    import xarray as xr

    from planecast_reader.headless.lazy import Chunks


def open_image(path: str | os.PathLike[str], client: ReaderClient | None = None) -> Image:
    """Open a file or an acquisition folder of any format.

    `path` is a path on this machine, or `alias:relative` as the worker's roots name it. Raises
    `ReadError` (or one of its kinds) if there is nothing to read, `WorkerUnreachableError` if no
    reader worker could be reached or started.
    """
    asked = client or shared_client()
    wire_path, local = named(path)
    answer = asked.request(OpenImage(request=0, path=wire_path))
    assert isinstance(answer, ImageInfo)
    return Image(asked, answer, local)


def named(path: str | os.PathLike[str]) -> tuple[str, Path | None]:
    """Return a path as messages name it, and the path on this machine if it was one."""
    text = str(path)
    if ":" in text and not Path(text).exists() and not Path(text).is_absolute():
        return text, None
    local = os.path.abspath(text)  # noqa: PTH100 no symlink is followed
    return to_wire_path(local, known_roots()), Path(local)


class Image(ImagePictures):
    """An open file. Close it, or use it as a context manager, to let the file go.

    Any thread may call any method; each waits for its answer.
    """

    @property
    def metadata(self) -> ImageMetadata:
        """All that the file says of its acquisition; absent is `None`, `as_dict()` is JSON-able."""
        answer = self._client.request(ReadMetadata(request=0, path=self.info.path))
        assert isinstance(answer, ImageMetadata)
        return answer

    def to_ome(self) -> ome_types.OME:
        """Return the metadata in the OME model. Raises `UnsupportedFormatError` where it can't."""
        from planecast_reader.headless.ome import to_ome  # ome-types takes seconds to import

        return to_ome(self.metadata)

    # ------------------------------------------------------------ tables

    def planetable(self, *, norm_time: bool = False, scene: int | None = None) -> pd.DataFrame:
        """Return one row per sub-block: S, M, T, Z, C, stage position, time, pixel rectangle.

        With `norm_time`, times count from the file's first.
        """
        import pandas as pd  # slow to import, and not needed for pixels

        return pd.DataFrame(self.planetable_columns(norm_time=norm_time, scene=scene))

    def planetable_columns(
        self, *, norm_time: bool = False, scene: int | None = None
    ) -> dict[str, list[Any]]:
        """Return the planetable as lists, `None` where the file doesn't say; needs no pandas."""
        request = ReadPlanetable(request=0, path=self.info.path, scene=scene, norm_time=norm_time)
        answer = self._client.request(request)
        assert isinstance(answer, dict)
        return answer

    def tiles(self, scene: int = 0) -> list[Tile]:
        """Return the tiles of a mosaic, with their places in pixels and on the stage."""
        facts = scene_of(self.info, scene)
        has_table = facts.tiles and self.info.has_planetable
        known = self.planetable_columns(scene=scene) if has_table else None
        return tiles_of(self.info, scene, known)

    def tile_table(self, scene: int | None = None) -> pd.DataFrame:
        """Return the tiles of one scene, or of all, one row a tile."""
        import pandas as pd

        scenes = range(len(self.scenes)) if scene is None else [scene]
        rows = [msgspec.structs.asdict(tile) for one in scenes for tile in self.tiles(one)]
        return pd.DataFrame(rows, columns=list(Tile.__struct_fields__))

    # ------------------------------------------------------------ lazy

    def to_dask(self, scene: int = 0, chunks: Chunks = "plane") -> dask.array.Array:
        """Return the scene as a lazy array, axes in the order of its sizes.

        A chunk is a `plane`, or with `zyx` a z-stack. It pickles: whoever computes a chunk reads
        it through a worker of its own.
        """
        from planecast_reader.headless.lazy import to_dask  # dask takes seconds to import

        return to_dask(self.info, scene, chunks, self._client.address)

    def to_xarray(self, scene: int = 0, chunks: Chunks = "plane") -> xr.DataArray:
        """Return the lazy array with names of channels, coordinates in µm and s, and metadata."""
        from planecast_reader.headless.labelled import to_xarray

        return to_xarray(self.info, self.metadata, scene, chunks, self._client.address)

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
