"""What ndv sees: one array (t, fov, z, channel, y, x) that never makes it wait."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt
from ndv.models import DataWrapper

from planecast_protocol.planes import PlaneStatistics
from planecast_viewer.facts import Facts
from planecast_viewer.frame import Frame, FramePlane

DIMS = ("t", "fov", "z", "channel", "y", "x")
CHANNEL = DIMS.index("channel")
EMPTY: npt.NDArray[np.uint16] = np.empty((0,) * 6, dtype=np.uint16)
"""ndv keeps its picture when it gets this."""


class PlaneStack:
    """The planes of a frame as ndv slices them: channel by channel, each of its own dtype and size.

    One array of all channels would copy every plane, and force one dtype and size on all.
    ndv needs no more of it than is here (`ndv.models._resolve.process_request`).
    """

    ndim = len(DIMS)

    def __init__(self, planes: Sequence[npt.NDArray[Any]]) -> None:
        self._planes = planes
        self.shape = (1, 1, 1, len(planes), *planes[0].shape)
        self.size = sum(plane.size for plane in planes)

    def __getitem__(self, key: tuple[slice | int | None, ...]) -> OnePlane:
        channel = key[CHANNEL]
        assert isinstance(channel, int)
        return OnePlane(self._planes[channel])


class OnePlane:
    """One channel of a `PlaneStack`: keeps its own shape through ndv's transpose and reshape."""

    def __init__(self, plane: npt.NDArray[Any]) -> None:
        self._plane = plane

    def transpose(self, *_axes: int) -> OnePlane:
        """Return itself: its axes are y, x already."""
        return self

    def reshape(self, _shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return the plane, shape (y, x), whatever size another channel has."""
        return self._plane


class FrameWrapper(DataWrapper[Any]):
    """Gives ndv the frame that was set last. GUI thread only.

    t, fov and z have one value for ndv: our own sliders choose the frame, so that a new plane
    costs no look at all coordinates, and the number of time points costs nothing.
    """

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._facts: Facts | None = None
        self._size = (1, 1)
        self._dtype: np.dtype[Any] = np.dtype(np.uint16)
        self._n_channels = 1
        super().__init__(self)

    @classmethod
    def supports(cls, obj: object) -> TypeGuard[Any]:
        """Only ever passed to ndv as a wrapper."""
        return isinstance(obj, cls)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the planes that are shown, or will be."""
        return self._size

    # ------------------------------------------------------------ what we tell it

    def set_facts(self, facts: Facts | None) -> None:
        """Take the shape of another acquisition; no frame is set any more."""
        self._facts, self._frame = facts, None
        if facts is not None:
            # ndv counts the values of the channel axis to see whether RGB is possible.
            self._n_channels = 3 if facts.rgb else len(facts.channels)
            self._size = (max(1, facts.height), max(1, facts.width))
            self._dtype = np.dtype(facts.dtype or np.uint16)
        self.dims_changed.emit()

    def set_frame(self, frame: Frame) -> None:
        """Show this frame; its planes go to the canvas before this returns."""
        self._frame = frame
        first = next((plane.pixels for plane in frame.planes if plane is not None), None)
        if first is not None:
            kind = (first.shape[:2], first.dtype)
            if kind != (self._size, self._dtype):
                self._size, self._dtype = (first.shape[0], first.shape[1]), first.dtype
                self.dims_changed.emit()
        self.data_changed.emit()

    def statistics_of(self, pixels: npt.NDArray[Any]) -> PlaneStatistics | None:
        """Return the worker's statistics of a plane of the frame."""
        planes = () if self._frame is None else self._frame.planes
        for plane in planes:
            if plane is not None and plane.pixels is pixels:
                return plane.statistics
        return None

    def shown_planes(self) -> tuple[FramePlane | None, ...]:
        """Return the planes of the frame, by channel."""
        return () if self._frame is None else self._frame.planes

    def values_at(self, x: int, y: int) -> list[tuple[str, str]]:
        """Return (name, value) of the visible channels that have this pixel."""
        if self._frame is None or self._facts is None:
            return []
        values = []
        for channel in self._frame.wanted:
            plane = self._frame.planes[channel]
            if plane is None:
                continue
            height, width = plane.pixels.shape[:2]
            if not (0 <= y < height and 0 <= x < width):
                continue
            parts = np.atleast_1d(plane.pixels[y, x])
            about = "~" if plane.draft else ""
            text = " ".join(f"{about}{v:g}" for v in parts)
            values.append((self._facts.channels[channel].name, text))
        return values

    # ------------------------------------------------------------ what ndv asks

    @property
    def dims(self) -> tuple[Hashable, ...]:
        """Names of the axes."""
        return DIMS

    @property
    def coords(self) -> Mapping[Hashable, Sequence[Any]]:
        """Values of the axes."""
        height, width = self._size
        lengths = (1, 1, 1, self._n_channels, height, width)
        return {dim: range(length) for dim, length in zip(DIMS, lengths, strict=True)}

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the first channel; the others may have their own."""
        return self._dtype

    def axis_scales(self) -> dict[Hashable, float]:
        """Return nothing: the world is in pixels. ndv would walk all coordinates for it."""
        return {}

    def summary_info(self) -> str:
        """Return the line above the canvas."""
        if self._facts is None:
            return ""
        height, width = self._size
        pixel = self._facts.pixel_size_um
        scale = "" if pixel is None else f"   {pixel:g} µm/px"
        return f"{width} × {height} px   {self._dtype.name}{scale}"

    def guess_channel_axis(self) -> int:
        """Return the position of the channel axis."""
        return CHANNEL

    def guess_z_axis(self) -> int:
        """Return the position of the z axis."""
        return DIMS.index("z")

    def isel(self, _index: Mapping[int, int | slice]) -> Any:
        """Return the frame as (1, 1, 1, channel, y, x), without a copy; never waits."""
        if self._frame is None or self._facts is None:
            return EMPTY
        planes = [None if plane is None else plane.pixels for plane in self._frame.planes]
        if self._facts.rgb:
            rgb = planes[0] if planes[0] is not None else self._blank((*self._size, 3))
            return np.moveaxis(rgb[..., :3], -1, 0)[None, None, None]
        visible = set(self._frame.wanted)
        return PlaneStack(
            [
                plane if plane is not None else self._nothing(channel in visible)
                for channel, plane in enumerate(planes)
            ]
        )

    def _nothing(self, visible: bool) -> npt.NDArray[Any]:
        # A hidden channel keeps its picture, unseen; one that is missing is drawn empty.
        return self._blank(self._size) if visible else np.empty((0, 0), dtype=np.uint16)

    def _blank(self, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return zeros that take no memory."""
        return np.broadcast_to(np.zeros((), dtype=self._dtype), shape)
