"""Headless reading for asyncio: what `planecast.aio` is.

Nothing here blocks the event loop: planes are awaited, arithmetic on them runs in threads. A task
that is cancelled withdraws its requests.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from planecast_protocol.errors import ReadError, UnreachableError
from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_protocol.metadata import ImageMetadata
from planecast_protocol.reader_messages import (
    Area,
    OpenImage,
    ReadMetadata,
    ReadPixels,
    ReadPlanetable,
    ReleaseFile,
)
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.headless.async_streaming import ask, carry_out
from planecast_reader.headless.image import named
from planecast_reader.headless.mosaic_tiles import Tile, tiles_of
from planecast_reader.headless.projections import OnMissing, ProjectionPlan
from planecast_reader.headless.selection import Place, numeric_index, scene_of
from planecast_reader.headless.shared_client import shared_client
from planecast_reader.headless.stacks import Region, Stack, StackPlan, area_of, region_of
from planecast_reader.headless.streaming import MissingPlanesWarning
from planecast_reader.headless.thumbnail_cache import ThumbnailCache
from planecast_reader.headless.thumbnails import (
    ThumbnailOptions,
    ThumbnailPlan,
    ThumbnailProjection,
)

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from planecast_reader.headless.folds import Kind
    from planecast_reader.headless.pictures import Percentiles, Picture

CLOSE_TIMEOUT_S = 2.0


def open_image(path: str | os.PathLike[str], client: ReaderClient | None = None) -> Opening:
    """Open a file or an acquisition folder: `await` it, or use it in `async with`."""
    return Opening(path, client)


class Opening:
    """An image that is about to be opened."""

    def __init__(self, path: str | os.PathLike[str], client: ReaderClient | None) -> None:
        self._path = path
        self._client = client
        self._image: AsyncImage | None = None

    def __await__(self) -> Generator[Any, None, AsyncImage]:
        return self._open().__await__()

    async def __aenter__(self) -> AsyncImage:
        self._image = await self._open()
        return self._image

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._image is not None:
            await self._image.close()

    async def _open(self) -> AsyncImage:
        client = self._client or shared_client()
        wire_path, local = named(self._path)
        answer = await ask(client, OpenImage(request=0, path=wire_path))
        assert isinstance(answer, ImageInfo)
        return AsyncImage(client, answer, local)


class AsyncImage:
    """An open file; the same as `Image`, awaited. Several tasks may use it at once."""

    def __init__(self, client: ReaderClient, info: ImageInfo, path: Path | None = None) -> None:
        self._client = client
        self._cache = ThumbnailCache(path)
        self.info = info
        """All that is known without reading pixels."""

    @property
    def scenes(self) -> list[SceneInfo]:
        """The scenes: `.name .sizes .dtype .channels .pixel_size_um .tiles .levels`."""
        return self.info.scenes

    async def metadata(self) -> ImageMetadata:
        """Return all that the file says of its acquisition."""
        answer = await ask(self._client, ReadMetadata(request=0, path=self.info.path))
        assert isinstance(answer, ImageMetadata)
        return answer

    async def read_plane(self, scene: int = 0, **index: int | str) -> npt.NDArray[Any]:
        """Return a plane, (Y, X) or (Y, X, S), read-only and zero-copy; axes left out are 0."""
        return await self._read(scene, area_of(self.info, scene), index)

    async def read_tile(
        self, scene: int = 0, tile: int = 0, **index: int | str
    ) -> npt.NDArray[Any]:
        """Return one tile of a mosaic, by its number in `scenes[…].tiles`."""
        return await self._read(scene, area_of(self.info, scene, tile=tile), index)

    async def read_region(
        self,
        scene: int = 0,
        *,
        x: int = 0,
        y: int = 0,
        width: int | None = None,
        height: int | None = None,
        level: int = 0,
        **index: int | str,
    ) -> npt.NDArray[Any]:
        """Return part of a plane; x, y, width and height in pixels of level 0."""
        region = region_of(self.info, scene, x, y, width, height)
        return await self._read(scene, area_of(self.info, scene, region, level), index)

    async def read_stack(
        self,
        scene: int = 0,
        *,
        region: Region | None = None,
        level: int = 0,
        tile: int | None = None,
        **places: Place,
    ) -> npt.NDArray[Any]:
        """Return planes of a scene as one array, axes in the file's order; see `Image`."""
        stack = Stack.of(self.info, scene, places, region=region, level=level, tile=tile)
        return await carry_out(self._client, StackPlan(stack))

    async def planetable(
        self, *, norm_time: bool = False, scene: int | None = None
    ) -> pd.DataFrame:
        """Return one row per sub-block; see `Image`."""
        table = await self._table(scene, norm_time=norm_time)
        return await asyncio.to_thread(_data_frame, table)

    async def tiles(self, scene: int = 0) -> list[Tile]:
        """Return the tiles of a mosaic, with their places in pixels and on the stage."""
        wanted = scene_of(self.info, scene).tiles and self.info.has_planetable
        known = await self._table(scene, norm_time=False) if wanted else None
        return tiles_of(self.info, scene, known)

    async def thumbnail(
        self,
        size: int = 256,
        *,
        projection: ThumbnailProjection = "middle",
        scene: int = 0,
        channels: Sequence[int | str] | None = None,
        percentiles: Percentiles = (1.0, 99.0),
        cached: bool = True,
        **index: int | str,
    ) -> Picture:
        """Return a small picture, (y, x, rgb) uint8; see `Image`."""
        options = ThumbnailOptions.of(size, projection, scene, channels, percentiles, index)
        plan = ThumbnailPlan(self.info, options)
        entry = self._cache.entry(options) if cached else None
        known = None if entry is None else await asyncio.to_thread(entry.load)
        if known is not None:
            return known
        picture = await carry_out(self._client, plan)
        if plan.missing:
            warnings.warn(plan.missing_text(self.info.path), MissingPlanesWarning, stacklevel=2)
        elif entry is not None:
            await asyncio.to_thread(entry.store, picture)
        return picture

    async def projection(
        self,
        axis: str = "Z",
        kind: Kind = "max",
        *,
        scene: int = 0,
        missing: OnMissing = "raise",
        region: Region | None = None,
        level: int = 0,
        **places: Place,
    ) -> npt.NDArray[Any]:
        """Return max, min, mean or sum along an axis; see `Image`."""
        stack = Stack.of(self.info, scene, places, region=region, level=level)
        plan = ProjectionPlan(stack, axis, kind, missing)
        projected = await carry_out(self._client, plan)
        if plan.missing:
            warnings.warn(plan.missing_text(self.info.path), MissingPlanesWarning, stacklevel=2)
        return projected

    async def close(self) -> None:
        """Have the worker close the file. May be called twice."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await ask(self._client, ReleaseFile(request=0, path=self.info.path))
        except (UnreachableError, ReadError, TimeoutError):
            return  # a worker that is gone, or a file that is, holds nothing open

    async def _read(self, scene: int, area: Area, index: dict[str, int | str]) -> npt.NDArray[Any]:
        numbers = numeric_index(self.info, scene, index)
        request = ReadPixels(request=0, path=self.info.path, scene=scene, index=numbers, area=area)
        answer = await ask(self._client, request)
        assert isinstance(answer, PixelAnswer)
        return answer.pixels

    async def _table(self, scene: int | None, *, norm_time: bool) -> dict[str, list[Any]]:
        request = ReadPlanetable(request=0, path=self.info.path, scene=scene, norm_time=norm_time)
        answer = await ask(self._client, request)
        assert isinstance(answer, dict)
        return answer


def _data_frame(table: dict[str, list[Any]]) -> pd.DataFrame:
    import pandas as pd  # slow to import, and not needed for pixels

    return pd.DataFrame(table)
