"""Checks the arguments of a command against what its controller declared."""

import math
from collections.abc import Mapping

from planecast_protocol.command_messages import ArgumentSpec, CommandSpec
from planecast_protocol.errors import CommandRefusedError
from planecast_protocol.values import Scalar

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def check_arguments(spec: CommandSpec, given: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return what the handler is to be called with; an argument left out keeps its default.

    Raises `CommandRefusedError`, which names the argument and what it may be.
    """
    known = {argument.name: argument for argument in spec.arguments}
    unknown = ", ".join(name for name in given if name not in known)
    if unknown:
        takes = ", ".join(known) or "no arguments"
        raise CommandRefusedError(f"{spec.name} has no argument {unknown}: it takes {takes}")
    missing = ", ".join(
        one.name for one in spec.arguments if one.required and one.name not in given
    )
    if missing:
        raise CommandRefusedError(f"{spec.name} needs {missing}")
    return {name: _checked(known[name], value) for name, value in given.items()}


def parse_argument(spec: ArgumentSpec, text: str) -> Scalar:
    """Return the value that a person wrote. Raises `CommandRefusedError`."""
    if spec.kind == "bool":
        value: Scalar = _WORDS.get(text.lower(), text)
    elif spec.kind == "choice":
        value = next((choice for choice in spec.choices if str(choice) == text), text)
    else:
        value = _number(text) if spec.kind in ("int", "float") else text
    return _checked(spec, value)


def _number(text: str) -> Scalar:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _checked(spec: ArgumentSpec, value: Scalar) -> Scalar:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    right = {
        "int": is_number and isinstance(value, int),
        "float": is_number,
        "str": isinstance(value, str),
        "bool": isinstance(value, bool),
        "choice": any(value == one and type(value) is type(one) for one in spec.choices),
    }[spec.kind]
    if not right:
        raise CommandRefusedError(f"{spec.name} = {value!r}: it must be {describe(spec)}")
    if isinstance(value, int | float) and is_number and not _inside(spec, value):
        raise CommandRefusedError(f"{spec.name} = {value!r}: it must be {describe(spec)}")
    return float(value) if spec.kind == "float" and isinstance(value, int | float) else value


def _inside(spec: ArgumentSpec, value: float) -> bool:
    # Of NaN every comparison is false.
    above = spec.minimum is None or value >= spec.minimum
    below = spec.maximum is None or value <= spec.maximum
    return above and below and math.isfinite(value)


def describe(spec: ArgumentSpec) -> str:
    """Say what an argument may be: `a number, 0.1 to 1000`."""
    if spec.kind == "choice":
        return "one of " + ", ".join(str(choice) for choice in spec.choices)
    words = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false"}
    return words[spec.kind] + _bounds(spec.minimum, spec.maximum)


def _bounds(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f", {low:g} to {high:g}"
    if low is not None:
        return f", at least {low:g}"
    return "" if high is None else f", at most {high:g}"
