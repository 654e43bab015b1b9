"""Thumbnails: a small picture of a scene, read at no more than the size that it needs."""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from planecast_protocol.errors import NoDataError
from planecast_protocol.images import ImageInfo
from planecast_reader.headless.channel_colors import channel_color
from planecast_reader.headless.folds import Fold, Only, Rows, fold_of
from planecast_reader.headless.pictures import Percentiles, Picture, colored, composite, limits
from planecast_reader.headless.reduced_plan import PlaneKey, ReducedPlan
from planecast_reader.headless.reduction import Gray, fitting
from planecast_reader.headless.selection import (
    CHANNEL_AXES,
    TIME_AXES,
    Z_AXES,
    axis_among,
    numeric_index,
    plane_size,
    scene_of,
    select,
)
from planecast_reader.headless.streaming import Wanted

ThumbnailProjection = Literal["max", "mean", "middle", "none"]
PROJECTIONS: tuple[str, ...] = get_args(ThumbnailProjection)
Places = tuple[tuple[str, int | str], ...]
"""Axis and place on it."""
MAX_SIZE = 8192
COLOR_SAMPLES = (3, 4)
"""Red, green, blue and maybe alpha; other samples are averaged."""


@dataclass(frozen=True)
class ThumbnailOptions:
    """What a thumbnail shows."""

    size: int = 256
    """Its longer side, in pixels."""
    projection: ThumbnailProjection = "middle"
    """Over z: `middle` is the plane in the middle, `none` the plane that `index` names."""
    scene: int = 0
    channels: tuple[int | str, ...] | None = None
    """Numbers or names; None: all of them."""
    percentiles: Percentiles = (1.0, 99.0)
    index: Places = ()
    """Places on the other axes; those left out are 0."""

    @classmethod
    def of(
        cls,
        size: int,
        projection: ThumbnailProjection,
        scene: int,
        channels: Sequence[int | str] | None,
        percentiles: Percentiles,
        index: Mapping[str, int | str],
    ) -> "ThumbnailOptions":
        """Return options in the form that is compared and cached."""
        shown, places = channels_and_places(channels, index)
        return cls(size, projection, scene, shown, percentiles, places)

    def __post_init__(self) -> None:
        if self.projection not in PROJECTIONS:
            raise ValueError(f"{self.projection!r} is none of {', '.join(PROJECTIONS)}")
        if not 1 <= self.size <= MAX_SIZE:
            raise ValueError(f"a thumbnail has 1 to {MAX_SIZE} pixels, not {self.size}")
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError(f"percentiles {low} and {high} are not in order between 0 and 100")


