"""The pixels of an open image: planes, tiles, regions, stacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_protocol.reader_messages import Area, ReadPixels
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.headless.selection import Place, numeric_index
from planecast_reader.headless.stacks import Region, Stack, StackPlan, area_of, planes_of, region_of
from planecast_reader.headless.streaming import carry_out

if TYPE_CHECKING:
    import numpy.typing as npt


class ImagePixels:
    """Reads pixels of one file, which a worker has described. Any thread."""

    def __init__(self, client: ReaderClient, info: ImageInfo) -> None:
        self._client = client
        self.info = info
        """All that is known without reading pixels."""

    @property
    def scenes(self) -> list[SceneInfo]:
        """The scenes: `.name .sizes .dtype .channels .pixel_size_um .tiles .levels`."""
        return self.info.scenes

    def read_plane(self, scene: int = 0, **index: int | str) -> npt.NDArray[Any]:
        """Return a plane, (Y, X) or (Y, X, S) in RGB order, read-only and zero-copy.

        `index` gives a position on each axis, `C` also by the channel's name; axes left out
        are 0. Raises `OutOfRangeError` for a place that the scene does not have, `NoDataError` if
        the file lacks that plane.
        """
        return self._read(scene, area_of(self.info, scene), index)

    def read_tile(self, scene: int = 0, tile: int = 0, **index: int | str) -> npt.NDArray[Any]:
        """Return one tile of a mosaic, by its number in `scenes[…].tiles`."""
        return self._read(scene, area_of(self.info, scene, tile=tile), index)

    def read_region(
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
        """Return part of a plane; x, y, width and height in pixels of level 0.

        Without width or height, the part reaches to the far edge.
        """
        region = region_of(self.info, scene, x, y, width, height)
        return self._read(scene, area_of(self.info, scene, region, level), index)

    def read_stack(
        self,
        scene: int = 0,
        *,
        region: Region | None = None,
        level: int = 0,
        tile: int | None = None,
        **places: Place,
    ) -> npt.NDArray[Any]:
        """Return planes of a scene as one array, axes in the file's order.

        `places` choose on each axis: a number or a channel's name takes the axis out of the
        result, a slice or a list keeps it; axes left out are read whole. `region` (x, y, width,
        height in pixels of level 0), `level` or `tile` choose a part of each plane. Channels of
        different pixel types come in a type that holds them all. Raises `NoDataError` if the
        file lacks one of the planes, `TooLargeError` for more than there is memory for.
        """
        stack = Stack.of(self.info, scene, places, region=region, level=level, tile=tile)
        return carry_out(self._client, StackPlan(stack))

    def iter_planes(
        self,
        scene: int = 0,
        *,
        region: Region | None = None,
        level: int = 0,
        tile: int | None = None,
        **places: Place,
    ) -> tuple[Iterator[npt.NDArray[Any]], Stack]:
        """Return what `read_stack` would, plane by plane: for stacks larger than the memory.

        The second says how the planes lie in the stack: `.axes`, `.selection.shape`, `.dtype()`.
        """
        stack = Stack.of(self.info, scene, places, region=region, level=level, tile=tile)
        return planes_of(self._client, stack), stack

    def _read(self, scene: int, area: Area, index: dict[str, int | str]) -> npt.NDArray[Any]:
        numbers = numeric_index(self.info, scene, index)
        request = ReadPixels(request=0, path=self.info.path, scene=scene, index=numbers, area=area)
        answer = self._client.request(request)
        assert isinstance(answer, PixelAnswer)
        return answer.pixels
