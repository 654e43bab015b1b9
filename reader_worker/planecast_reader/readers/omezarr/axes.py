"""Axes, scales and channels of OME-Zarr in our words."""

import math
import re
from collections.abc import Sequence
from typing import Any

from planecast_protocol.images import ChannelInfo

_UM = {
    "angstrom": 1e-4,
    "nanometer": 1e-3,
    "micrometer": 1.0,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "decimeter": 1e5,
    "meter": 1e6,
    "picometer": 1e-6,
    "femtometer": 1e-9,
    "inch": 25400.0,
    "nm": 1e-3,
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "micron": 1.0,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
}
"""Names of UDUNITS-2, and what writers put in their place."""
_SECONDS = {
    "nanosecond": 1e-9,
    "microsecond": 1e-6,
    "millisecond": 1e-3,
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86400.0,
    "ms": 1e-3,
    "s": 1.0,
}
_COLOR = re.compile(r"#?([0-9A-Fa-f]{6})(?:[0-9A-Fa-f]{2})?")
MAX_LETTERS = 16


def axis_letters(names: Sequence[str], shape: Sequence[int]) -> tuple[str, ...]:
    """Return our axis letters for the names in the file, two of which will be Y and X.

    Where neither is called y or x, the last two are the plane's rows and columns. Raises
    `ValueError` for axes that hold no plane.
    """
    letters = [name.upper()[:MAX_LETTERS] for name in names]
    if "Y" not in letters and "X" not in letters and len(letters) >= 2:
        if not {"T", "C", "Z"}.isdisjoint(letters[-2:]):
            raise ValueError(f"has the axes {', '.join(names)}: no plane of y and x")
        letters[-2:] = ["Y", "X"]
    is_color = letters[-3:] == ["Y", "X", "S"] and shape[-1] in {3, 4}
    if not is_color:
        # S is for colours in our words; an axis that a writer calls s is something else.
        letters = ["s" if letter == "S" else letter for letter in letters]
    if "Y" not in letters or "X" not in letters:
        raise ValueError(f"has the axes {', '.join(names)}: no plane of y and x")
    if len(set(letters)) != len(letters):
        raise ValueError(f"has the axes {', '.join(names)}: one of them twice")
    return tuple(letters)


def unnamed_letters(n_axes: int) -> tuple[str, ...]:
    """Return letters for an array that has no names: D0, D1 …, Y, X."""
    return (*(f"D{number}" for number in range(n_axes - 2)), "Y", "X")


def scale_of(*transformations: Any) -> list[float] | None:
    """Return the product of the scales in several lists of transformations."""
    product: list[float] | None = None
    for steps in transformations:
        for step in steps if isinstance(steps, list) else []:
            scale = step.get("scale") if isinstance(step, dict) else None
            if not isinstance(scale, list):
                continue
            if not all(isinstance(one, int | float) for one in scale):
                return None
            if product is None:
                product = [1.0] * len(scale)
            if len(scale) != len(product):
                return None
            product = [a * b for a, b in zip(product, scale, strict=True)]
    return product


def in_um(value: float, unit: Any) -> float | None:
    """Return a length in µm; `None` for a unit that is no length."""
    return _in(value, unit, _UM)


def in_seconds(value: float, unit: Any) -> float | None:
    """Return a time in seconds; `None` for a unit that is no time."""
    return _in(value, unit, _SECONDS)


def _in(value: float, unit: Any, units: dict[str, float]) -> float | None:
    factor = units.get(unit.replace("metre", "meter")) if isinstance(unit, str) else None
    known = factor is not None and math.isfinite(value) and value > 0
    return value * factor if factor is not None and known else None


def channel_infos(omero: Any, n_channels: int) -> list[ChannelInfo]:
    """Return a channel for each index of C, by the attributes `omero`."""
    found = omero.get("channels") if isinstance(omero, dict) else None
    given = found if isinstance(found, list) else []
    channels = []
    for number in range(n_channels):
        one = given[number] if number < len(given) and isinstance(given[number], dict) else {}
        color = _COLOR.fullmatch(str(one.get("color", "")))
        channels.append(
            ChannelInfo(
                name=str(one.get("label") or f"Channel {number}"),
                color=f"#{color[1].lower()}" if color else None,
            )
        )
    return channels
