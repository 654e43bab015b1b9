"""Every setting with its value and where that comes from, for people."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from planecast_protocol.configuration.loading import found_settings
from planecast_protocol.configuration.table import settings


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One setting as it is now."""

    key: str
    value: Any
    """`None`: the program decides, as `otherwise` says."""
    origin: Literal["environment", "file", "default"]
    where: str
    """Name of the variable, or file and line; empty for a default."""
    otherwise: str
    """What counts where nobody says anything, in words."""
    variable: str
    flags: str
    """Of which programs, and how they are called there."""


def shown_settings(defaults: Mapping[str, Callable[[], Any]]) -> list[Shown]:
    """Return all settings, in the order of the file; `defaults` finds out what is computed.

    Raises `ConfigurationError`.
    """
    found = found_settings()
    shown = []
    for key, setting in settings().items():
        said = found.get(key)
        value = setting.default if said is None else said.value
        if said is None and key in defaults:
            value = defaults[key]()
        shown.append(
            Shown(
                key=key,
                value=value,
                origin="default" if said is None else said.origin,
                where="" if said is None else said.where,
                otherwise=setting.otherwise,
                variable=setting.variable,
                flags=setting.flags,
            )
        )
    return shown
