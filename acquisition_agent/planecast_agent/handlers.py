"""Describes a command by its handler: names, types and bounds of its arguments."""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from planecast_agent.state_book import plain_value
from planecast_protocol.command_messages import ArgumentSpec, CommandSpec
from planecast_protocol.errors import StateError
from planecast_protocol.limits import MAX_TEXT_CHARS
from planecast_protocol.values import Scalar

Handler = Callable[..., object]
_KINDS: dict[object, Literal["int", "float", "str", "bool"]] = {
    int: "int",
    float: "float",
    str: "str",
    bool: "bool",
}
_MOVES = ("move", "home", "stage")
"""Commands whose names begin so are taken to move something."""


def describe_handler(
    name: str,
    handler: Handler,
    arguments: Mapping[str, Any] | None = None,
    *,
    confirm: bool | None = None,
    text: str | None = None,
) -> CommandSpec:
    """Return what viewers are told of a command.

    `arguments` maps names to types where the handler's annotations don't. Raises `StateError`
    for an argument whose type is not int, float, str, bool or a `Literal`.
    """
    function = _function(handler)
    types_of = {**_annotations(name, function), **(arguments or {})}
    parameters = [
        parameter
        for parameter in inspect.signature(handler).parameters.values()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    unknown = set(arguments or {}) - {parameter.name for parameter in parameters}
    if unknown:
        raise StateError(f"command {name}: its handler takes no {', '.join(sorted(unknown))}")
    first_line = (inspect.getdoc(function) or "").partition("\n")[0]
    spec = CommandSpec(
        name=name,
        arguments=[_describe(name, parameter, types_of) for parameter in parameters],
        text=(first_line if text is None else text)[:MAX_TEXT_CHARS],
        confirm=name.lower().startswith(_MOVES) if confirm is None else confirm,
    )
    try:  # as sure to be understood by the agent
        return msgspec.msgpack.decode(msgspec.msgpack.encode(spec), type=CommandSpec)
    except (msgspec.MsgspecError, TypeError, OverflowError) as trouble:
        raise StateError(f"command {name!r}: {trouble}") from None


def _function(handler: Handler) -> Handler:
    """Return the function that is annotated: of a partial, or of an object that can be called."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    if inspect.isroutine(handler) or inspect.isclass(handler):
        return handler
    called: Handler = type(handler).__call__
    return called


def _annotations(name: str, function: Handler) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as trouble:
        raise StateError(f"command {name}: the types of its handler: {trouble}") from None


def _describe(
    command: str, parameter: inspect.Parameter, types_of: Mapping[str, Any]
) -> ArgumentSpec:
    what = f"command {command}, argument {parameter.name}"
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise StateError(f"{what}: it can't be given by name")
    if parameter.name not in types_of:
        raise StateError(f"{what} has no type: annotate it with int, float, str, bool or Literal")
    spec = _of_type(what, parameter.name, types_of[parameter.name])
    if parameter.default is parameter.empty:
        return spec
    return msgspec.structs.replace(spec, required=False, default=_scalar(what, parameter.default))


def _of_type(what: str, name: str, hint: Any) -> ArgumentSpec:
    bounds = msgspec.Meta()
    if typing.get_origin(hint) is typing.Annotated:
        hint, *extras = typing.get_args(hint)
        bounds = next((one for one in extras if isinstance(one, msgspec.Meta)), bounds)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        # `float | None`: who does not give it gets its default, which may be None.
        options = [one for one in typing.get_args(hint) if one is not types.NoneType]
        hint = options[0] if len(options) == 1 else hint
    if typing.get_origin(hint) is Literal:
        choices = [_scalar(what, one) for one in typing.get_args(hint)]
        return ArgumentSpec(name=name, kind="choice", choices=choices)
    if hint not in _KINDS:
        raise StateError(f"{what} is {hint}: int, float, str, bool or Literal is possible")
    return ArgumentSpec(
        name=name,
        kind=_KINDS[hint],
        minimum=None if bounds.ge is None else float(bounds.ge),
        maximum=None if bounds.le is None else float(bounds.le),
        text=bounds.description or "",
    )


def _scalar(what: str, given: object) -> Scalar:
    value = plain_value(what, given)
    if isinstance(value, list | dict):
        raise StateError(f"{what}: {given!r} is no single value")
    return value
