"""Decides where the planes of one acquisition really are, by what appears on disk."""

import os
import threading
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from planecast_agent.adapters.ndviewer_light.layouts import (
    Announced,
    Layout,
    possible_places,
)
from planecast_agent.adapters.ndviewer_light.tiff_pages import PageTable
from planecast_agent.adapters.place import Place

MAX_DOUBTFUL = 20_000
"""Planes whose place is not known yet, about 20 MB of them."""
LOOKED_AT = 32
"""Files that one look looks at, at most."""
MAX_TABLES = 64

Found = tuple[Announced, Place]


class _Doubt(NamedTuple):
    plane: Announced
    possible: Mapping[Layout, Place]


class Places:
    """The layout of one acquisition, found out while it runs.

    `place` belongs to the controller and never touches the disk, which may hang; `look` belongs
    to the thread that may wait for it.
    """

    def __init__(self) -> None:
        self.forgotten = 0
        """Planes that stay where they were announced, because too many were in doubt."""
        self._layout: Layout | None = None
        self._doubts: deque[_Doubt] = deque()
        self._lock = threading.Lock()
        self._tables: dict[str, PageTable] = {}
        self._turn = 0

    @property
    def n_doubtful(self) -> int:
        """Number of planes that may be elsewhere than they were registered."""
        return len(self._doubts)

    def place(self, plane: Announced) -> Place:
        """Return the best known place of a plane; where it is in doubt, `look` corrects it."""
        possible = possible_places(plane)
        with self._lock:
            layout = self._layout
            known = layout is not None and layout in possible
            if (not known and len(possible) > 1) or layout == "pages":
                self._doubts.append(_Doubt(plane, possible))
                if len(self._doubts) > MAX_DOUBTFUL:
                    self._doubts.popleft()
                    self.forgotten += 1
        if not known or layout is None or layout == "pages":
            return possible["plane"]
        return possible[layout]

    def look(self) -> list[Found]:
        """Look at the disk; return planes that are elsewhere than they were registered."""
        if self._layout is None:
            layout = self._find_layout()
            if layout is None:
                return []
            with self._lock:
                self._layout = layout
        with self._lock:
            doubts = list(self._doubts)
        if self._layout == "pages":
            return self._find_pages(doubts)
        self._settle(doubts)
        layout = self._layout
        if layout == "plane":
            return []
        return [(one.plane, one.possible[layout]) for one in doubts if layout in one.possible]

    def _settle(self, doubts: list[_Doubt]) -> None:
        """Take planes out of doubt."""
        settled = set(map(id, doubts))
        with self._lock:
            self._doubts = deque(one for one in self._doubts if id(one) not in settled)

    def _find_layout(self) -> Layout | None:
        """Look for the files of some planes: the first ones may never come."""
        with self._lock:
            doubts = list(self._doubts)
        for one in (*doubts[: LOOKED_AT // 2], *doubts[LOOKED_AT // 2 :][-LOOKED_AT // 2 :]):
            for layout, place in one.possible.items():
                if os.path.isfile(place.path):  # noqa: PTH113 - a string, as it came
                    return layout
        return None

    def _find_pages(self, doubts: list[_Doubt]) -> list[Found]:
        paths = list(dict.fromkeys(one.possible["pages"].path for one in doubts))
        # In turns: a file that never comes must not keep others from being looked at.
        first = self._turn % max(1, len(paths))
        looked = set((paths[first:] + paths[:first])[:LOOKED_AT])
        self._turn += LOOKED_AT
        for path in looked:
            self._table(path).look()
        found: list[Found] = []
        settled: list[_Doubt] = []
        for one in doubts:
            path = one.possible["pages"].path
            page = (
                self._table(path).take(one.plane.z, one.plane.channel) if path in looked else None
            )
            if page is not None:
                settled.append(one)
                found.append((one.plane, Place(path, page=page)))
        self._settle(settled)
        return found

    def _table(self, path: str) -> PageTable:
        table = self._tables.get(path)
        if table is None:
            while len(self._tables) >= MAX_TABLES:
                del self._tables[next(iter(self._tables))]
            table = self._tables[path] = PageTable(path)
        return table
