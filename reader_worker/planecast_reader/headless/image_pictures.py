"""Pictures of an open image: thumbnails, projections, orthogonal views."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planecast_protocol.images import ImageInfo
from planecast_reader.client import ReaderClient
from planecast_reader.headless.image_pixels import ImagePixels
from planecast_reader.headless.ortho import OrthoOptions, OrthoPlan
from planecast_reader.headless.projections import OnMissing, ProjectionPlan
from planecast_reader.headless.selection import Place
from planecast_reader.headless.stacks import Region, Stack
from planecast_reader.headless.streaming import MissingPlanesWarning, Plan, carry_out
from planecast_reader.headless.thumbnail_cache import ThumbnailCache
from planecast_reader.headless.thumbnails import (
    ThumbnailOptions,
    ThumbnailPlan,
    ThumbnailProjection,
    channels_and_places,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from planecast_reader.headless.folds import Kind
    from planecast_reader.headless.pictures import Percentiles, Picture


class ImagePictures(ImagePixels):
    """Makes pictures of one file, plane by plane, in bounded memory. Any thread."""

    def __init__(self, client: ReaderClient, info: ImageInfo, path: Path | None = None) -> None:
        super().__init__(client, info)
        self._cache = ThumbnailCache(path)

    def thumbnail(
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
        """Return a small picture, (y, x, rgb) uint8, whose longer side has `size` pixels.

        Channels are stretched between percentiles and added up in their colours. `projection`
        over z is `max`, `mean`, `middle` (the plane in the middle, or the nearest that is there)
        or `none` (the plane at `Z`, else the first); other axes are at `index`, else at 0. A line
        scan shows its lines over time. Planes that the file lacks are left out, with a
        `MissingPlanesWarning`; `NoDataError` is raised if all are. Pictures of single files are
        kept on disk (`PLANECAST_CACHE_DIR`), if they are whole, unless `cached` is false.
        """
        options = ThumbnailOptions.of(size, projection, scene, channels, percentiles, index)
        plan = ThumbnailPlan(self.info, options)
        entry = self._cache.entry(options) if cached else None
        picture = None if entry is None else entry.load()
        if picture is None:
            picture = carry_out(self._client, plan)
            self._warn(plan)
            if entry is not None and not plan.missing:
                entry.store(picture)
        return picture

    def projection(
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
        """Return max, min, mean or sum along an axis; the other axes as in `read_stack`.

        Max and min keep the pixel type, means are float64, sums 64 bits wide. A plane that the
        file lacks raises `NoDataError`; with `missing="skip"` it is passed over, with a
        `MissingPlanesWarning`.
        """
        stack = Stack.of(self.info, scene, places, region=region, level=level)
        plan = ProjectionPlan(stack, axis, kind, missing)
        projected = carry_out(self._client, plan)
        self._warn(plan)
        return projected

    def ortho_views(
        self,
        size: int | None = None,
        *,
        scene: int = 0,
        x: int | None = None,
        y: int | None = None,
        z: int | None = None,
        projection: str | None = None,
        channels: Sequence[int | str] | None = None,
        percentiles: Percentiles = (1.0, 99.0),
        **index: int | str,
    ) -> Picture:
        """Return XY, XZ (below) and YZ (right) as one picture, (y, x, rgb) uint8.

        The volume is cut at x, y and z, in the middle where they are left out, or projected
        (`max`, `mean`) from each side. Proportions follow the size of a voxel; where the file
        doesn't say it, voxels are cubes. `size` is the longer side of the XY view, all pixels if
        left out. A plane that the file lacks is dark, with a `MissingPlanesWarning`.
        """
        shown, places = channels_and_places(channels, index)
        plan = OrthoPlan(
            self.info,
            OrthoOptions(size, scene, x, y, z, projection, shown, percentiles, places),
        )
        picture = carry_out(self._client, plan)
        self._warn(plan)
        return picture

    def _warn(self, plan: Plan[Any]) -> None:
        if plan.missing:
            warnings.warn(plan.missing_text(self.info.path), MissingPlanesWarning, stacklevel=3)
