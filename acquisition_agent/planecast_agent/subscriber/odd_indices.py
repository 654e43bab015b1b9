"""The few indices that don't fit columns: of files with axes other than T, Z and C."""

import zlib
from bisect import bisect_right
from collections.abc import Mapping

import msgspec

from planecast_protocol.planes import AxisIndex

BLOCK_ROWS = 4096

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(dict[int, dict[str, int]])


class OddIndices:
    """Row to index, compressed. Rows come in ascending order."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._blocks: list[bytes] = []
        self._tail: dict[int, AxisIndex] = {}
        self._inflated: tuple[int, dict[int, AxisIndex]] = (-1, {})

    def update(self, indices: Mapping[int, AxisIndex]) -> None:
        """Take the indices of more rows."""
        self._tail.update(indices)
        if len(self._tail) >= BLOCK_ROWS:
            self._starts.append(min(self._tail))
            self._blocks.append(zlib.compress(_encoder.encode(self._tail), 1))
            self._tail = {}

    def get(self, row: int) -> AxisIndex | None:
        """Return the index of a row, or `None` if it is not an odd one."""
        found = self._tail.get(row)
        number = bisect_right(self._starts, row) - 1
        if found is not None or number < 0:
            return found
        if self._inflated[0] != number:
            self._inflated = number, _decoder.decode(zlib.decompress(self._blocks[number]))
        return self._inflated[1].get(row)

    def n_bytes(self) -> int:
        """Return the memory of what is kept for good."""
        return sum(map(len, self._blocks))
