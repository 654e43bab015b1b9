"""The growing index of registered planes, in columns: no Python object per plane.

A plane takes about 20 to 30 bytes of numbers, 5 of look-up and 5 of its compressed path.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from planecast_agent.subscriber.cell_table import CellTable, Ints
from planecast_agent.subscriber.known_planes import KnownPlanes, Position
from planecast_agent.subscriber.news import PlaneRows
from planecast_agent.subscriber.odd_indices import OddIndices
from planecast_agent.subscriber.path_table import PathTable
from planecast_agent.subscriber.row_store import RowStore
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.columns import INTEGER_COLUMNS
from planecast_protocol.planes import PlaneSource

MAX_CELLS = 2**62
REGISTERED_AT = len(INTEGER_COLUMNS)
"""The column behind the integers."""
RECENT_ROWS = 1 << 16
"""How far back a locked axis is searched for its newest plane."""


class RegisteredPlanes(KnownPlanes):
    """What a live acquisition has registered so far."""

    def __init__(self, n_fovs: int, n_z: int, n_channels: int) -> None:
        self.n_fovs, self.n_z, self.n_channels = n_fovs, n_z, n_channels
        self.refused = 0
        """Planes whose index is outside of what the acquisition announced."""
        self._per_t = n_fovs * n_z * n_channels
        self._rows = RowStore()
        self._paths = PathTable()
        self._odd = OddIndices()
        self._row_of = CellTable(empty=-1)
        self._channels_of = CellTable(empty=0, dtype=np.uint16)
        """Position (a cell / n_channels) to number of its channels that are registered."""
        self._revision_of = CellTable(empty=0)
        """Only planes that were registered again are in here."""
        self._n_planes = 0
        self._per_fov = np.zeros(n_fovs, dtype=np.int64)
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
        known = self._row_of.get_many(cells) >= 0
        repeats = _count_repeats(cells)
        self._revise(cells, repeats + known)
        first = self._rows.n
        self._rows.append(rows)
        self._paths.extend(rows.joined_paths, len(rows), rows.packed_paths)
        self._odd.update({first + row: index for row, index in rows.odd_indices.items()})
        self._row_of.set_many(cells, np.arange(first, self._rows.n, dtype=np.int32))
        self._count(cells, new=~known & (repeats == 0), first=first)
        return rows.integers[:4]

    def _revise(self, cells: Ints, increments: npt.NDArray[np.int32]) -> None:
        again = np.flatnonzero(increments)
        if len(again):
            revisions = self._revision_of.get_many(cells[again]) + increments[again]
            self._revision_of.set_many(cells[again], revisions)

    def _count(self, cells: Ints, new: npt.NDArray[np.bool_], first: int) -> None:
        positions = cells // self.n_channels
        touched, counts = _tally(positions[new])
        if len(touched):
            sums = self._channels_of.get_many(touched) + counts.astype(np.int32)
            self._channels_of.set_many(touched, sums.astype(np.int32))
        self._n_planes += int(new.sum())
        fovs = positions[new] // self.n_z % self.n_fovs
        self._per_fov += np.bincount(fovs, minlength=self.n_fovs)
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
        paths = rows.paths
        places = {int(old): new for new, old in enumerate(kept)}
        return PlaneRows(
            integers=rows.integers[:, kept],
            registered_at=rows.registered_at[kept],
            sizes=rows.sizes[kept],
            mtimes=rows.mtimes[kept],
            joined_paths="\0".join(paths[row] for row in kept),
            odd_indices={places[r]: odd for r, odd in rows.odd_indices.items() if r in places},
        )

    def _cells(self, integers: npt.NDArray[np.int32]) -> Ints:
        t, fov, z, channel = integers[:4].astype(np.int64)
        cells: Ints = ((t * self.n_fovs + fov) * self.n_z + z) * self.n_channels + channel
        return cells

    def _cell(self, index: PlaneIndex) -> int | None:
        if index.fov >= self.n_fovs or index.z >= self.n_z or index.channel >= self.n_channels:
            return None
        cell = ((index.t * self.n_fovs + index.fov) * self.n_z + index.z) * self.n_channels
        return cell + index.channel

    def _row(self, index: PlaneIndex) -> int:
        cell = self._cell(index)
        return -1 if cell is None else self._row_of.get(cell)

    def _position(self, row: int) -> Position:
        value = self._rows.value
        return Position(value(row, 0), value(row, 1), value(row, 2))

    # ------------------------------------------------------------ rows

    @property
    def n_rows(self) -> int:
        """Registrations so far; a plane that was registered again has several."""
        return self._rows.n

    def index_in(self, row: int) -> PlaneIndex:
        """Return the plane that the n-th registration was of."""
        return PlaneIndex(*self._rows.row(row).integers[:4])

    def source_in(self, row: int) -> PlaneSource:
        """Return what the n-th registration said."""
        found = self._rows.row(row)
        scene, page, *axes = found.integers[4:]
        given = {letter: value for letter, value in zip("TZC", axes, strict=True) if value >= 0}
        odd = self._odd.get(row)
        return PlaneSource(
            path=self._paths[row],
            scene=scene,
            index=given if odd is None else odd,
            page=page if page >= 0 else None,
            size_bytes=found.size_bytes if found.size_bytes >= 0 else None,
            mtime_ns=found.mtime_ns if found.mtime_ns >= 0 else None,
        )

    def registered_at_in(self, row: int) -> float:
        """Return when the n-th registration was made, in s since 1970."""
        at: float = self._rows.value(row, REGISTERED_AT)
        return at

    def columns(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the newest registration of each plane, in the order they came.

        int32 `t`, `fov`, `z`, `channel`; float64 `registered_at` in s since 1970.
        """
        axes = self._rows.axes(0, self._rows.n)
        rows = np.arange(self._rows.n, dtype=np.int32)
        newest = self._row_of.get_many(self._cells(axes)) == rows
        times = self._rows.column(REGISTERED_AT, 0, self._rows.n)
        found = dict(zip(("t", "fov", "z", "channel"), axes[:, newest], strict=True))
        return {**found, "registered_at": times[newest]}

    def n_bytes(self) -> int:
        """Return the memory of all columns, look-ups and paths."""
        tables = (self._row_of, self._channels_of, self._revision_of)
        parts = (self._rows, self._paths, self._odd, *tables)
        return sum(part.n_bytes() for part in parts)

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
        return self._position(self._rows.n - 1) if self._rows.n else None

    def has(self, index: PlaneIndex) -> bool:
        """See `KnownPlanes`."""
        return self._row(index) >= 0

    def revision(self, index: PlaneIndex) -> int:
        """See `KnownPlanes`."""
        cell = self._cell(index)
        return 0 if cell is None else self._revision_of.get(cell)

    def registered_at(self, index: PlaneIndex) -> float | None:
        """See `KnownPlanes`."""
        row = self._row(index)
        return self.registered_at_in(row) if row >= 0 else None

    def planes_per_fov(self) -> npt.NDArray[np.int64]:
        """See `KnownPlanes`."""
        return self._per_fov.copy()

    def source(self, index: PlaneIndex) -> PlaneSource:
        """See `KnownPlanes`."""
        row = self._row(index)
        if row < 0:
            raise KeyError(index)
        return self.source_in(row)

    def follow_target(self, locked: Mapping[str, int]) -> Position | None:
        """See `KnownPlanes`."""
        if locked:
            return self._newest_with(locked)
        newest_row = self._rows.n - 1
        if self._complete_row >= newest_row - 4 * self.n_channels and self._complete_row >= 0:
            return self._position(self._complete_row)
        row = self._left_row if self._left_row >= 0 else newest_row
        return self._position(row) if row >= 0 else None

    def _newest_with(self, locked: Mapping[str, int]) -> Position | None:
        first = max(0, self._rows.n - RECENT_ROWS)
        recent = self._rows.axes(first, self._rows.n)
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


def _count_repeats(cells: Ints) -> npt.NDArray[np.int32]:
    """Return how often each cell occurred before, among these."""
    repeats = np.zeros(len(cells), dtype=np.int32)
    if (cells[1:] > cells[:-1]).all():
        return repeats
    order = np.argsort(cells, kind="stable")
    same = cells[order][1:] == cells[order][:-1]
    for repeat in np.flatnonzero(same):
        repeats[order[repeat + 1]] = repeats[order[repeat]] + 1
    return repeats


def _tally(numbers: Ints) -> tuple[Ints, npt.NDArray[np.int64]]:
    """Return (the numbers without repeats, how often each occurs)."""
    if (numbers[1:] < numbers[:-1]).any():
        return np.unique(numbers, return_counts=True)
    starts = np.append(0, np.flatnonzero(np.diff(numbers)) + 1)[: len(numbers)]
    return numbers[starts], np.diff(starts, append=len(numbers))
