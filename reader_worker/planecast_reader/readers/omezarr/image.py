"""One image of OME-Zarr: its levels, what they are called, and planes of them."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import zarr
from zarr.core.buffer.cpu import NDBuffer

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotYetWrittenError,
    OutOfRangeError,
    UnsupportedFormatError,
)
from planecast_protocol.images import LevelInfo, SceneInfo
from planecast_reader.reader import Allocate, Pixels, allocate_in_memory
from planecast_reader.readers.indexing import PIXEL_AXES, check_plane_bytes, full_index
from planecast_reader.readers.omezarr.arrays import ArrayLayout, array_layout
from planecast_reader.readers.omezarr.axes import (
    axis_letters,
    channel_infos,
    in_seconds,
    in_um,
    scale_of,
    unnamed_letters,
)
from planecast_reader.readers.omezarr.chunks import has_any_chunk
from planecast_reader.readers.omezarr.nodes import Node
from planecast_reader.readers.omezarr.raw import read_raw

_AXES_WITHOUT_NAMES = ("t", "c", "z", "y", "x")
"""Of OME-Zarr before 0.3, which has all five."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What the attributes say of an image."""

    axes: list[dict[str, Any]] = field(default_factory=list)
    scale: list[float] | None = None
    omero: Any = None
    squid: dict[str, Any] = field(default_factory=dict)


