"""A file's planetable as columns of numbers, and which plane each row stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_agent.subscriber.known_planes import Position

AXES = {"S": "fov", "T": "t", "Z": "z", "C": "channel"}
"""Columns that name the plane, and our words for them."""
X_COLUMN, Y_COLUMN = "X[micron]", "Y[micron]"


def title_of(column: str) -> str:
    """Return a column's name with its unit as people write it."""
    return column.replace("[micron]", " [µm]").replace("[s]", " [s]")


@dataclass(frozen=True)
class PlaneTable:
    """Immutable, so that it may be made in any thread."""

    columns: dict[str, npt.NDArray[np.float64]]
    """Numbers by name; NaN where the file says none. Columns without any number are left out."""
    planes: npt.NDArray[np.int64]
    """fov, t, z, channel of each row, from 0; shape (4, n)."""

    @classmethod
    def of(cls, table: Mapping[str, Sequence[Any]]) -> "PlaneTable":
        """Take the columns as the reader sends them."""
        columns = {name: _numbers(values) for name, values in table.items()}
        n_rows = max((len(values) for values in columns.values()), default=0)
        planes = np.zeros((len(AXES), n_rows), dtype=np.int64)
        for row, axis in enumerate(AXES):
            if axis in columns:
                planes[row] = _from_zero(columns[axis])
        told = {name: values for name, values in columns.items() if np.isfinite(values).any()}
        return cls(told, planes)

    @property
    def n_rows(self) -> int:
        """Return the number of rows."""
        return int(self.planes.shape[1])

    def position(self, row: int) -> tuple[Position, int]:
        """Return the position and the channel of a row's plane."""
        fov, t, z, channel = (int(value) for value in self.planes[:, row])
        return Position(t, fov, z), channel

    def rows_at(self, position: Position) -> npt.NDArray[np.intp]:
        """Return the rows of a position, the first channel first."""
        wanted = np.array([[position.fov], [position.t], [position.z]])
        rows = np.flatnonzero((self.planes[:3] == wanted).all(axis=0))
        return rows[np.argsort(self.planes[3, rows], kind="stable")]

    def fov_positions_um(self, n_fovs: int) -> npt.NDArray[np.float64] | None:
        """Return x and y of the middle of each fov's rows, shape (n, 2); `None`: not told."""
        x, y = self.columns.get(X_COLUMN), self.columns.get(Y_COLUMN)
        if x is None or y is None:
            return None
        known = np.isfinite(x) & np.isfinite(y) & (self.planes[0] < n_fovs)
        fovs = self.planes[0, known]
        counts = np.bincount(fovs, minlength=n_fovs)
        with np.errstate(invalid="ignore", divide="ignore"):
            sums = [np.bincount(fovs, weights=v[known], minlength=n_fovs) for v in (x, y)]
            return np.stack(sums, axis=1) / counts[:, None]


def _numbers(values: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Return a column as numbers; what is none becomes NaN."""
    try:
        return np.array(values, dtype=np.float64)  # None becomes NaN
    except (TypeError, ValueError):
        return np.full(len(values), np.nan)


def _from_zero(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the place of each value among those that occur: files may count from elsewhere."""
    known = values[np.isfinite(values)]
    first = known.min() if len(known) else 0.0
    filled = np.where(np.isfinite(values), values, first)
    return np.unique(filled, return_inverse=True)[1].reshape(-1).astype(np.int64)
