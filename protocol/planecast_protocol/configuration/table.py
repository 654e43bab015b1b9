"""All settings as a table, read from the schema."""

from __future__ import annotations

import functools
import types
import typing
from typing import Any, NamedTuple

import msgspec

from planecast_protocol.configuration.schema import Configuration, Section


class Setting(NamedTuple):
    """One setting."""

    key: str
    """As in the file: `reader.cache_mib`."""
    type: Any
    variable: str
    flags: str
    otherwise: str
    """What counts where nobody says anything, in words; empty: `default` says it."""
    default: Any
    kind: str
    """What a text is: `folder`, an address of an `agent` or a `worker`, or empty."""
    many: bool
    """A list or a table of such texts."""


@functools.cache
def settings() -> dict[str, Setting]:
    """Return key to setting, in the order of the file."""
    return {one.key: one for one in _walk(Configuration, "")}


@functools.cache
def sections() -> frozenset[str]:
    """Return the names of the file's tables."""
    names = {key.rpartition(".")[0] for key in settings()}
    return frozenset(names | {name.partition(".")[0] for name in names} - {""})


def _walk(section: type[Section], prefix: str) -> list[Setting]:
    hints = typing.get_type_hints(section, include_extras=True)
    found: list[Setting] = []
    for field in msgspec.structs.fields(section):
        hint = hints[field.name]
        key = prefix + field.name
        if isinstance(hint, type) and issubclass(hint, Section):
            found += _walk(hint, f"{key}.")
            continue
        extra = _extra(hint)
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        bare = typing.get_args(hint)[0]
        found.append(
            Setting(
                key,
                hint,
                extra["variable"],
                extra["flags"],
                extra["otherwise"],
                default,
                _kind(bare),
                typing.get_origin(bare) in (list, dict),
            )
        )
    return found


def _extra(hint: Any) -> dict[str, str]:
    for one in getattr(hint, "__metadata__", ()):
        if isinstance(one, msgspec.Meta) and one.extra and "variable" in one.extra:
            return dict(one.extra)
    raise AssertionError(f"{hint}: say with `setting` how else it may be set")


def _kind(hint: Any) -> str:
    """Return the kind that a text within this type has."""
    for one in getattr(hint, "__metadata__", ()):
        if isinstance(one, msgspec.Meta) and one.extra and "kind" in one.extra:
            return str(one.extra["kind"])
    inner = typing.get_args(hint)
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) in (list, dict, typing.Union):
        return next((kind for one in inner if (kind := _kind(one))), "")
    return ""
