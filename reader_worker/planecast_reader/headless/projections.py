"""Projections along one axis of a scene, by streaming: memory of the result and a few planes."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import NoDataError, OutOfRangeError
from planecast_reader.headless.folds import Fold, fold_of
from planecast_reader.headless.selection import scene_of
from planecast_reader.headless.stacks import Stack, check_affordable
from planecast_reader.headless.streaming import Missing, Pixels, Plan, Wanted, in_flight_for

OnMissing = Literal["raise", "skip"]


class ProjectionPlan(Plan[npt.NDArray[Any]]):
    """Folds the planes along one axis, for each place on the others."""

    def __init__(self, stack: Stack, axis: str, kind: str, on_missing: OnMissing) -> None:
        super().__init__()
        places = stack.selection.places
        if axis not in places:
            raise OutOfRangeError.of(
                stack.info.path,
                f"no axis {axis} to project along in scene {stack.scene} (axes: "
                f"{', '.join(places) or 'none'})",
            )
        if on_missing not in ("raise", "skip"):
            raise ValueError(f"missing={on_missing!r} is neither 'raise' nor 'skip'")
        self._stack = stack
        self._axis = axis
        self._kind = kind
        self._steps = places[axis]
        self._cells = list(stack.selection.without(axis).cells())
        self._skips = on_missing == "skip"
        self._fold = fold_of(kind)
        self._first: Pixels | None = None
        self._out: npt.NDArray[Any] | None = None
        self.in_flight = in_flight_for(scene_of(stack.info, stack.scene))
        self.n_planes = len(self._cells) * len(self._steps)

    def rounds(self) -> Iterator[Iterable[Wanted]]:
        """Ask for one round of planes for each plane of the result."""
        for number, (position, index) in enumerate(self._cells):
            self._fold = fold_of(self._kind)
            yield (
                (number, self._stack.request(index | {self._axis: step})) for step in self._steps
            )
            self._finish(position, self._fold)

    def take(self, key: Hashable, pixels: Pixels) -> None:
        """Fold a plane."""
        if self._first is None:
            self._first = np.empty(pixels.shape, np.bool_)
        assert isinstance(key, int)
        self._stack.check_shape(self._cells[key][1], pixels.shape, self._first)
        self._fold.add(pixels)

    def miss(self, key: Hashable, error: Missing) -> None:  # noqa: ARG002 every one is passed over
        """Pass over a plane that is not there, if that is wanted."""
        if not self._skips:
            raise error
        self.missing.append(error)

    def result(self) -> npt.NDArray[Any]:
        """Return the projection; axes in the file's order, without the one that was folded."""
        assert self._out is not None
        return self._out

    def _finish(self, position: tuple[int, ...], fold: Fold) -> None:
        if not fold.n_planes:
            raise NoDataError.of(self._stack.info.path, f"has no plane along {self._axis}")
        plane = fold.result()
        if self._out is None:
            others = replace(self._stack, selection=self._stack.selection.without(self._axis))
            shape = (*others.selection.shape, *plane.shape)
            dtype = np.result_type(plane.dtype, *self._wider())
            check_affordable(self._stack.info, shape, dtype)
            self._out = np.empty(shape, dtype)
        np.copyto(self._out[position], plane)

    def _wider(self) -> list["np.dtype[Any]"]:
        """Return the type of all channels, where the fold keeps the planes' type."""
        return [self._stack.dtype()] if self._kind in ("max", "min") else []
