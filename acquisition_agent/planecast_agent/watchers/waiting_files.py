"""Files that must be looked at again though nobody tells: half written, growing, preallocated."""

import heapq
from collections.abc import Iterator
from pathlib import Path

FIRST_S = 0.05
MOST_S = 2.0
SHARE = 0.1
"""Of a processor, that looking again may take at most."""


class WaitingFiles:
    """When to look at which file again. Times are monotonic, in s."""

    def __init__(self) -> None:
        self._due: list[tuple[float, str]] = []
        self._queued: set[str] = set()
        self._delays: dict[str, float] = {}
        """Files that wait, and how long they last did."""
        self._not_before = 0.0

    def __len__(self) -> int:
        return len(self._delays)

    def keep(self, path: Path, now: float, *, changed: bool) -> None:
        """Look at the file again: soon if it just changed, ever less often if it doesn't."""
        key = str(path)
        delay = FIRST_S if changed else min(self._delays.get(key, FIRST_S / 2) * 2, MOST_S)
        self._delays[key] = delay
        if changed or key not in self._queued:
            self._queued.add(key)
            heapq.heappush(self._due, (now + delay, key))

    def drop(self, path: Path) -> None:
        """Forget a file that is whole, or gone."""
        self._delays.pop(str(path), None)

    def take_due(self, now: float) -> Iterator[Path]:
        """Yield the files to look at now; each must be kept or dropped then."""
        while self._due and self._due[0][0] <= now and now >= self._not_before:
            _, key = heapq.heappop(self._due)
            if key in self._queued:
                self._queued.discard(key)
                if key in self._delays:
                    yield Path(key)

    def spent(self, now: float, seconds: float) -> None:
        """Rest after looking took long: the computer belongs to the controller."""
        self._not_before = now + seconds * (1 / SHARE - 1)

    def all(self) -> list[Path]:
        """Return every file that waits."""
        return [Path(key) for key in self._delays]
