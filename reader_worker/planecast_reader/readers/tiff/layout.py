"""How the planes of a TIFF series lie in its pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import tifffile

from planecast_reader.readers.indexing import PIXEL_AXES


@dataclass(frozen=True)
class SeriesLayout:
    """Axes of a series: those over its pages, and those within one page."""

    outer: tuple[str, ...]
    """Axes over the pages, slowest first."""
    inner: tuple[str, ...]
    """Axes of one page as it is decoded; has Y and X, and maybe Z, C or S."""
    sizes: dict[str, int]
    """Axis to length, Y, X and S last."""
    dtype: "np.dtype[np.generic]"
    """In native byte order."""

    @cached_property
    def plane_shape(self) -> tuple[int, ...]:
        """Shape of one plane, (y, x) or (y, x, samples)."""
        return tuple(self.sizes[axis] for axis in "YXS" if axis in self.sizes)

    def page_number(self, index: Mapping[str, int]) -> int:
        """Return which page of the series holds the plane at the full `index`."""
        number = 0
        for axis in self.outer:
            number = number * self.sizes[axis] + index[axis]
        return number

    @cached_property
    def n_pages(self) -> int:
        """Number of pages that the series should have."""
        count = 1
        for axis in self.outer:
            count *= self.sizes[axis]
        return count

    @cached_property
    def page_is_plane(self) -> bool:
        """Whether a decoded page is the plane, with nothing to pick or to turn."""
        return self.inner in {("Y", "X"), ("Y", "X", "S")}

    def plane_of(self, page: npt.NDArray[np.generic], index: Mapping[str, int]) -> np.ndarray:
        """Return a view of `page`, axes `inner`, that is the plane at the full `index`."""
        picked = page[
            tuple(slice(None) if axis in PIXEL_AXES else index[axis] for axis in self.inner)
        ]
        left = [axis for axis in self.inner if axis in PIXEL_AXES]
        return picked.transpose([left.index(axis) for axis in "YXS" if axis in left])


def series_layout(series: tifffile.TiffPageSeries) -> SeriesLayout:
    """Describe `series`. Raises `ValueError` if its planes are not (y, x) pages."""
    axes = _unique(series.axes)
    page_shape = series.keyframe.shape
    n_inner = len(page_shape)
    if tuple(series.shape[len(axes) - n_inner :]) != tuple(page_shape):
        raise ValueError(
            f"its series {series.shape} {series.axes} does not end in its pages {page_shape}"
        )
    lengths = dict(zip(axes, (int(length) for length in series.shape), strict=True))
    if not {"Y", "X"} <= lengths.keys():
        raise ValueError(f"its axes are {series.axes}, without Y or X")
    order = [axis for axis in axes if axis not in PIXEL_AXES] + [a for a in "YXS" if a in lengths]
    return SeriesLayout(
        outer=axes[: len(axes) - n_inner],
        inner=axes[len(axes) - n_inner :],
        sizes={axis: lengths[axis] for axis in order},
        dtype=np.dtype(series.dtype).newbyteorder("="),
    )


def _unique(axes: str) -> tuple[str, ...]:
    """Return axis names, the second Q as Q2: tifffile repeats its letter for unknown axes."""
    names: list[str] = []
    for axis in axes:
        n_before = sum(name[0] == axis for name in names)
        names.append(axis if n_before == 0 else f"{axis}{n_before + 1}")
    return tuple(names)
