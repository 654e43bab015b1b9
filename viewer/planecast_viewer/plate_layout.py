"""Where the fovs of an acquisition lie: on a plate, by their labels, on a stage, or in rows."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

PLATES: tuple[tuple[int, int], ...] = ((2, 3), (3, 4), (4, 6), (6, 8), (8, 12), (16, 24), (32, 48))
"""(rows, columns) of plates with 6, 12, 24, 48, 96, 384 and 1536 wells."""
WELL_FILL = 0.86
"""Of a well's place, how much its fovs take."""
FOV_FILL = 0.92

_WELL = re.compile(r"([A-Za-z]{1,2})0*([1-9]\d?)")
# `A1:any`, `A1_4`, `A1 site 3`; but not `v2_cells.zarr`, which is a file.
_LABEL = re.compile(rf"{_WELL.pattern}(?::(.*)|[_\- ]+(?:[A-Za-z]+[_\- ]?)?\d+)?")


class Well(NamedTuple):
    """A place on a plate, from 0."""

    row: int
    column: int

    @property
    def name(self) -> str:
        """Return `A1`."""
        return f"{row_name(self.row)}{self.column + 1}"


@dataclass(frozen=True)
class FovLayout:
    """Rectangles of all fovs, in units of one well, one grid place, or one µm."""

    kind: Literal["plate", "stage", "grid"]
    rectangles: npt.NDArray[np.float64]
    """x, y, width, height of each fov; shape (n, 4)."""
    width: float
    height: float
    rows: int = 0
    columns: int = 0
    """Of the plate."""

    @property
    def n_fovs(self) -> int:
        """Return how many fovs there are."""
        return len(self.rectangles)


def layout_of(
    labels: Sequence[str], positions_um: npt.NDArray[np.float64] | None = None
) -> FovLayout:
    """Lay fovs out as a plate if all labels name wells, else as on the stage, else in rows.

    `positions_um` has x and y of each fov's middle, shape (n, 2); NaN where it is not known.
    """
    wells = wells_of(labels)
    known = [well for well in wells if well is not None]
    if known and len(known) == len(wells) and _plate_of(known) is not None:
        return _plate(known)
    if positions_um is not None and len(positions_um) == len(labels) and len(labels) > 1:
        stage = _stage(positions_um)
        if stage is not None:
            return stage
    return _grid(len(labels))


def wells_of(labels: Sequence[str]) -> list[Well | None]:
    """Return the well of each label; those of one well are understood once."""
    names = [label.partition(":")[0] for label in labels]
    by_name = {name: well_of(name) for name in dict.fromkeys(names)}
    return [by_name[name] for name in names]


def well_of(label: str) -> Well | None:
    """Return the well in `A1:0`, `B03` or `AA12_4`; `None` if there is none."""
    found = _LABEL.fullmatch(label.strip())
    if found is None:
        return None
    row = row_number(found[1])
    well = Well(row, int(found[2]) - 1)
    return well if well.row < PLATES[-1][0] and well.column < PLATES[-1][1] else None


def row_name(row: int) -> str:
    """Return `A` for 0, `Z` for 25, `AA` for 26."""
    return chr(65 + row) if row < 26 else chr(64 + row // 26) + chr(65 + row % 26)


def row_number(name: str) -> int:
    """Return 0 for `A`, 26 for `AA`."""
    number = 0
    for letter in name.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def _plate_of(wells: Sequence[Well]) -> tuple[int, int] | None:
    """Return rows and columns of the smallest plate that has these wells."""
    n_rows = max(well.row for well in wells) + 1
    n_columns = max(well.column for well in wells) + 1
    return next((p for p in PLATES if p[0] >= n_rows and p[1] >= n_columns), None)


def _plate(wells: Sequence[Well]) -> FovLayout:
    plate = _plate_of(wells)
    assert plate is not None
    places = np.array(wells, dtype=np.int64)
    codes = places[:, 0] * PLATES[-1][1] + places[:, 1]
    _codes, group, counts = np.unique(codes, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    number = np.empty(len(wells), dtype=np.int64)
    # The how many-th of its well each fov is.
    number[order] = np.arange(len(wells)) - (np.cumsum(counts) - counts)[group[order]]
    rectangles = _places(number, counts[group]) * WELL_FILL
    rectangles[:, :2] += places[:, ::-1] + (1 - WELL_FILL) / 2
    rows, columns = plate
    return FovLayout("plate", rectangles, columns, rows, rows=rows, columns=columns)


def _stage(positions_um: npt.NDArray[np.float64]) -> FovLayout | None:
    """Lay out by position, each as large as its nearest neighbour lets it be."""
    if not np.isfinite(positions_um).all() or (np.ptp(positions_um, axis=0) == 0).all():
        return None
    side = _spacing(positions_um) * FOV_FILL
    corner = positions_um.min(axis=0) - side / 2
    extent = np.ptp(positions_um, axis=0) + side
    rectangles = np.empty((len(positions_um), 4))
    rectangles[:, :2] = positions_um - side / 2 - corner
    rectangles[:, 2:] = side
    return FovLayout("stage", rectangles, float(extent[0]), float(extent[1]))


def _spacing(positions: npt.NDArray[np.float64]) -> float:
    """Return the smallest step along x or y between positions; positions are not all the same."""
    steps = []
    for values in positions.T:
        apart = np.diff(np.unique(values))
        # A stage does not come back to the same place to the last digit.
        apart = apart[apart > np.ptp(positions, axis=0).max() / 1000]
        if len(apart):
            steps.append(float(apart.min()))
    return min(steps)


def _grid(n: int) -> FovLayout:
    columns = max(1, math.ceil(math.sqrt(n)))
    rows = max(1, math.ceil(n / columns))
    rectangles = _places(np.arange(n), np.full(n, n)) * columns
    return FovLayout("grid", rectangles, columns, rows)


def _places(
    number: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return x, y, width, height of the n-th of so many places in rows, in a square of side 1."""
    columns = np.ceil(np.sqrt(counts))
    side = np.where(counts > 1, FOV_FILL / columns, 1.0)
    margin = (1 / columns - side) / 2
    x, y = number % columns / columns + margin, number // columns / columns + margin
    return np.stack([x, y, side, side], axis=1)
