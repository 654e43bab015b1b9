"""Several planes of a scene as one array."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import (
    OutOfRangeError,
    PlanecastError,
    TooLargeError,
    UnsupportedFormatError,
)
from planecast_protocol.images import ImageInfo
from planecast_protocol.limits import MAX_COUNT
from planecast_protocol.reader_messages import Area, PlaneArea, ReadPixels, RegionArea, TileArea
from planecast_reader.arena.shared_memory import available_bytes
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.headless.selection import (
    CHANNEL_AXES,
    Place,
    Selection,
    axis_among,
    plane_axes,
    plane_size,
    scene_of,
    select,
)
from planecast_reader.headless.streaming import (
    Pixels,
    Plan,
    Wanted,
    ask_in_order,
    in_flight_for,
    keeps,
)

Region = tuple[int, int, int, int]
"""x, y, width and height, in pixels of level 0."""


@dataclass(frozen=True)
class Stack:
    """What to read of a file: planes of one scene, and which part of each."""

    info: ImageInfo
    scene: int
    selection: Selection
    area: Area

    @classmethod
    def of(
        cls,
        info: ImageInfo,
        scene: int,
        chosen: Mapping[str, Place],
        *,
        region: Region | None = None,
        level: int = 0,
        tile: int | None = None,
    ) -> "Stack":
        """Choose planes as `select` does; of each a tile, a region at a level, or all."""
        return cls(
            info, scene, select(info, scene, chosen), area_of(info, scene, region, level, tile)
        )

    @property
    def axes(self) -> tuple[str, ...]:
        """Axes of the array, in the file's order."""
        return (*self.selection.kept, *plane_axes(scene_of(self.info, self.scene).sizes))

    def dtype(self) -> "np.dtype[Any]":
        """Return a type that holds all chosen channels' values, without loss."""
        facts = scene_of(self.info, self.scene)
        axis = axis_among(facts.sizes, CHANNEL_AXES)
        numbers = range(len(facts.channels)) if axis is None else self.selection.places[axis]
        names = {
            facts.channels[number].dtype or facts.dtype
            for number in numbers
            if number < len(facts.channels)
        }
        return np.result_type(*(names or {facts.dtype}))

    def request(self, index: dict[str, int]) -> ReadPixels:
        """Return the request for one plane, or the part of it."""
        return ReadPixels(
            request=0,
            path=self.info.path,
            scene=self.scene,
            index=index,
            area=self.area,
            keep=keeps(scene_of(self.info, self.scene), self.selection.n_planes),
        )

    def check_shape(self, index: dict[str, int], shape: tuple[int, ...], first: Pixels) -> None:
        """Raise `UnsupportedFormatError` if a plane does not fit into an array with the first."""
        if shape != first.shape:
            raise UnsupportedFormatError(
                f"{self.info.path}: plane {index} of scene {self.scene} has shape {shape}, the "
                f"first has {first.shape}: read them one by one",
                path=self.info.path,
            )


class StackPlan(Plan[npt.NDArray[Any]]):
    """Reads a `Stack` into one array."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self._stack = stack
        self._cells = list(stack.selection.cells())
        self._dtype = stack.dtype()
        self._out: npt.NDArray[Any] | None = None
        self._first: Pixels | None = None
        self.in_flight = in_flight_for(scene_of(stack.info, stack.scene))

    def rounds(self) -> Iterator[Iterable[Wanted]]:
        """Ask for all planes in one round."""
        yield (
            (number, self._stack.request(index)) for number, (_, index) in enumerate(self._cells)
        )

    def take(self, key: Hashable, pixels: Pixels) -> None:
        """Copy a plane to its place."""
        assert isinstance(key, int)
        position, index = self._cells[key]
        if self._out is None:
            self._out = self._allocate(pixels.shape)
            self._first = self._out[position]
        assert self._first is not None
        self._stack.check_shape(index, pixels.shape, self._first)
        np.copyto(self._out[position], pixels, casting="safe")

    def result(self) -> npt.NDArray[Any]:
        """Return the array."""
        assert self._out is not None
        return self._out

    def _allocate(self, plane_shape: tuple[int, ...]) -> npt.NDArray[Any]:
        shape = (*self._stack.selection.shape, *plane_shape)
        check_affordable(self._stack.info, shape, self._dtype)
        return np.empty(shape, self._dtype)


def planes_of(client: ReaderClient, stack: Stack) -> Iterator[Pixels]:
    """Yield the planes of a stack in its order, for those that write them one by one."""
    facts = scene_of(stack.info, stack.scene)
    dtype, first = stack.dtype(), None
    indices = [index for _, index in stack.selection.cells()]
    wanted = ((number, stack.request(index)) for number, index in enumerate(indices))
    answers = ask_in_order(client, wanted, in_flight_for(facts))
    for index, (_, answer) in zip(indices, answers, strict=True):
        if not isinstance(answer, PixelAnswer):
            assert isinstance(answer, PlanecastError)
            raise answer
        first = answer.pixels if first is None else first
        stack.check_shape(index, answer.pixels.shape, first)
        yield answer.pixels.astype(dtype, copy=False)


def area_of(
    info: ImageInfo,
    scene: int,
    region: Region | None = None,
    level: int = 0,
    tile: int | None = None,
) -> Area:
    """Return which part of a plane is meant: a tile, a region at a level, or all of it."""
    if tile is not None:
        if region is not None or level:
            raise UnsupportedFormatError.of(info.path, "a tile is read whole, at level 0")
        _check_counts(info, tile=tile)
        return TileArea(tile=tile)
    if region is None and not level:
        return PlaneArea()
    x, y, width, height = region or region_of(info, scene, 0, 0, None, None)
    _check_counts(info, x=x, y=y, width=width - 1, height=height - 1, level=level)
    return RegionArea(x=x, y=y, width=width, height=height, level=level)


def region_of(
    info: ImageInfo, scene: int, x: int, y: int, width: int | None, height: int | None
) -> Region:
    """Return a region that reaches to the far edges where width or height is left out."""
    full_height, full_width = plane_size(scene_of(info, scene).sizes)
    return (
        x,
        y,
        full_width - x if width is None else width,
        full_height - y if height is None else height,
    )


def _check_counts(info: ImageInfo, **numbers: int) -> None:
    if any(not 0 <= number < MAX_COUNT for number in numbers.values()):
        raise OutOfRangeError.of(
            info.path,
            "a region has x and y from 0, width and height from 1; a tile or level is "
            "a number from 0",
        )


def check_affordable(info: ImageInfo, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> None:
    """Raise `TooLargeError` for an array that this machine has no memory for."""
    nbytes = int(np.prod(shape, dtype=np.float64)) * dtype.itemsize
    if nbytes > available_bytes():
        raise TooLargeError.of(
            info.path,
            f"{'×'.join(map(str, shape))} pixels of {dtype} take {nbytes >> 20} MiB, more than "
            f"is free; choose fewer planes, a region or a level, or use to_dask",
        )
