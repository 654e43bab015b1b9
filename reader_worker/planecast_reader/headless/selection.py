"""Which planes of a scene are meant: places on its axes by number, range or channel name."""

import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import SupportsIndex, TypeGuard

import numpy as np

from planecast_protocol.errors import OutOfRangeError
from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_protocol.limits import MAX_COUNT

Place = SupportsIndex | str | slice | Sequence[int | str]
"""One place on an axis, or several: `3`, `"DAPI"`, `slice(0, 10, 2)`, `["DAPI", "GFP"]`."""

SAMPLES = "S"
DROPPED_WHERE_1 = frozenset("TZC")
"""Libraries drop these where their length is 1, so the first place on them is always right."""
CHANNEL_AXES = ("C", "channel")
Z_AXES = ("Z", "z")
TIME_AXES = ("T", "time")


def plane_axes(sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Return the axes of one plane: the last two, and the samples of a colour image.

    Y and X as a rule; Z and X in a scan across the focus.
    """
    axes = tuple(sizes)
    return axes[-3:] if axes[-1:] == (SAMPLES,) else axes[-2:]


def plane_size(sizes: Mapping[str, int]) -> tuple[int, int]:
    """Return height and width of a plane, whatever its axes are called."""
    vertical, horizontal = plane_axes(sizes)[:2]
    return sizes[vertical], sizes[horizontal]


def index_axes(sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Return the axes on which planes are chosen, in the file's order."""
    return tuple(sizes)[: -len(plane_axes(sizes))]


def axis_among(sizes: Mapping[str, int], names: Sequence[str]) -> str | None:
    """Return which of `names` the scene chooses planes on; None if none."""
    return next((name for name in names if name in index_axes(sizes)), None)


def scene_of(info: ImageInfo, scene: int) -> SceneInfo:
    """Return a scene; raise `OutOfRangeError` if there is none of that number."""
    if not 0 <= scene < len(info.scenes):
        raise OutOfRangeError(
            f"{info.path}: no scene {scene}; it has {len(info.scenes)}", path=info.path
        )
    return info.scenes[scene]


def numeric_index(info: ImageInfo, scene: int, index: Mapping[str, int | str]) -> dict[str, int]:
    """Return the index of one plane with channel names replaced by their numbers.

    Raises `OutOfRangeError` for a scene or a channel name that there is none of.
    """
    facts = scene_of(info, scene)
    return {axis: _number(info, scene, facts, axis, place) for axis, place in index.items()}


@dataclass(frozen=True)
class Selection:
    """Planes of one scene, as an array of them."""

    places: dict[str, list[int]]
    """Places chosen on each axis over the planes, in the file's order of axes."""
    kept: tuple[str, ...]
    """The axes that the result has: those on which a range was chosen, not a single place."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the kept axes."""
        return tuple(len(self.places[axis]) for axis in self.kept)

    @property
    def n_planes(self) -> int:
        """Number of planes that are chosen."""
        count = 1
        for places in self.places.values():
            count *= len(places)
        return count

    def cells(self) -> Iterator[tuple[tuple[int, ...], dict[str, int]]]:
        """Yield for each plane its position in the result, and its index in the file."""
        ranges = (range(len(places)) for places in self.places.values())
        for steps in itertools.product(*ranges):
            numbered = dict(zip(self.places, steps, strict=True))
            index = {axis: self.places[axis][step] for axis, step in numbered.items()}
            yield tuple(numbered[axis] for axis in self.kept), index

    def without(self, axis: str) -> "Selection":
        """Return the selection with `axis` at its first place and not in the result."""
        places = {name: p[:1] if name == axis else p for name, p in self.places.items()}
        return Selection(places, tuple(name for name in self.kept if name != axis))


def select(info: ImageInfo, scene: int, chosen: Mapping[str, Place]) -> Selection:
    """Return the planes at `chosen` places; axes left out are chosen as a whole.

    A single number or name takes its axis out of the result. Raises `OutOfRangeError` for a
    place or axis that the scene does not have, and for a range with nothing in it.
    """
    facts = scene_of(info, scene)
    axes = index_axes(facts.sizes)
    for axis, place in chosen.items():
        absent = axis in DROPPED_WHERE_1 and axis not in facts.sizes
        if axis not in axes and not (absent and _is_first(place)):
            pixels = "; for part of a plane give a region" if axis in facts.sizes else ""
            raise OutOfRangeError(
                f"{info.path}: no axis {axis} to choose planes on in scene {scene} "
                f"(axes: {', '.join(axes) or 'none'}){pixels}",
                path=info.path,
            )
    places: dict[str, list[int]] = {}
    kept: list[str] = []
    for axis in axes:
        place = chosen.get(axis, slice(None))
        places[axis] = _numbers(info, scene, facts, axis, place)
        if not _is_single(place):
            kept.append(axis)
    return Selection(places, tuple(kept))


def _is_single(place: Place) -> TypeGuard[SupportsIndex | str]:
    """Whether a place is one number or name; numbers of numpy are numbers too."""
    return isinstance(place, str | SupportsIndex) and not isinstance(place, np.ndarray)


def _is_first(place: Place) -> bool:
    return place == 0 or (isinstance(place, slice) and place.indices(1) == (0, 1, 1))


def _numbers(info: ImageInfo, scene: int, facts: SceneInfo, axis: str, place: Place) -> list[int]:
    length = facts.sizes[axis]
    if isinstance(place, slice):
        numbers = list(range(length))[place]
    elif _is_single(place):
        numbers = [_number(info, scene, facts, axis, place)]
    else:
        assert isinstance(place, Iterable)
        numbers = [_number(info, scene, facts, axis, one) for one in place]
    beyond = next((number for number in numbers if number >= length), None)
    if beyond is not None or not numbers:
        what = f"{axis}={beyond}" if numbers else f"{axis}={place!r} chooses nothing"
        raise OutOfRangeError(
            f"{info.path}: {what}; {axis} has length {length} in scene {scene}", path=info.path
        )
    return numbers


def _number(
    info: ImageInfo, scene: int, facts: SceneInfo, axis: str, place: SupportsIndex | str
) -> int:
    if isinstance(place, str):
        names = [channel.name for channel in facts.channels]
        if axis not in CHANNEL_AXES or place not in names:
            raise OutOfRangeError(
                f"{info.path}: no {axis}={place!r} in scene {scene}; its channels are "
                f"{', '.join(names)}",
                path=info.path,
            )
        return names.index(place)
    number = operator.index(place)
    if not 0 <= number <= MAX_COUNT:
        what = "is negative" if number < 0 else "is beyond every axis"
        raise OutOfRangeError(f"{info.path}: {axis}={number} {what}", path=info.path)
    return number
