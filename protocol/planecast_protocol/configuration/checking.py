"""Whether values are what the schema wants, one by one, so that all troubles can be told."""

import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import msgspec

from planecast_protocol.configuration.table import Setting, sections, settings
from planecast_protocol.errors import EndpointError

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


class Trouble(NamedTuple):
    """What is wrong with a key."""

    key: str
    why: str


def check_tables(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Trouble]]:
    """Return dotted key to value for all that is right, and what is wrong."""
    values: dict[str, Any] = {}
    troubles: list[Trouble] = []
    for key, raw in _flat(given):
        setting = settings().get(key)
        if setting is None:
            troubles.append(Trouble(key, _unknown(key, raw)))
            continue
        if key == "roots" and isinstance(raw, Mapping):
            values[key] = {}
            for alias, folder in raw.items():
                _take_root(setting, alias, folder, values[key], troubles)
            continue
        try:
            values[key] = check_value(setting, raw)
        except ValueError as trouble:
            troubles.append(Trouble(key, str(trouble)))
    return values, troubles


def check_value(setting: Setting, raw: Any, *, from_text: bool = False) -> Any:
    """Return the value as the schema has it. Raises `ValueError` with the reason."""
    try:
        value = msgspec.convert(raw, setting.type, strict=not from_text)
    except msgspec.ValidationError as trouble:
        raise ValueError(_plain(str(trouble), setting)) from None
    for text in _texts(setting, value):
        _check_text(setting.kind, text)
    if setting.key == "roots":
        for alias in value:
            if not alias or ":" in alias or "=" in alias:
                raise ValueError(f"an alias is a name without ':' and '=', not {alias!r}")
    return _expanded(setting, value)


def _take_root(
    setting: Setting, alias: str, folder: Any, roots: dict[str, str], troubles: list[Trouble]
) -> None:
    try:
        roots |= check_value(setting, {alias: folder})
    except ValueError as trouble:
        troubles.append(Trouble(f"roots.{alias}", str(trouble)))


def _flat(given: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        key = prefix + name
        if isinstance(value, Mapping) and key in sections():
            yield from _flat(value, f"{key}.")
        else:
            yield key, value


def _unknown(key: str, raw: Any) -> str:
    if key in sections():
        return f"this is a table: write [{key}] and its settings below"
    import difflib

    known = sorted({*settings(), *sections()})
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    if not close:  # the right name below the wrong table
        name = key.rpartition(".")[2]
        close = [one for one in known if one.rpartition(".")[2] == name][:1]
    what = "table" if isinstance(raw, Mapping) else "setting"
    meant = f"; did you mean {close[0]}?" if close else ""
    return f"there is no such {what}{meant}"


def _plain(text: str, setting: Setting) -> str:
    """Return msgspec's sentence in words of people: 'expected a whole number, got text'."""
    sentence = text.partition(" - at ")[0].replace(" | null", "").replace("`", "")
    for word, said in _WORDS.items():
        sentence = re.sub(rf"\b{word}\b", said, sentence)
    if choices := _choices(setting.type):
        sentence += f"; it is one of {', '.join(choices)}"
    return sentence[:1].lower() + sentence[1:]


def _choices(hint: Any) -> list[str]:
    if typing.get_origin(hint) is typing.Literal:
        return [str(one) for one in typing.get_args(hint)]
    return [choice for one in typing.get_args(hint) for choice in _choices(one)]


def _texts(setting: Setting, value: Any) -> list[str]:
    if not setting.kind or value is None:
        return []
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else [value]


def _check_text(kind: str, text: str) -> None:
    match kind:
        case "folder":
            path = Path(text).expanduser()
            if not path.is_absolute() and not PureWindowsPath(text).is_absolute():
                raise ValueError(f"{text!r} is no absolute folder")
        case "agent" | "worker":
            # Only here: it asks us for the addresses that are configured.
            from planecast_protocol.endpoints import AgentAddress, check_worker_address

            check = AgentAddress.listening if kind == "agent" else check_worker_address
            try:
                check(text)
            except EndpointError as trouble:
                raise ValueError(trouble.message) from None


def _expanded(setting: Setting, value: Any) -> Any:
    """Return folders with the home of `~` in them."""
    if setting.kind != "folder" or value is None:
        return value
    if isinstance(value, dict):
        return {alias: str(Path(folder).expanduser()) for alias, folder in value.items()}
    if isinstance(value, list):
        return [str(Path(folder).expanduser()) for folder in value]
    return str(Path(value).expanduser())
