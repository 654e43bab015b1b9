"""How planes along one axis become one."""

from abc import ABC, abstractmethod
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

Kind = Literal["max", "min", "mean", "sum"]
KINDS: tuple[str, ...] = get_args(Kind)


class Fold(ABC):
    """Takes planes of one shape, one by one; holds one."""

    def __init__(self) -> None:
        self.n_planes = 0

    def add(self, plane: npt.NDArray[Any]) -> None:
        """Use a plane; it is copied where it is kept."""
        self._add(plane)
        self.n_planes += 1

    @abstractmethod
    def _add(self, plane: npt.NDArray[Any]) -> None: ...

    @abstractmethod
    def result(self) -> npt.NDArray[Any]:
        """Return what the planes became. At least one was added."""


class Extreme(Fold):
    """Maximum or minimum of each pixel, in the planes' type; NaN is passed over."""

    def __init__(self, kind: Literal["max", "min"]) -> None:
        super().__init__()
        self._choose = np.fmax if kind == "max" else np.fmin
        self._best: npt.NDArray[Any] | None = None

    def _add(self, plane: npt.NDArray[Any]) -> None:
        if self._best is None:
            self._best = np.array(plane)
        else:
            self._choose(self._best, plane, out=self._best)

    def result(self) -> npt.NDArray[Any]:
        """Return the extremes."""
        assert self._best is not None
        return self._best


class Sum(Fold):
    """Sum of each pixel, in the widest type of its kind; or the mean, as float64."""

    def __init__(self, kind: Literal["mean", "sum"]) -> None:
        super().__init__()
        self._is_mean = kind == "mean"
        self._sum: npt.NDArray[Any] | None = None

    def _add(self, plane: npt.NDArray[Any]) -> None:
        if self._sum is None:
            self._sum = plane.astype(self._type(plane.dtype))
        else:
            np.add(self._sum, plane, out=self._sum)

    def _type(self, dtype: "np.dtype[Any]") -> "np.dtype[Any]":
        if dtype.kind == "c":
            return np.dtype(np.complex128)
        if self._is_mean or dtype.kind == "f":
            return np.dtype(np.float64)
        return np.dtype(np.int64 if dtype.kind == "i" else np.uint64)

    def result(self) -> npt.NDArray[Any]:
        """Return the sums or means."""
        assert self._sum is not None
        return self._sum / self.n_planes if self._is_mean else self._sum


class Only(Fold):
    """The last plane that was added: for an axis of which one place is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._plane: npt.NDArray[Any] | None = None

    def _add(self, plane: npt.NDArray[Any]) -> None:
        self._plane = np.array(plane)

    def result(self) -> npt.NDArray[Any]:
        """Return the plane."""
        assert self._plane is not None
        return self._plane


class Rows(Fold):
    """Planes below one another: the time points of a line scan."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[npt.NDArray[Any]] = []

    def _add(self, plane: npt.NDArray[Any]) -> None:
        self._rows.append(np.array(plane))

    def result(self) -> npt.NDArray[Any]:
        """Return all rows."""
        return np.concatenate(self._rows)


def fold_of(kind: str) -> Fold:
    """Return a fold by its name, one of `KINDS`; raise `ValueError` for another."""
    match kind:
        case "max" | "min":
            return Extreme(kind)
        case "mean" | "sum":
            return Sum(kind)
    raise ValueError(f"{kind!r} is no projection; there are {', '.join(KINDS)}")
