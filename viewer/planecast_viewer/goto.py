"""Understands where somebody wants to go: `A2`, `A2:0`, `A2 0`, `17`, `t=5 z=3`."""

import difflib
import re
from collections.abc import Sequence

from planecast_agent.subscriber.known_planes import Position
from planecast_viewer.extents import Extents
from planecast_viewer.plate_layout import well_of, wells_of

EXAMPLES = "A2    A2:0    A2 0    17    t=5 z=3"
_AXIS = re.compile(r"\b(t|time|z|fov|scene)\s*[=: ]\s*(-?\d+)", re.IGNORECASE)
_AXES = {"t": "t", "time": "t", "z": "z", "fov": "fov", "scene": "fov"}


class UnknownPlaceError(ValueError):
    """There is no such place; the message says what there is."""


def parse_place(text: str, labels: Sequence[str], shown: Position, limits: Extents) -> Position:
    """Return the position that is meant; axes that are not named stay as they are.

    `labels` are those of the fovs. Raises `UnknownPlaceError`.
    """
    if not text.strip():
        raise UnknownPlaceError(f"say where: {EXAMPLES}")
    by_label = _by_label(text, labels)
    if by_label is not None:
        return shown._replace(fov=by_label)
    target = shown
    for name, value in _AXIS.findall(text):
        axis = _AXES[name.lower()]
        target = target._replace(**{axis: _within(axis, int(value), getattr(limits, axis))})
    rest = " ".join(re.sub(r"[,;]", " ", _AXIS.sub(" ", text)).split())
    return target._replace(fov=_fov(rest, labels)) if rest else target


def completions(labels: Sequence[str]) -> list[str]:
    """Return what the box offers: wells, then fovs."""
    names = dict.fromkeys(label.partition(":")[0] for label in labels if ":" in label)
    return list(dict.fromkeys([*(name for name in names if well_of(name)), *labels]))


def _within(axis: str, value: int, length: int) -> int:
    if not 0 <= value < length:
        has = "only 0 so far" if length == 1 else f"0 to {length - 1}"
        raise UnknownPlaceError(f"there is no {axis}={value}: {axis} has {has}")
    return value


def _fov(text: str, labels: Sequence[str]) -> int:
    by_label = _by_label(text, labels)
    if by_label is not None:
        return by_label
    if re.fullmatch(r"-?\d+", text):
        return _within("fov", int(text), len(labels))
    well, _space, number = text.replace(":", " ").partition(" ")
    wanted = well_of(well)
    fovs = [n for n, one in enumerate(wells_of(labels)) if wanted is not None and one == wanted]
    if not fovs:
        raise UnknownPlaceError(_no_such(text, labels))
    if not number:
        return fovs[0]
    if re.fullmatch(r"\d+", number) and int(number) < len(fovs):
        return fovs[int(number)]
    raise UnknownPlaceError(
        f"{well.upper()} has {len(fovs)} fov{'' if len(fovs) == 1 else 's'}: "
        f"{', '.join(labels[fov] for fov in fovs[:8])}{' …' if len(fovs) > 8 else ''}"
    )


def _by_label(text: str, labels: Sequence[str]) -> int | None:
    """Return the fov of this very name, whatever its case; `A2 0` is `A2:0`."""
    wanted = " ".join(text.casefold().split())
    names = {wanted, wanted.replace(" ", ":")}
    return next((n for n, label in enumerate(labels) if label.casefold() in names), None)


def _no_such(text: str, labels: Sequence[str]) -> str:
    near = difflib.get_close_matches(text.upper(), completions(labels)[:2000], n=3, cutoff=0.5)
    if near:
        return f"there is no {text!r} here; did you mean {', '.join(near)}?"
    some = ", ".join(labels[:3])
    more = f" … {labels[-1]}" if len(labels) > 3 else ""
    return f"there is no {text!r} here; there are {some}{more}. Or: {EXAMPLES}"
