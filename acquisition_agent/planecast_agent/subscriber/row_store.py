"""The rows of all registered planes so far, in as few bytes as their columns allow."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from planecast_agent.subscriber.news import PlaneRows
from planecast_protocol.columns import INTEGER_COLUMNS

BLOCK_ROWS = 8192
N_AXES = 4
"""The first of `INTEGER_COLUMNS` are the plane's index."""

Column = npt.NDArray[Any]


class Row(NamedTuple):
    """What one event says of its plane, but for the path."""

    integers: tuple[int, ...]
    """`INTEGER_COLUMNS`; -1: not given."""
    registered_at: float
    size_bytes: int
    mtime_ns: int


class _Narrow:
    """A column that changes no more: its smallest value, and each row's distance from it.

    Most columns of an acquisition are constant over thousands of planes, and take nothing.
    """

    def __init__(self, column: Column) -> None:
        self._low = column.min()
        span = column.max().item() - self._low.item()
        self._rest: Column | None = None
        if span:
            whole = column.dtype.kind == "f" or span > np.iinfo(np.int64).max
            self._low = column.dtype.type(0) if whole else self._low
            narrow = column.dtype if whole else np.min_scalar_type(span)
            self._rest = (column - self._low).astype(narrow)

    def __getitem__(self, place: int) -> Any:
        low = self._low.item()
        return low if self._rest is None else low + self._rest[place].item()

    def expand(self, n_rows: int) -> Column:
        if self._rest is None:
            return np.full(n_rows, self._low)
        expanded: Column = self._rest.astype(self._low.dtype) + self._low
        return expanded

    def n_bytes(self) -> int:
        return 8 if self._rest is None else 8 + self._rest.nbytes


class RowStore:
    """A list of rows that only grows: narrow blocks, and a tail of plain columns."""

    def __init__(self) -> None:
        self.n = 0
        self._blocks: list[list[_Narrow]] = []
        self._tail: list[Column] = [
            *np.empty((len(INTEGER_COLUMNS), BLOCK_ROWS), dtype=np.int32),
            np.empty(BLOCK_ROWS, dtype=np.float64),
            np.empty(BLOCK_ROWS, dtype=np.int64),
            np.empty(BLOCK_ROWS, dtype=np.int64),
        ]

    def append(self, rows: PlaneRows) -> None:
        """Take more rows."""
        columns = [*rows.integers, rows.registered_at, rows.sizes, rows.mtimes]
        taken = 0
        while taken < len(rows):
            place = self.n % BLOCK_ROWS
            n_rows = min(BLOCK_ROWS - place, len(rows) - taken)
            for mine, theirs in zip(self._tail, columns, strict=True):
                mine[place : place + n_rows] = theirs[taken : taken + n_rows]
            taken += n_rows
            self.n += n_rows
            if self.n % BLOCK_ROWS == 0:
                self._blocks.append([_Narrow(column) for column in self._tail])

    def row(self, row: int) -> Row:
        """Return one row."""
        block, place = divmod(row, BLOCK_ROWS)
        if block < len(self._blocks):
            values = [column[place] for column in self._blocks[block]]
        else:
            values = [column[place].item() for column in self._tail]
        n = len(INTEGER_COLUMNS)
        return Row(tuple(values[:n]), *values[n:])

    def value(self, row: int, column: int) -> Any:
        """Return one number of a row: of `INTEGER_COLUMNS`, then registration, size and mtime."""
        block, place = divmod(row, BLOCK_ROWS)
        if block < len(self._blocks):
            return self._blocks[block][column][place]
        return self._tail[column][place].item()

    def axes(self, first: int, last: int) -> npt.NDArray[np.int32]:
        """Return the indices of the rows `first` to `last` - 1, shape (4, n)."""
        found = [self.column(axis, first, last) for axis in range(N_AXES)]
        return np.stack(found).astype(np.int32, copy=False)

    def column(self, number: int, first: int, last: int) -> Column:
        """Return rows of one column: `INTEGER_COLUMNS`, then registration, size and mtime."""
        parts = []
        for block in range(first // BLOCK_ROWS, -(-last // BLOCK_ROWS)):
            start = block * BLOCK_ROWS
            if block < len(self._blocks):
                whole = self._blocks[block][number].expand(BLOCK_ROWS)
            else:
                whole = self._tail[number]
            parts.append(whole[max(0, first - start) : last - start])
        return np.concatenate(parts) if parts else self._tail[number][:0].copy()

    def n_bytes(self) -> int:
        """Return the memory of all columns."""
        blocks = sum(column.n_bytes() for block in self._blocks for column in block)
        return blocks + sum(column.nbytes for column in self._tail)