class ThumbnailPlan(ReducedPlan[Picture]):
    """Reads what one thumbnail shows.

    Planes that the file lacks are left out; `missing` names them. Raises `NoDataError` if none
    of the planes is there.
    """

    def __init__(self, info: ImageInfo, options: ThumbnailOptions) -> None:
        super().__init__(info, options.scene, options.size)
        self._options = options
        sizes = self._facts.sizes
        self._index = numeric_index(info, options.scene, dict(options.index))
        self._channel_axis = axis_among(sizes, CHANNEL_AXES)
        self._channels = chosen_channels(info, options.scene, options.channels)
        self._folded, self._steps, self._fallback = self._choose_steps()
        self._folds: list[Fold] = [self._fold() for _ in self._channels]
        self.n_planes = len(self._channels) * len(self._steps)

    def rounds(self) -> Iterator[Iterable[Wanted]]:
        """Ask for the planes, then for neighbours of a middle plane that is missing."""
        yield self._wanted(range(len(self._channels)), self._steps)
        for step in self._fallback:
            empty = [n for n, fold in enumerate(self._folds) if not fold.n_planes]
            if not empty:
                return
            yield self._wanted(empty, [step])

    def add(self, key: PlaneKey, plane: Gray) -> None:
        """Fold a plane into its channel."""
        self._folds[key[0]].add(plane)

    def result(self) -> Picture:
        """Return the picture."""
        shown = [
            (fold.result(), channel_color(self._facts.channels[number], number, len(self._folds)))
            for number, fold in zip(self._channels, self._folds, strict=True)
            if fold.n_planes
        ]
        if not shown:
            raise self.missing[-1] if self.missing else NoDataError.of(self._info.path, "no planes")
        images, colors = [image for image, _ in shown], [color for _, color in shown]
        size = self._size()
        percentiles = self._options.percentiles
        if images[0].ndim == 3 and images[0].shape[2] in COLOR_SAMPLES:
            # Bytes of a colour camera are a picture already.
            full_scale = 255.0 if np.dtype(self._facts.dtype) == np.uint8 else None
            return colored(images[0], full_scale, size, percentiles)
        flat = [image if image.ndim == 2 else image.mean(axis=2) for image in images]
        return composite(flat, colors, size, [limits([image], percentiles) for image in flat])

    def _size(self) -> tuple[int, int]:
        height, width = plane_size(self._facts.sizes)
        if self._folded in TIME_AXES:
            height = len(self._steps)
        return fitting(height, width, self._options.size)

    def _fold(self) -> Fold:
        if self._folded in TIME_AXES:
            return Rows()
        is_one = self._options.projection in ("middle", "none") or self._folded is None
        return Only() if is_one else fold_of(self._options.projection)

    def _choose_steps(self) -> tuple[str | None, list[int], list[int]]:
        """Return the axis along which planes are folded, the places on it, and those to fall to."""
        sizes = self._facts.sizes
        time = axis_among(sizes, TIME_AXES)
        if time is not None and plane_size(sizes)[0] == 1 and time not in self._index:
            # A line scan: one line at each time, and the picture is all of them.
            return time, list(range(sizes[time])), []
        z = axis_among(sizes, Z_AXES)
        if z is None or z in self._index or self._options.projection == "none":
            return None, [0], []
        if self._options.projection != "middle":
            return z, list(range(sizes[z])), []
        middle = sizes[z] // 2
        by_distance = sorted(range(sizes[z]), key=lambda step: abs(step - middle))
        return z, by_distance[:1], by_distance[1:]

    def _wanted(self, channels: Iterable[int], steps: Sequence[int]) -> Iterator[Wanted]:
        for channel in channels:
            for step in steps:
                index = dict(self._index)
                if self._channel_axis is not None:
                    index[self._channel_axis] = self._channels[channel]
                if self._folded is not None:
                    index[self._folded] = step
                yield from self._requests((channel, step), index)


def channels_and_places(
    channels: Sequence[int | str] | None, index: Mapping[str, int | str]
) -> tuple[tuple[int | str, ...] | None, Places]:
    """Return which channels are shown, and the places on the other axes.

    A place on the axis of channels, such as `C=1`, is the one channel that is shown.
    """
    shown = None if channels is None else tuple(_plain(channel) for channel in channels)
    places: list[tuple[str, int | str]] = []
    for axis, place in sorted(index.items()):
        if axis in CHANNEL_AXES:
            shown = shown or (_plain(place),)
        else:
            places.append((axis, _plain(place)))
    return shown, tuple(places)


def _plain(place: int | str) -> int | str:
    """Return Python's own number for one of numpy's, which could not be stored."""
    return place if isinstance(place, str) else operator.index(place)


def chosen_channels(info: ImageInfo, scene: int, channels: Sequence[int | str] | None) -> list[int]:
    """Return numbers of channels; all where none are named, and 0 where there is no such axis.

    Raises `OutOfRangeError` for one that there is none of.
    """
    sizes = scene_of(info, scene).sizes
    axis = axis_among(sizes, CHANNEL_AXES)
    if channels is None:
        return list(range(1 if axis is None else sizes[axis]))
    return select(info, scene, {axis or "C": list(channels)}).places.get(axis or "C", [0])
