"""Files with many planes each: OME-TIFF, multi-page TIFF, Micro-Manager's stacks.

Such a file grows page by page, or is preallocated with zeros and filled in later. A page is
registered when its data is wholly in the file, and not all zeros while the controller works.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path

from planecast_agent.watchers.description import Description
from planecast_agent.watchers.found import LATER, NOTHING, FoundPlane, Look, fov_label
from planecast_agent.watchers.layouts.layout import (
    Layout,
    Signature,
    is_unfinished,
    signature_of,
)
from planecast_agent.watchers.layouts.settings import ReadSettings, Settings
from planecast_agent.watchers.layouts.stack_places import PageAxis, PagePlace, StackPlaces
from planecast_agent.watchers.pattern import Fields, Pattern
from planecast_agent.watchers.tiff_file import TiffFile, TiffPage, is_all_zeros, looks_unwritten

LOOK_ANYWAY_S = 5.0
"""A plane that is written through memory may leave the file's times as they are."""


@dataclass
class _Stack:
    """One file so far."""

    fields: Fields
    tiff: TiffFile
    places: StackPlaces
    signature: Signature | None = None
    looked_at: float = 0.0
    n_looks: int = 0
    is_described: bool = False
    is_complete: bool = False
    zeros: list[TiffPage] = field(default_factory=list)
    """Pages that are preallocated, as far as we can see."""


class TiffStacks(Layout):
    """Files that match a pattern; their pages say the rest."""

    def __init__(
        self,
        folder: Path,
        patterns: Sequence[Pattern],
        read_settings: ReadSettings | None = None,
        axis: PageAxis | None = None,
    ) -> None:
        super().__init__(folder)
        self._patterns = patterns
        self._settings = Settings(read_settings)
        self._axis = axis
        self._stacks: dict[Path, _Stack] = {}
        self._shape = Description()

    def claims(self, relative: str) -> bool:
        """See `Layout`."""
        return not is_unfinished(relative.rpartition("/")[2]) and any(
            pattern.match(relative) for pattern in self._patterns
        )

    def look(self, path: Path, now: float) -> Look:
        """See `Layout`."""
        stack = self._stacks.get(path) or self._open(path)
        if stack is None:
            return NOTHING
        signature = signature_of(path)
        before = stack.signature
        if before == signature and not (stack.zeros and now - stack.looked_at > LOOK_ANYWAY_S):
            return LATER if self._is_open(stack) else NOTHING
        if before is not None and (signature[2] != before[2] or signature[0] < before[0]):
            # Another file of the same name.
            stack = self._stacks[path] = self._new(path, stack.fields)
        stack.signature, stack.looked_at = signature, now
        stack.n_looks += 1
        planes = tuple(self._news(path, stack))
        return Look(planes, again=self._is_open(stack))

    def description(self) -> Description:
        """See `Layout`."""
        return self._settings.get(self.folder).or_else(self._shape)

    def forget(self) -> None:
        """See `Layout`."""
        self._stacks.clear()

    def finish(self, *, complete: bool) -> Look:
        """Look at planes that seem unwritten once more, and thoroughly.

        If the controller says that all is written, those that are all zeros are black.
        """
        planes: list[FoundPlane] = []
        for path, stack in self._stacks.items():
            if not stack.zeros or not path.exists():
                continue
            with FileIO(path) as file:
                written = [p for p in stack.zeros if complete or not is_all_zeros(file, p)]
            planes += self._planes(path, stack, written)
            stack.zeros = [page for page in stack.zeros if page not in written]
        return Look(tuple(planes))

    def _open(self, path: Path) -> _Stack | None:
        if is_unfinished(path.name):
            return None
        relative, regions = self.relative(path), self._settings.regions(self.folder)
        for pattern in self._patterns:
            fields = pattern.match(relative, regions)
            if fields is not None:
                stack = self._stacks[path] = self._new(path, fields)
                return stack
        return None

    def _new(self, path: Path, fields: Fields) -> _Stack:
        return _Stack(fields, TiffFile(path, with_texts=True), StackPlaces(path, self._axis))

    def _is_open(self, stack: _Stack) -> bool:
        if stack.is_complete:
            return False
        announced = max(stack.places.n_announced, 1)
        return bool(stack.zeros) or stack.tiff.is_waiting or stack.tiff.n_pages < announced

    def _news(self, path: Path, stack: _Stack) -> list[FoundPlane]:
        """Return the planes that are there now and were not at the last look."""
        pages = stack.tiff.read_on()
        first = stack.tiff.first
        if not stack.is_described and first is not None:
            if not stack.places.read_first(first):
                # The text is rewritten at the end: start over until it is whole.
                stack.tiff = TiffFile(path, with_texts=True)
                return []
            stack.is_described = True
            if stack.places.ome is not None:
                stack.tiff.with_texts = False
            self._learn(stack)
        candidates = stack.zeros + pages
        with FileIO(path) as file:
            zeros = {p.number for p in candidates if looks_unwritten(file, p, stack.n_looks)}
            is_whole_imagej = _has_all_of_imagej(stack, os.fstat(file.fileno()).st_size)
        if is_whole_imagej:
            stack.is_complete = True
            return _imagej_planes(path, stack)
        stack.zeros = [_without_texts(page) for page in candidates if page.number in zeros]
        return self._planes(path, stack, [p for p in candidates if p.number not in zeros])

    def _learn(self, stack: _Stack) -> None:
        said = stack.places.description
        if self._shape.num_z is not None and said.num_z is not None:
            said = replace(said, num_z=max(said.num_z, self._shape.num_z))
        self._shape = said.or_else(self._shape)

    def _planes(self, path: Path, stack: _Stack, pages: list[TiffPage]) -> list[FoundPlane]:
        found = []
        for page in pages:
            place = stack.places.place(page)
            if place is not None:
                found.append(_plane(path, stack.fields, page.number, place))
        return found


def _without_texts(page: TiffPage) -> TiffPage:
    # The JSON of a page says which plane it is, the XML of the first says it of all.
    return replace(page, description="") if page.description.startswith("<") else page


def _has_all_of_imagej(stack: _Stack, size: int) -> bool:
    """Whether a stack that has one directory for all its planes is wholly there."""
    imagej, first = stack.places.imagej, stack.tiff.first
    if imagej is None or first is None or stack.is_complete:
        return False
    is_one = imagej.images > 1 and stack.tiff.n_pages == 1 and not first.compressed
    offset, n_bytes = first.segments[0] if first.segments else (0, 0)
    return is_one and size >= offset + imagej.images * n_bytes


def _imagej_planes(path: Path, stack: _Stack) -> list[FoundPlane]:
    imagej = stack.places.imagej
    assert imagej is not None
    return [
        replace(
            _plane(path, stack.fields, number, imagej.place(number)),
            page=None,
            index=imagej.index(number),
        )
        for number in range(imagej.images)
    ]


def _plane(path: Path, fields: Fields, page: int, place: PagePlace) -> FoundPlane:
    region = fields.region
    if place.position is not None:
        region = place.position
    named = fields.region is not None or fields.fov is not None or place.position is not None
    label = fov_label(region, fields.fov) if named else fov_label(path.name.partition(".")[0], None)
    t = place.t or 0
    if fields.t is not None and place.t is None:
        t = fields.t
    elif fields.t is not None:
        t += fields.t
    return FoundPlane(
        t=t,
        fov=label,
        z=place.z if fields.z is None else fields.z,
        channel=place.channel if fields.channel is None else fields.channel,
        path=path,
        page=page,
    )
