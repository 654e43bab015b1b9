"""Many similar paths in little memory."""

import zlib
from bisect import bisect_right
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

BLOCK_PATHS = 8192
MIN_BLOCK_BYTES = 1 << 20
"""Long paths fill a block before they are as many."""
MIN_PACKED_PATHS = 4096
"""So few in a block compress about as well."""
INFLATED_BLOCKS = 4


class _Block:
    """Inflated paths: their bytes, and where each of them ends."""

    def __init__(self, joined: bytes) -> None:
        self._joined = joined
        codes = np.frombuffer(joined, dtype=np.uint8)
        self._ends: npt.NDArray[np.int64] = np.append(np.flatnonzero(codes == 0), len(joined))

    def __getitem__(self, place: int) -> str:
        start = 0 if place == 0 else int(self._ends[place - 1]) + 1
        return self._joined[start : int(self._ends[place])].decode()


class PathTable:
    """A list of paths that only grows, with no Python object per path.

    All but the newest are kept compressed. The paths of an acquisition differ in a few digits:
    8,192 of 90 characters take 40 kB.
    """

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._starts: list[int] = []
        """The first row of each block."""
        self._tail: list[str] = []
        """Joined paths, as they came."""
        self._tail_starts: list[int] = []
        self._tail_bytes = 0
        self._n = 0
        self._inflated: OrderedDict[int, _Block] = OrderedDict()

    def __len__(self) -> int:
        return self._n

    def extend(self, joined: str, n_paths: int, packed: bytes | None = None) -> None:
        """Append `n_paths` paths, joined by NUL; none of them holds one.

        `packed` are the same, if they came compressed by zlib: so many as fill a block are kept so.
        """
        if not n_paths:
            return
        if packed is not None and n_paths >= MIN_PACKED_PATHS:
            if self._tail_starts:
                self._close_tail()
            self._starts.append(self._n)
            self._blocks.append(packed)
            self._n += n_paths
            return
        self._tail.append(joined)
        self._tail_starts.append(self._n)
        self._tail_bytes += len(joined)
        self._n += n_paths
        n_tail = self._n - self._tail_starts[0]
        if n_tail >= BLOCK_PATHS or self._tail_bytes >= MIN_BLOCK_BYTES:
            self._close_tail()

    def n_bytes(self) -> int:
        """Return the memory of what is kept for good: without the blocks inflated lately."""
        return sum(map(len, self._blocks)) + self._tail_bytes

    def _close_tail(self) -> None:
        self._starts.append(self._tail_starts[0])
        self._blocks.append(zlib.compress("\0".join(self._tail).encode(), 1))
        self._tail, self._tail_starts, self._tail_bytes = [], [], 0

    def __getitem__(self, row: int) -> str:
        if self._tail_starts and row >= self._tail_starts[0]:
            number = bisect_right(self._tail_starts, row) - 1
            return self._tail[number].split("\0")[row - self._tail_starts[number]]
        number = bisect_right(self._starts, row) - 1
        block = self._inflated.pop(number, None)
        if block is None:
            block = _Block(zlib.decompress(self._blocks[number]))
        self._inflated[number] = block
        if len(self._inflated) > INFLATED_BLOCKS:
            self._inflated.popitem(last=False)
        return block[row - self._starts[number]]
