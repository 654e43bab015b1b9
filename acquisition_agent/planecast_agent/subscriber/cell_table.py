"""A number for each of many cells, in a space of cells far larger than memory."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

PAGE_BITS = 12
PAGE_CELLS = 1 << PAGE_BITS
"""A page of 32-bit cells takes 16 kB, so that a controller with odd indices costs little."""

Ints = npt.NDArray[np.int64]
Values = npt.NDArray[Any]
"""int32 or uint16."""


class CellTable:
    """Values of 32 or 16 bits, in pages where there are any."""

    def __init__(self, empty: int, *, dtype: type[np.int32] | type[np.uint16] = np.int32) -> None:
        self._empty = empty
        self._dtype = dtype
        self._pages: dict[int, Values] = {}

    def get(self, cell: int) -> int:
        """Return the value of one cell."""
        page = self._pages.get(cell >> PAGE_BITS)
        return self._empty if page is None else int(page[cell & (PAGE_CELLS - 1)])

    def get_many(self, cells: Ints) -> npt.NDArray[np.int32]:
        """Return the values of many cells."""
        values = np.full(len(cells), self._empty, dtype=np.int32)
        for number, rows in _by_page(cells):
            page = self._pages.get(number)
            if page is not None:
                values[rows] = page[cells[rows] & (PAGE_CELLS - 1)]
        return values

    def set_many(self, cells: Ints, values: npt.NDArray[np.int32]) -> None:
        """Set many cells; of a cell that occurs twice the last value stays."""
        for number, rows in _by_page(cells):
            page = self._pages.get(number)
            if page is None:
                page = self._pages[number] = np.full(PAGE_CELLS, self._empty, dtype=self._dtype)
            page[cells[rows] & (PAGE_CELLS - 1)] = values[rows]

    def n_bytes(self) -> int:
        """Return the memory of all pages."""
        return sum(page.nbytes for page in self._pages.values())


def _by_page(cells: Ints) -> Iterator[tuple[int, npt.NDArray[np.intp] | slice]]:
    if not len(cells):
        return
    numbers = cells >> PAGE_BITS
    if (numbers[1:] >= numbers[:-1]).all():  # the rule: in the order in which they are acquired
        first = 0
        for last in [*(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(cells)]:
            yield int(numbers[first]), slice(first, last)
            first = last
        return
    order = np.argsort(numbers, kind="stable")
    bounds = np.flatnonzero(np.diff(numbers[order])) + 1
    for rows in np.split(order, bounds):
        yield int(numbers[rows[0]]), rows
