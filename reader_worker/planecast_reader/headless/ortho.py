"""Orthogonal views: a volume from three sides in one picture, in the proportions of the specimen.

XY | YZ
---+---
XZ |
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from planecast_protocol.errors import OutOfRangeError
from planecast_protocol.images import ImageInfo
from planecast_reader.headless.channel_colors import channel_color
from planecast_reader.headless.folds import Fold, Only, fold_of
from planecast_reader.headless.pictures import Percentiles, Picture, composite, limits
from planecast_reader.headless.reduced_plan import PlaneKey, ReducedPlan
from planecast_reader.headless.reduction import Gray
from planecast_reader.headless.selection import (
    CHANNEL_AXES,
    Z_AXES,
    axis_among,
    numeric_index,
    plane_axes,
    scene_of,
)
from planecast_reader.headless.streaming import Wanted
from planecast_reader.headless.thumbnails import Places, chosen_channels

GAP = 4
"""Black pixels between the views."""


@dataclass(frozen=True)
class OrthoOptions:
    """What orthogonal views show."""

    size: int | None = None
    """Longer side of the XY view; None: a pixel for each of the file's."""
    scene: int = 0
    x: int | None = None
    y: int | None = None
    z: int | None = None
    """Where the volume is cut, in pixels and planes of the file; None: in the middle."""
    projection: str | None = None
    """`max` or `mean` over the whole depth of each view, instead of a cut."""
    channels: tuple[int | str, ...] | None = None
    percentiles: Percentiles = (1.0, 99.0)
    index: Places = ()


class OrthoPlan(ReducedPlan[Picture]):
    """Reads each plane of the volume once; holds three views of each channel."""

    def __init__(self, info: ImageInfo, options: OrthoOptions) -> None:
        super().__init__(info, options.scene, options.size)
        self._options = options
        sizes = scene_of(info, options.scene).sizes
        z = axis_among(sizes, Z_AXES)
        if z is None or plane_axes(sizes) != ("Y", "X"):
            raise OutOfRangeError.of(
                info.path,
                f"scene {options.scene} ({', '.join(sizes)}) is no volume of gray planes: "
                "orthogonal views need Z, Y and X",
            )
        if options.projection is not None and options.projection not in ("max", "mean"):
            raise ValueError(f"{options.projection!r} is neither 'max' nor 'mean'")
        self._z = z
        self._n_z = sizes[z]
        self._index = numeric_index(info, options.scene, dict(options.index))
        self._channel_axis = axis_among(sizes, CHANNEL_AXES)
        self._channels = chosen_channels(info, options.scene, options.channels)
        self._cut = tuple(
            self._place(axis, place, sizes[axis])
            for axis, place in ((z, options.z), ("Y", options.y), ("X", options.x))
        )
        self._front: list[Fold] = [self._fold() for _ in self._channels]
        self._edges: dict[PlaneKey, tuple[Gray, Gray]] = {}
        self.n_planes = len(self._channels) * self._n_z

    def rounds(self) -> Iterator[Iterable[Wanted]]:
        """Ask for every plane of the volume."""
        for number, channel in enumerate(self._channels):
            index = dict(self._index)
            if self._channel_axis is not None:
                index[self._channel_axis] = channel
            yield (
                wanted
                for step in range(self._n_z)
                for wanted in self._requests((number, step), index | {self._z: step})
            )

    def add(self, key: PlaneKey, plane: Gray) -> None:
        """Take a plane's share of each view."""
        channel, step = key
        z, y, x = self._cut
        if self._options.projection is not None or step == z:
            self._front[channel].add(plane)
        if self._options.projection is None:
            sizes = self._facts.sizes
            row = plane[min(y * plane.shape[0] // sizes["Y"], plane.shape[0] - 1)]
            column = plane[:, min(x * plane.shape[1] // sizes["X"], plane.shape[1] - 1)]
        else:
            reduce = np.nanmax if self._options.projection == "max" else np.nanmean
            row, column = reduce(plane, axis=0), reduce(plane, axis=1)
        self._edges[key] = (np.array(row), np.array(column))

    def result(self) -> Picture:
        """Return the picture; planes that are missing are dark lines in it."""
        if not self._edges:
            raise self.missing[-1]
        plane_shape = next((len(column), len(row)) for row, column in self._edges.values())
        height, width, depth = self._shown_sizes(plane_shape[1])
        picture = np.zeros((height + GAP + depth, width + GAP + depth, 3), np.uint8)
        shown = range(len(self._channels))
        xy = [self._front_view(n, plane_shape) for n in shown]
        xz = [self._side(n, 0, plane_shape[1]) for n in shown]
        yz = [self._side(n, 1, plane_shape[0]).T for n in shown]
        # Alike in all three views: a place is as bright in each.
        ranges = [
            limits(views, self._options.percentiles) for views in zip(xy, xz, yz, strict=True)
        ]
        colors = [
            channel_color(self._facts.channels[channel], channel, len(self._channels))
            for channel in self._channels
        ]
        picture[:height, :width] = composite(xy, colors, (height, width), ranges)
        picture[height + GAP :, :width] = composite(xz, colors, (depth, width), ranges)
        picture[:height, width + GAP :] = composite(yz, colors, (height, depth), ranges)
        return picture

    def _front_view(self, channel: int, plane_shape: tuple[int, int]) -> Gray:
        fold = self._front[channel]
        return fold.result() if fold.n_planes else np.full(plane_shape, np.nan, np.float32)

    def _side(self, channel: int, side: int, length: int) -> Gray:
        """Return rows (0) or columns (1) of all planes, (z, length)."""
        dark = np.full(length, np.nan, np.float32)
        lines = [
            self._edges[channel, step][side] if (channel, step) in self._edges else dark
            for step in range(self._n_z)
        ]
        return np.stack(lines)

    def _shown_sizes(self, width: int) -> tuple[int, int, int]:
        """Return height, width and depth of the views, by the size of a voxel.

        Where the file doesn't say it, a plane is taken to be as thick as a pixel is wide.
        """
        sizes, um = self._facts.sizes, self._facts.pixel_size_um
        x_um, y_um = um.get("x") or 1.0, um.get("y") or um.get("x") or 1.0
        z_um = um.get("z") or x_um
        if um.get("x") is None:
            x_um = y_um = z_um = 1.0
        scale = width / (sizes["X"] * x_um)
        rows = max(1, round(sizes["Y"] * y_um * scale))
        return rows, width, max(1, round(self._n_z * z_um * scale))

    def _fold(self) -> Fold:
        return Only() if self._options.projection is None else fold_of(self._options.projection)

    def _place(self, axis: str, place: int | None, length: int) -> int:
        if place is None:
            return length // 2
        if not 0 <= place < length:
            raise OutOfRangeError.of(
                self._info.path, f"no {axis}={place} to cut at: {axis} has length {length}"
            )
        return place
