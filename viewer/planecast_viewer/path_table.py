"""Many similar paths in little memory."""

import zlib
from collections import OrderedDict
from collections.abc import Iterable

BLOCK_PATHS = 8192
INFLATED_BLOCKS = 4


class PathTable:
    """A list of paths that only grows; all but the newest are kept in compressed blocks.

    The paths of an acquisition differ in a few digits: 8,192 of 90 characters take 40 kB.
    """

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._tail: list[str] = []
        self._inflated: OrderedDict[int, list[str]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._blocks) * BLOCK_PATHS + len(self._tail)

    def extend(self, paths: Iterable[str]) -> None:
        """Append paths, none of which holds a NUL."""
        self._tail.extend(paths)
        while len(self._tail) >= BLOCK_PATHS:
            block, self._tail = self._tail[:BLOCK_PATHS], self._tail[BLOCK_PATHS:]
            self._blocks.append(zlib.compress("\0".join(block).encode(), 1))

    def __getitem__(self, row: int) -> str:
        number, place = divmod(row, BLOCK_PATHS)
        if number == len(self._blocks):
            return self._tail[place]
        block = self._inflated.pop(number, None)
        if block is None:
            block = zlib.decompress(self._blocks[number]).decode().split("\0")
        self._inflated[number] = block
        if len(self._inflated) > INFLATED_BLOCKS:
            self._inflated.popitem(last=False)
        return block[place]