class ZarrImage:
    """A multiscale image, or a plain array as an image of one level."""

    def __init__(self, name: str, node: Node, well: str | None = None) -> None:
        self.name = name
        self.node = node
        self.well = well
        self._open: dict[int, zarr.Array[Any]] = {}

    @cached_property
    def _multiscale(self) -> dict[str, Any] | None:
        found = self.node.ome.get("multiscales")
        if self.node.array is not None or not isinstance(found, list) or not found:
            return None
        return found[0] if isinstance(found[0], dict) else None

    @cached_property
    def levels(self) -> list[ArrayLayout]:
        """The arrays, full resolution first."""
        if self._multiscale is None:
            return [array_layout(self.node)]
        layouts: list[ArrayLayout] = []
        for dataset in self._datasets:
            child = self.node.child(dataset.get("path"))
            if child is None or child.array is None:
                if not layouts:
                    raise NotYetWrittenError.of(
                        self.node.path, f"its array {dataset.get('path')!r} is not there yet"
                    )
                continue
            layouts.append(array_layout(child))
            if len(layouts[-1].shape) != len(layouts[0].shape):
                raise CorruptFileError.of(self.node.path, "has levels of different axes")
        return layouts

    @property
    def _datasets(self) -> list[dict[str, Any]]:
        found = (self._multiscale or {}).get("datasets")
        datasets = (
            [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        )
        if not datasets:
            raise CorruptFileError.of(self.node.path, "its multiscales name no array")
        return datasets

    @cached_property
    def labels(self) -> Labels:
        """Axes, scale and channels, as far as the attributes have them."""
        squid = self.node.attributes.get("_squid")
        squid = squid if isinstance(squid, dict) else {}
        multiscale = self._multiscale
        if multiscale is None:
            return Labels(axes=self._axes_of_array(), squid=squid)
        axes = multiscale.get("axes")
        if axes is None and len(self.levels[0].shape) == len(_AXES_WITHOUT_NAMES):
            axes = list(_AXES_WITHOUT_NAMES)
        named = [one if isinstance(one, dict) else {"name": one} for one in axes or []]
        return Labels(
            axes=named,
            scale=scale_of(
                self._datasets[0].get("coordinateTransformations"),
                multiscale.get("coordinateTransformations"),
            ),
            omero=self.node.ome.get("omero"),
            squid=squid,
        )

    def _axes_of_array(self) -> list[dict[str, Any]]:
        """Return the axes of an array that is an image by itself.

        Some writers describe it as an image that has one array, at the path "." in itself.
        """
        layout = self.levels[0]
        if layout.names is not None:
            return [{"name": name} for name in layout.names]
        scales = self.node.ome.get("multiscales")
        first = scales[0] if isinstance(scales, list) and scales else None
        axes = first.get("axes") if isinstance(first, dict) else None
        fits = isinstance(axes, list) and len(axes) == len(layout.shape)
        return [one for one in axes or [] if isinstance(one, dict)] if fits else []

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """The axes in the array's order."""
        shape, axes = self.levels[0].shape, self.labels.axes
        if len(shape) < 2:
            raise UnsupportedFormatError.of(self.node.path, "has one axis; a plane has two")
        if not axes and self._multiscale is None:
            return unnamed_letters(len(shape))
        if len(axes) != len(shape):
            raise CorruptFileError.of(
                self.node.path, f"names {len(axes)} axes, its array has {len(shape)}"
            )
        try:
            return axis_letters([str(axis.get("name")) for axis in axes], shape)
        except ValueError as error:
            raise UnsupportedFormatError.of(self.node.path, str(error)) from None

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Axis to length at full resolution, in the file's order but Y, X and S last."""
        return self._sizes_of(self.levels[0])

    def _sizes_of(self, layout: ArrayLayout) -> dict[str, int]:
        sizes = dict(zip(self.letters, layout.shape, strict=True))
        outer = {axis: size for axis, size in sizes.items() if axis not in PIXEL_AXES}
        return outer | {axis: sizes[axis] for axis in "YXS" if axis in sizes}

    @cached_property
    def scene(self) -> SceneInfo:
        """Describe the image."""
        full = self.sizes
        return SceneInfo(
            name=self.name,
            sizes=dict(full),
            dtype=self.levels[0].dtype.str,
            channels=channel_infos(self.labels.omero, full.get("C", 1)),
            pixel_size_um={axis.lower(): self._step(axis, in_um) for axis in "XYZ"},
            levels=[
                LevelInfo(
                    width=sizes["X"], height=sizes["Y"], downsampling=full["X"] / max(sizes["X"], 1)
                )
                for sizes in map(self._sizes_of, self.levels)
            ],
        )

    @property
    def time_interval_s(self) -> float | None:
        """Distance of two time points, where there are two."""
        return self._step("T", in_seconds) if self.sizes.get("T", 1) > 1 else None

    def _step(self, axis: str, convert: Any) -> float | None:
        """Return the distance of two pixels on an axis, where its unit is known."""
        scale, axes = self.labels.scale, self.labels.axes
        if axis not in self.letters or scale is None or len(scale) != len(axes):
            return None
        number = self.letters.index(axis)
        step: float | None = convert(scale[number], axes[number].get("unit"))
        return step

    def close(self) -> None:
        """Let go of the arrays."""
        self._open.clear()

    # ------------------------------------------------------------ pixels

    def read(
        self,
        level: int,
        index: Mapping[str, int],
        rectangle: tuple[int, int, int, int] | None,
        allocate: Allocate,
    ) -> Pixels:
        """Read a plane of a level, or the part that shows `rectangle` of full resolution."""
        if not 0 <= level < len(self.levels):
            raise OutOfRangeError.of(
                self.node.path, f"has no level {level}, only {len(self.levels)}"
            )
        layout = self.levels[level]
        chosen = full_index(self.node.path, self.sizes, index)
        sizes = self._sizes_of(layout)
        window = self._window(sizes, rectangle)
        spans: list[tuple[int, int]] = []
        for axis in self.letters:
            if axis in window:
                spans.append(window[axis])
            else:
                # A pyramid may be coarser in z too.
                at = chosen[axis] * sizes[axis] // max(self.sizes[axis], 1)
                spans.append((at, at + 1))
        shape = tuple(stop - first for first, stop in (window[a] for a in "YXS" if a in window))
        check_plane_bytes(self.node.path, int(np.prod(shape, dtype=object)) * layout.dtype.itemsize)
        self._check_written(layout, tuple(spans), chosen)
        return self._fill(level, spans, shape, allocate)

    def _window(
        self, sizes: Mapping[str, int], rectangle: tuple[int, int, int, int] | None
    ) -> dict[str, tuple[int, int]]:
        window = {axis: (0, sizes[axis]) for axis in "YXS" if axis in sizes}
        if rectangle is not None:
            x, y, width, height = rectangle
            for axis, start, length in (("Y", y, height), ("X", x, width)):
                down = self.sizes[axis] / max(sizes[axis], 1)
                first = min(max(round(start / down), 0), sizes[axis])
                stop = min(max(round((start + length) / down), first + 1), sizes[axis])
                if first >= stop or length <= 0:
                    raise OutOfRangeError.of(
                        self.node.path, f"region {rectangle} is outside of the plane"
                    )
                window[axis] = (first, stop)
        if any(stop <= first for first, stop in window.values()):
            raise NoDataError.of(self.node.path, "its planes have no pixels")
        return window

    def _check_written(
        self, layout: ArrayLayout, spans: tuple[tuple[int, int], ...], index: Mapping[str, int]
    ) -> None:
        if has_any_chunk(layout, spans):
            return
        where = ", ".join(f"{axis}={value}" for axis, value in index.items()) or "the only one"
        if self._is_running:
            raise NotYetWrittenError.of(layout.path, f"plane {where} has no chunk on disk yet")
        raise NoDataError.of(
            layout.path,
            f"plane {where} has no chunk on disk: not written, or nothing but the fill value",
        )

    def _fill(
        self,
        level: int,
        spans: list[tuple[int, int]],
        shape: tuple[int, ...],
        allocate: Allocate,
    ) -> Pixels:
        array = self._array(level)
        selection = tuple(
            slice(*span) if axis in PIXEL_AXES else span[0]
            for axis, span in zip(self.letters, spans, strict=True)
        )
        stored = [axis for axis in self.letters if axis in PIXEL_AXES]
        order = [stored.index(axis) for axis in "YXS" if axis in stored]
        out = allocate(shape, self.levels[level].dtype)
        if order == sorted(order):
            row_axis = self.letters.index("Y")
            if not read_raw(self.levels[level], spans, row_axis, out):
                self._decode(array, selection, out)
            return out
        stored_shape = tuple(shape[order.index(number)] for number in range(len(order)))
        turned = allocate_in_memory(stored_shape, out.dtype)
        self._decode(array, selection, turned)
        np.copyto(out, turned.transpose(order))
        return out

    def _decode(self, array: "zarr.Array[Any]", selection: Any, out: Pixels) -> None:
        """Have zarr put the selected chunks into `out`."""
        try:
            array.get_basic_selection(selection, out=NDBuffer.from_numpy_array(out))
        except (RuntimeError, ValueError, zlib.error) as error:
            kind = NotYetWrittenError if self._is_running else CorruptFileError
            raise kind.of(self.node.path, f"a chunk can't be decoded: {error}") from error

    @property
    def _is_running(self) -> bool:
        """Whether the writer, Squid, says that it isn't done."""
        return self.labels.squid.get("acquisition_complete") is False

    def _array(self, level: int) -> "zarr.Array[Any]":
        if level not in self._open:
            layout = self.levels[level]
            try:
                self._open[level] = zarr.open_array(
                    str(layout.path), mode="r", zarr_format=3 if layout.zarr_format == 3 else 2
                )
            except ValueError as error:
                # Codecs that are not installed, and values in the document that zarr refuses.
                raise UnsupportedFormatError.of(layout.path, str(error)) from None
        return self._open[level]
