"""The growing index of registered planes, in columns: no Python object per plane.

A plane takes 64 bytes of numbers, 8 of look-up and about 5 of its compressed path.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_protocol.axes import PlaneIndex
from planecast_protocol.planes import AxisIndex, PlaneSource
from planecast_viewer.known_planes import KnownPlanes, Position
from planecast_viewer.news import PlaneRows
from planecast_viewer.path_table import PathTable

PAGE_BITS = 12
PAGE_CELLS = 1 << PAGE_BITS
"""A page of cells takes 16 kB, so that a controller with odd indices costs little."""
MAX_CELLS = 2**62
RECENT_ROWS = 1 << 16
"""How far back a locked axis is searched for its newest plane."""

Ints = npt.NDArray[np.int64]


class CellTable:
    """int32 values in a space of cells far larger than memory, in pages where there are any."""

    def __init__(self, empty: int) -> None:
        self._empty = empty
        self._pages: dict[int, npt.NDArray[np.int32]] = {}

    def get(self, cell: int) -> int:
        """Return the value of one cell."""
        page = self._pages.get(cell >> PAGE_BITS)
        return self._empty if page is None else int(page[cell & (PAGE_CELLS - 1)])

    def get_many(self, cells: Ints) -> npt.NDArray[np.int32]:
        """Return the values of many cells."""
        values = np.full(len(cells), self._empty, dtype=np.int32)
        for number, rows in self._by_page(cells):
            page = self._pages.get(number)
            if page is not None:
                values[rows] = page[cells[rows] & (PAGE_CELLS - 1)]
        return values

    def set_many(self, cells: Ints, values: npt.NDArray[np.int32]) -> None:
        """Set many cells; of a cell that occurs twice the last value stays."""
        for number, rows in self._by_page(cells):
            page = self._pages.get(number)
            if page is None:
                page = self._pages[number] = np.full(PAGE_CELLS, self._empty, dtype=np.int32)
            page[cells[rows] & (PAGE_CELLS - 1)] = values[rows]

    @staticmethod
    def _by_page(cells: Ints) -> list[tuple[int, npt.NDArray[np.intp] | slice]]:
        numbers = cells >> PAGE_BITS
        distinct = np.unique(numbers)
        if len(distinct) == 1:
            return [(int(distinct[0]), slice(None))]
        return [(int(number), np.flatnonzero(numbers == number)) for number in distinct]


class _Columns:
    """The rows of all events so far; arrays that double when they are full."""

    def __init__(self) -> None:
        self.n = 0
        self.integers: npt.NDArray[np.int32] = np.empty((9, 1024), dtype=np.int32)
        self.registered_at = np.empty(1024, dtype=np.float64)
        self.sizes = np.empty(1024, dtype=np.int64)
        self.mtimes = np.empty(1024, dtype=np.int64)
        self.revisions = np.empty(1024, dtype=np.int32)

    def append(self, rows: PlaneRows, revisions: npt.NDArray[np.int32]) -> None:
        end = self.n + len(rows)
        capacity = self.integers.shape[1]
        while capacity < end:
            capacity *= 2
        for name, new in (
            ("integers", rows.integers),
            ("registered_at", rows.registered_at),
            ("sizes", rows.sizes),
            ("mtimes", rows.mtimes),
            ("revisions", revisions),
        ):
            column: npt.NDArray[Any] = getattr(self, name)
            if capacity != column.shape[-1]:
                column = np.empty((*column.shape[:-1], capacity), dtype=column.dtype)
                column[..., : self.n] = getattr(self, name)[..., : self.n]
                setattr(self, name, column)
            column[..., self.n : end] = new
        self.n = end


class RegisteredPlanes(KnownPlanes):
    """What a live acquisition has registered so far."""

    def __init__(self, n_fovs: int, n_z: int, n_channels: int) -> None:
        self.n_fovs, self.n_z, self.n_channels = n_fovs, n_z, n_channels
        self.refused = 0
        """Planes whose index is outside of what the acquisition announced."""
        self._per_t = n_fovs * n_z * n_channels
        self._columns = _Columns()
        self._paths = PathTable()
        self._odd: dict[int, AxisIndex] = {}
        self._row_of = CellTable(empty=-1)
        self._channels_of = CellTable(empty=0)
        """Position (a cell / n_channels) to number of its channels that are registered."""
        self._n_planes = 0
        self._n_t = 0
        self._complete_row = -1
        """The last row that is of a position with all channels."""
        self._left_row = -1
        """The last row of another position than the newest row's."""

    def add(self, rows: PlaneRows) -> npt.NDArray[np.int32]:
        """Take more planes; return the indices of those taken, shape (4, n)."""
        rows = self._within_bounds(rows)
        if not len(rows):
            return np.empty((4, 0), dtype=np.int32)
        cells = self._cells(rows.integers)
        order = np.argsort(cells, kind="stable")
        again = np.zeros(len(cells), dtype=np.int32)
        same = cells[order][1:] == cells[order][:-1]
        for repeat in np.flatnonzero(same):
            again[order[repeat + 1]] = again[order[repeat]] + 1
        old_rows = self._row_of.get_many(cells)
        known = old_rows >= 0
        revisions = again.copy()
        revisions[known] += self._columns.revisions[old_rows[known]] + 1
        first = self._columns.n
        self._columns.append(rows, revisions)
        self._paths.extend(rows.paths)
        self._odd.update({first + row: index for row, index in rows.odd_indices.items()})
        self._row_of.set_many(cells, np.arange(first, self._columns.n, dtype=np.int32))
        self._count(cells, new=~known & (again == 0), first=first)
        return rows.integers[:4]

    def _count(self, cells: Ints, new: npt.NDArray[np.bool_], first: int) -> None:
        positions = cells // self.n_channels
        touched, counts = np.unique(positions[new], return_counts=True)
        if len(touched):
            sums = self._channels_of.get_many(touched) + counts.astype(np.int32)
            self._channels_of.set_many(touched, sums.astype(np.int32))
        self._n_planes += int(new.sum())
        self._n_t = max(self._n_t, int(positions.max() // (self.n_fovs * self.n_z)) + 1)
        complete = np.flatnonzero(self._channels_of.get_many(positions) == self.n_channels)
        if len(complete):
            self._complete_row = first + int(complete[-1])
        others = np.flatnonzero(positions != positions[-1])
        if len(others):
            self._left_row = first + int(others[-1])
        elif first and self._position(first - 1) != self._position(first):
            self._left_row = first - 1

    def _within_bounds(self, rows: PlaneRows) -> PlaneRows:
        limits = (MAX_CELLS // self._per_t, self.n_fovs, self.n_z, self.n_channels)
        index = rows.integers[:4].astype(np.int64)
        inside = ((index >= 0) & (index < np.array(limits)[:, None])).all(axis=0)
        if inside.all():
            return rows
        kept = np.flatnonzero(inside)
        self.refused += len(rows) - len(kept)
        places = {int(old): new for new, old in enumerate(kept)}
        return PlaneRows(
            integers=rows.integers[:, kept],
            registered_at=rows.registered_at[kept],
            sizes=rows.sizes[kept],
            mtimes=rows.mtimes[kept],
            paths=tuple(rows.paths[row] for row in kept),
            odd_indices={places[r]: odd for r, odd in rows.odd_indices.items() if r in places},
        )

    def _cells(self, integers: npt.NDArray[np.int32]) -> Ints:
        t, fov, z, channel = integers[:4].astype(np.int64)
        cells: Ints = ((t * self.n_fovs + fov) * self.n_z + z) * self.n_channels + channel
        return cells

    def _row(self, index: PlaneIndex) -> int:
        if index.fov >= self.n_fovs or index.z >= self.n_z or index.channel >= self.n_channels:
            return -1
        cell = ((index.t * self.n_fovs + index.fov) * self.n_z + index.z) * self.n_channels
        return self._row_of.get(cell + index.channel)

    def _position(self, row: int) -> Position:
        return Position(*(int(value) for value in self._columns.integers[:3, row]))

    # ------------------------------------------------------------ KnownPlanes

    @property
    def n_planes(self) -> int:
        """See `KnownPlanes`."""
        return self._n_planes

    @property
    def n_t(self) -> int:
        """See `KnownPlanes`."""
        return self._n_t

    @property
    def newest(self) -> Position | None:
        """See `KnownPlanes`."""
        return self._position(self._columns.n - 1) if self._columns.n else None

    def has(self, index: PlaneIndex) -> bool:
        """See `KnownPlanes`."""
        return self._row(index) >= 0

    def revision(self, index: PlaneIndex) -> int:
        """See `KnownPlanes`."""
        row = self._row(index)
        return int(self._columns.revisions[row]) if row >= 0 else 0

    def registered_at(self, index: PlaneIndex) -> float | None:
        """See `KnownPlanes`."""
        row = self._row(index)
        return float(self._columns.registered_at[row]) if row >= 0 else None

    def source(self, index: PlaneIndex) -> PlaneSource:
        """See `KnownPlanes`."""
        row = self._row(index)
        if row < 0:
            raise KeyError(index)
        columns = self._columns
        scene, page, *axes = (int(value) for value in columns.integers[4:, row])
        size, mtime = int(columns.sizes[row]), int(columns.mtimes[row])
        given = {letter: value for letter, value in zip("TZC", axes, strict=True) if value >= 0}
        return PlaneSource(
            path=self._paths[row],
            scene=scene,
            index=self._odd.get(row, given),
            page=page if page >= 0 else None,
            size_bytes=size if size >= 0 else None,
            mtime_ns=mtime if mtime >= 0 else None,
        )

    def follow_target(self, locked: Mapping[str, int]) -> Position | None:
        """See `KnownPlanes`."""
        if locked:
            return self._newest_with(locked)
        newest_row = self._columns.n - 1
        if self._complete_row >= newest_row - 4 * self.n_channels and self._complete_row >= 0:
            return self._position(self._complete_row)
        row = self._left_row if self._left_row >= 0 else newest_row
        return self._position(row) if row >= 0 else None

    def _newest_with(self, locked: Mapping[str, int]) -> Position | None:
        first = max(0, self._columns.n - RECENT_ROWS)
        recent = self._columns.integers[:4, first : self._columns.n]
        fits = np.ones(recent.shape[1], dtype=np.bool_)
        for axis, value in locked.items():
            fits &= recent[("t", "fov", "z").index(axis)] == value
        rows = np.flatnonzero(fits)
        if not len(rows):
            return None
        positions = self._cells(recent[:, rows]) // self.n_channels
        complete = np.flatnonzero(self._channels_of.get_many(positions) == self.n_channels)
        best = rows[complete[-1]] if len(complete) else rows[-1]
        return self._position(first + int(best))
